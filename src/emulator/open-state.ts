import { forgottenIdentities } from './hub/identity-kind.ts';
import type { EmulatedHubs } from './server/emulated-hubs.ts';
import type { ProvisioningService } from './service/provisioning-service.ts';
import type { StateLine } from './service/state-kind.ts';
import { type KeptState, keepState } from './state/keep-state.ts';

type Kept = {
  /** `null` = nothing is kept. */
  readonly file: string | null;
  /** To which service and hubs add what changes. */
  readonly changes: StateLine[] | null;
  readonly service: ProvisioningService;
  /** `null` = they are not served. */
  readonly hubs: EmulatedHubs | null;
  readonly nowMs: number;
  readonly log: (line: string) => void;
};

/** Enters what the state file holds of service and hubs, and keeps it from now on. @throws OperatorError when it cannot be used */
export async function openState({ file, changes, service, hubs, nowMs, log }: Kept): Promise<KeptState | null> {
  if (file === null || changes === null) return null;
  const ofHubs =
    hubs?.stateKind() ??
    forgottenIdentities((lines) => {
      log(`${file}: drops what it holds about the hubs (lines: ${lines}), because there is no hub port now`);
    });
  const idScopes = [...service.instances].map(({ idScope }) => idScope);
  return keepState({ file, idScopes, kinds: [...service.stateKinds(), ofHubs], changes, nowMs, log });
}
