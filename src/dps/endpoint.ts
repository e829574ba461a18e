/** The shared front end of every DPS instance of the public cloud; the ID scope picks the tenant. */
export const GLOBAL_HOST = 'global.azure-devices-provisioning.net';

/** MQTT 3.1.1 over TLS. */
export const MQTT_PORT = 8883;

/** MQTT 3.1.1 over WebSocket over TLS. */
export const WEBSOCKET_PORT = 443;

/** The oldest api-version that reports every substatus and is stable. */
export const API_VERSION_DEFAULT = '2021-06-01';

/** Largest message that the service documents, in bytes (device to service). */
export const MESSAGE_BYTES_MAX = 96 * 1024;

/** `0ne` and 8 more letters or digits in the public cloud (`0ne00111111`); `0cn…` and others elsewhere are third-party evidence. */
const ID_SCOPE = /^0[a-z]{2}[0-9A-Za-z]{8}$/;

/** Why `idScope` cannot be an ID scope, as the end of a sentence, or `null` when it can. */
export function idScopeProblem(idScope: string): string | null {
  if (ID_SCOPE.test(idScope)) return null;
  return 'does not look like an ID scope: 0ne and 8 letters or digits, for example 0ne00111111 (shown on the overview page of the DPS instance)';
}
