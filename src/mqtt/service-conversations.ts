import type { OpenConversation } from '../conversation/conversation.ts';
import type { Clock } from '../time/clock.ts';
import type { ServiceConnectionSettings } from './connection-settings.ts';
import { mqttConversations } from './mqtt-conversation.ts';
import { mqttJsConnections } from './mqtt-js-connection.ts';
import { ownMqttConnections } from './own-mqtt-connection.ts';
import { tlsDialler } from './tls-dialler.ts';
import { webSocketDialler } from './websocket-dialler.ts';

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
