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
