/** The front end shared by all DPS instances of the public cloud; the ID scope selects the instance. */
export const GLOBAL_HOST = 'global.azure-devices-provisioning.net';

/** MQTT 3.1.1 over TLS. */
export const MQTT_PORT = 8883;

/** MQTT 3.1.1 over WebSocket over TLS. */
export const WEBSOCKET_PORT = 443;

/**
 * Endings of the names of IoT hubs: in the public cloud, and in those for China and the United States' government, which only third parties
 * report.
 */
export const HUB_HOST_ENDINGS: readonly string[] = ['.azure-devices.net', '.azure-devices.cn', '.azure-devices.us'];

/** The oldest stable api-version that reports every substatus. */
export const API_VERSION_DEFAULT = '2021-06-01';

/** The documented limit for messages from device to service, in bytes. */
export const MESSAGE_BYTES_MAX = 96 * 1024;

/** The documented limit for a message from device to hub, in bytes. */
export const HUB_MESSAGE_BYTES_MAX = 256 * 1024;

/** `0ne` and 8 letters or digits in the public cloud (`0ne00111111`); third parties report `0cn…` and others for other clouds. */
const ID_SCOPE = /^0[a-z]{2}[0-9A-Za-z]{8}$/;

/** Why `idScope` is not a valid ID scope, as the end of a sentence; `null` if it is. */
export function idScopeProblem(idScope: string): string | null {
  if (ID_SCOPE.test(idScope)) return null;
  return 'does not look like an ID scope: 0ne followed by 8 letters or digits, for example 0ne00111111 (shown on the overview page of the DPS instance)';
}
