import type { Packet } from 'mqtt-packet';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';

/** Packets of a device in the group with `GROUP_KEY`. */
export function connectPacket(id: string, settings: object = {}): Packet {
  const password = Buffer.from(buildSasToken(ID_SCOPE, id, deriveDeviceKey(GROUP_KEY, id), 4_000_000_000));
  const username = `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`;
  return { cmd: 'connect', clientId: id, username, password, clean: true, keepalive: 0, ...settings };
}

export function subscribePacket(qos: 0 | 1 | 2 = 1): Packet {
  return { cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: '$dps/registrations/res/#', qos }] };
}

export function publishPacket(topic: string, qos: 0 | 1 = 0, payload = ''): Packet {
  return { cmd: 'publish', topic, payload, qos, messageId: 7, dup: false, retain: false };
}

export function registerPacket(requestId: string, qos: 0 | 1 = 0): Packet {
  return publishPacket(`$dps/registrations/PUT/iotdps-register/?$rid=${requestId}`, qos);
}

export function pollPacket(requestId: string, operationId: string): Packet {
  return publishPacket(
    `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${requestId}&operationId=${operationId}`,
  );
}
