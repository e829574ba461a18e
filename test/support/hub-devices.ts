import type { Packet } from 'mqtt-packet';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { hubUsername } from '../../src/dps/hub-identity.ts';
import { buildHubSasToken } from '../../src/dps/sas-token.ts';
import { GROUP_KEY } from './emulated-instance.ts';

/** Long after every test. */
const EXPIRY_EPOCH_SECONDS = 4_000_000_000;

export type HubLogin = {
  readonly hub: string;
  readonly id: string;
  /** Default: that of a device of the group with `GROUP_KEY`. */
  readonly key?: string;
  readonly expiryEpochSeconds?: number;
};

/** How a device logs in at its hub with a token. */
export function hubLogin({ hub, id, key, expiryEpochSeconds = EXPIRY_EPOCH_SECONDS }: HubLogin) {
  const token = buildHubSasToken(hub, id, key ?? deriveDeviceKey(GROUP_KEY, id), expiryEpochSeconds);
  return { clientId: id, username: hubUsername(hub, id), password: token };
}

/** CONNECT of a device at its hub. */
export function hubConnectPacket(login: HubLogin, settings: object = {}): Packet {
  const { password, ...names } = hubLogin(login);
  return { cmd: 'connect', ...names, password: Buffer.from(password), clean: true, keepalive: 0, ...settings };
}
