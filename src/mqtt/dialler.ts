import type { Dial } from './dial.ts';
import { tlsDialler } from './tls-dialler.ts';
import type { TlsChoices, TlsEndpoint } from './tls-sockets.ts';
import { webSocketDialler } from './websocket-dialler.ts';

export type Transport = 'mqtt' | 'websocket';

/** How all connections of a run are opened. Structured-clonable. */
export type DiallerSettings = TlsEndpoint & { readonly transport: Transport; readonly tls: TlsChoices };

/** @throws what `tls.createSecureContext` throws for roots that it cannot read. */
export function dialler({ transport, tls, ...endpoint }: DiallerSettings): Dial {
  return transport === 'websocket' ? webSocketDialler(endpoint, tls) : tlsDialler(endpoint, tls);
}
