import type { TlsChoices, TlsEndpoint } from './tls-sockets.ts';

export type Transport = 'mqtt' | 'websocket';

/** What speaks MQTT: the session of this project, or MQTT.js, so that anyone can check that a result does not depend on the client. */
export const MQTT_CLIENTS = ['dpsload', 'mqtt.js'] as const;

export type MqttClientName = (typeof MQTT_CLIENTS)[number];

/** How a run connects to the service. Structured-clonable. */
export type ServiceConnectionSettings = TlsEndpoint & {
  readonly transport: Transport;
  readonly mqttClient: MqttClientName;
  readonly tls: TlsChoices;
};
