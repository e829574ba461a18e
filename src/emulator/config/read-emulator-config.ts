import type { DpsInstance } from '../service/dps-instance.ts';
import type { FaultRule } from '../service/fault-rule.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import { ConfigPlace } from './config-place.ts';
import { emulatorSchema } from './emulator-schema.ts';
import { resolveInstance } from './resolve-instance.ts';

/** A configuration file as options of `startEmulator`. */
export type EmulatorConfig = {
  readonly instances: readonly DpsInstance[];
  readonly behavior: ServiceBehavior;
  readonly faults: readonly FaultRule[];
  readonly seed: number;
};

/**
 * Reads a configuration file, and the keys and certificates that it names.
 *
 * @param environment holds the keys of `…Variable`
 * @throws OperatorError with every problem of the file, each with line and column.
 */
export function readEmulatorConfig(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): EmulatorConfig {
  const root = ConfigPlace.rootOf(file);
  const { version: _, instances: named, ...config } = root.parse(emulatorSchema);
  const instances = named.map((instance, index) => resolveInstance(instance, environment, root.at('instances', index)));
  root.throwIfAny();
  return { ...config, instances };
}
