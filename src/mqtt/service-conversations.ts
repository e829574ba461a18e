import type { OpenConversation } from '../conversation/conversation.ts';
import type { Clock } from '../time/clock.ts';
import { mqttConversations } from './mqtt-conversation.ts';
import { mqttJsConnections } from './mqtt-js-connection.ts';
import { ownMqttConnections } from './own-mqtt-connection.ts';
import { tlsDialler } from './tls-dialler.ts';
import type { TlsChoices, TlsEndpoint } from './tls-sockets.ts';
import { webSocketDialler } from './websocket-dialler.ts';

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

/**
 * Conversations with the real service, over the chosen transport.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function serviceConversations(settings: ServiceConnectionSettings, clock: Clock): OpenConversation {
  const { transport, mqttClient, tls } = settings;
  const dial = transport === 'websocket' ? webSocketDialler(settings, tls) : tlsDialler(settings, tls);
  const connections = mqttClient === 'dpsload' ? ownMqttConnections : mqttJsConnections;
  return mqttConversations(connections(dial, clock), clock);
}
