import type { DpsInstance } from '../service/dps-instance.ts';
import { idOf, isSame } from '../service/enrollment-store.ts';
import type { EmulatorConfig } from './read-emulator-config.ts';

/** Values by the name under which people know them. */
type Named = readonly (readonly [name: string, value: unknown])[];

/** What can change, and where it is in a configuration. */
const KINDS: readonly (readonly [kind: string, valuesIn: (config: EmulatorConfig) => Named])[] = [
  ['ID scopes', ({ instances }) => instances.map(({ idScope }) => [idScope, null])],
  ['allocation policy', inEach(({ allocationPolicy }) => [['', allocationPolicy]])],
  ['linked hubs', inEach(({ linkedHubs }) => linkedHubs.map((hub) => [hub.hostName, hub]))],
  ['latency regions', inEach(({ latencyRegions }) => latencyRegions.map((region, index) => [`${index + 1}`, region]))],
  ['CA certificates', inEach(({ caCertificates }) => caCertificates.map((each) => [each.subject, each]))],
  ['enrollment groups', inEach(({ enrollmentGroups }) => enrollmentGroups.map((group) => [idOf(group), group]))],
  [
    'individual enrollments',
    inEach(({ individualEnrollments }) => individualEnrollments.map((individual) => [idOf(individual), individual])),
  ],
  ['service host name', inEach(({ serviceHostName }) => [['', serviceHostName]])],
  [
    'shared access policies',
    inEach(({ sharedAccessPolicies }) => sharedAccessPolicies.map((each) => [each.name, each])),
  ],
  ['quotas', inEach(({ quotas }) => [['', quotas]])],
  ['behavior', ({ behavior }) => Object.entries(behavior).map(([name, value]) => [nameInFile(name), value])],
  ['faults', ({ faults }) => faults.map((rule, index) => [`${index + 1}: ${rule.fault.kind}`, rule])],
  ['seed', ({ seed }) => [[String(seed), null]]],
];

/** What differs between two configurations, for people: one line for each kind. */
export function configChanges(before: EmulatorConfig, after: EmulatorConfig): readonly string[] {
  return KINDS.flatMap(([kind, valuesIn]) => {
    const changes = changesOf(valuesIn(before), valuesIn(after));
    return changes === '' ? [] : [`${kind}: ${changes}`];
  });
}

/** A member of the file has no unit in its name, because its value has one. */
function nameInFile(member: string): string {
  return member.replace(/(Ms|Seconds)$/, '');
}

/** With the ID scope in front of the names where there are several. */
function inEach(valuesIn: (instance: DpsInstance) => Named): (config: EmulatorConfig) => Named {
  return ({ instances }) =>
    instances.flatMap((instance) =>
      valuesIn(instance).map(([name, value]) => {
        const whole = instances.length === 1 ? name : [instance.idScope, name].filter((part) => part !== '').join('/');
        return [whole, value] as const;
      }),
    );
}

function changesOf(before: Named, after: Named): string {
  const known = new Map(before);
  const added: string[] = [];
  const changed: string[] = [];
  for (const [name, value] of after) {
    if (!known.has(name)) added.push(name);
    else if (!isSame(known.get(name), value)) changed.push(name);
    known.delete(name);
  }
  const all = { added, changed, removed: [...known.keys()] };
  return Object.entries(all)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${namesIn(names)}${what}`)
    .join('; ');
}

/** Names of one kind that fit into a line. */
const NAMES_MAX = 3;

/** Values without a name are the only ones of their kind. */
function namesIn(names: readonly string[]): string {
  if (names[0] === '') return '';
  const rest = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(', ')}${rest > 0 ? ` and ${rest} more` : ''} `;
}
