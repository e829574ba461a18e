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

/**
 * Starts the emulator if it is the target; the caller stops it.
 *
 * @param running an emulator that is there already, and that its owner stops; `null` = none
 */
export async function openEndpoint(
  { target, transport, hubCheck }: Scenario,
  keys: AttestationKeys,
  caPems: readonly string[],
  running: EmbeddedEmulator | null,
): Promise<Endpoint> {
  if (target.kind === 'service') return { target, caPems, emulator: null };
  const ports = { transport, withHubs: hubCheck !== null, withServiceApi: false };
  const emulator =
    running === null
      ? await startEmbeddedEmulator(keys, target.configFile, ports)
      : { ...running, stop: async () => {} };
  const { host, port, idScope } = emulator;
  return { target: { kind: 'emulator', host, port, idScope }, caPems: [...caPems, emulator.caPem], emulator };
}
