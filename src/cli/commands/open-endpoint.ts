import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import type { TargetName } from '../../journal/target-name.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { type EmbeddedEmulator, startEmbeddedEmulator } from '../host/embedded-emulator.ts';

/** The service, or the emulator that was started for this command. */
export type Endpoint = {
  readonly target: TargetName;
  readonly caPems: readonly string[];
  readonly emulator: EmbeddedEmulator | null;
};

/** Starts the emulator if it is the target; the caller stops it. */
export async function openEndpoint(
  { target, transport, hubCheck }: Scenario,
  keys: AttestationKeys,
  caPems: readonly string[],
): Promise<Endpoint> {
  if (target.kind === 'service') return { target, caPems, emulator: null };
  const emulator = await startEmbeddedEmulator(keys, target.configFile, { transport, withHubs: hubCheck !== null });
  const { host, port, idScope } = emulator;
  return { target: { kind: 'emulator', host, port, idScope }, caPems: [...caPems, emulator.caPem], emulator };
}
