import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import type { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';

/** A device of the group with `GROUP_KEY`, connected to the pure service. */
export function connectedDevice(service: ProvisioningService, id: string, nowMs: number): ConnectedDevice {
  const password = buildSasToken(ID_SCOPE, id, deriveDeviceKey(GROUP_KEY, id), nowMs / 1000 + 3600);
  const username = `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`;
  const answer = service.connect(
    { clientId: id, username, password, certificates: [], sourceAddress: () => null },
    nowMs,
  );
  if (answer.returnCode !== 0) throw new Error(answer.reason);
  return answer.device;
}
