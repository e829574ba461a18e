import type { DpsInstance } from '../service/dps-instance.ts';
import { idOf } from '../service/enrollment-store.ts';
import { ConfigPlace } from './config-place.ts';
import { configPatchSchema } from './emulator-schema.ts';
import type { EmulatorConfig } from './read-emulator-config.ts';

/**
 * Reads parts of a configuration that came over the network: nothing in them names a file or a variable of this machine.
 *
 * @param text JSON
 * @returns the parts of the whole configuration that change
 * @throws OperatorError with every problem of the text.
 */
export function readConfigPatch(text: string, current: EmulatorConfig): Partial<EmulatorConfig> {
  const root = ConfigPlace.ofText('request', text, 'JSON');
  const { instances: changed, ...parts } = root.parse(configPatchSchema);
  const instances = new Map(current.instances.map((instance) => [instance.idScope, instance]));
  for (const [index, { idScope, ...settings }] of (changed ?? []).entries()) {
    const known = instances.get(idScope);
    if (known === undefined) {
      root.at('instances', index, 'idScope').note('is unknown', `Name one of ${[...instances.keys()].join(', ')}`);
      continue;
    }
    const whole: DpsInstance = { ...known, ...given(settings) };
    instances.set(idScope, whole);
    noteUnlinked(whole, root.at('instances', index));
  }
  root.throwIfAny();
  return { ...given(parts), ...(changed === undefined ? {} : { instances: [...instances.values()] }) };
}

/** Without the members that are undefined. */
function given<Members extends object>(members: Members): { [Name in keyof Members]?: NonNullable<Members[Name]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

/** Enrollments and regions name hubs that must be linked. */
function noteUnlinked(instance: DpsInstance, place: ConfigPlace): void {
  const { linkedHubs, latencyRegions, enrollmentGroups, individualEnrollments } = instance;
  const linked = new Set(linkedHubs.map(({ hostName }) => hostName));
  const named = [
    ...latencyRegions.flatMap(({ latenciesMs }) => Object.keys(latenciesMs).map((hub) => [hub, 'a latency region'])),
    ...[...enrollmentGroups, ...individualEnrollments].flatMap((enrollment) =>
      enrollment.iotHubs.map((hub) => [hub, `enrollment ${idOf(enrollment)}`]),
    ),
  ];
  for (const [hub = '', by] of named) {
    if (!linked.has(hub)) place.note(`lacks the hub ${hub}, which ${by} names`, 'Keep it among linkedHubs');
  }
}
