import type { OpenConversation } from '../conversation/conversation.ts';
import type { Clock } from '../time/clock.ts';
import type { ServiceConnectionSettings } from './connection-settings.ts';
import { mqttConversations } from './mqtt-conversation.ts';
import { ownMqttConnections } from './own-mqtt-connection.ts';
import { tlsDialler } from './tls-dialler.ts';

/**
 * Conversations with the real service, over the chosen transport.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export async function serviceConversations(
  settings: ServiceConnectionSettings,
  clock: Clock,
): Promise<OpenConversation> {
  const { transport, mqttClient, tls } = settings;
  // Few runs use WebSockets or MQTT.js. Loading MQTT.js costs each thread over 100 ms of CPU time, more than everything else that it needs to
  // connect.
  const dialler = transport === 'websocket' ? (await import('./websocket-dialler.ts')).webSocketDialler : tlsDialler;
  const dial = dialler(settings, tls);
  const connections =
    mqttClient === 'dpsload' ? ownMqttConnections : (await import('./mqtt-js-connection.ts')).mqttJsConnections;
  return mqttConversations(connections(dial, clock), clock);
}
