import type { OpenConversation } from '../conversation/conversation.ts';
import type { Clock } from '../time/clock.ts';
import { mqttConversations } from './mqtt-conversation.ts';
import { mqttJsConnections } from './mqtt-js-connection.ts';
import { tlsDialler } from './tls-dialler.ts';
import type { TlsChoices, TlsEndpoint } from './tls-sockets.ts';
import { webSocketDialler } from './websocket-dialler.ts';

export type Transport = 'mqtt' | 'websocket';

/** How a run connects to the service. Structured-clonable. */
export type ServiceConnectionSettings = TlsEndpoint & { readonly transport: Transport; readonly tls: TlsChoices };

/**
 * Conversations with the real service, over the chosen transport.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function serviceConversations(
  { transport, tls, ...endpoint }: ServiceConnectionSettings,
  clock: Clock,
): OpenConversation {
  const dial = transport === 'websocket' ? webSocketDialler(endpoint, tls) : tlsDialler(endpoint, tls);
  return mqttConversations(mqttJsConnections(dial, clock), clock);
}
