import { MQTT_PORT, WEBSOCKET_PORT } from '../../dps/endpoint.ts';
import type { Transport } from '../../mqtt/service-conversations.ts';
import { ADDRESSES } from '../notation/lists.ts';
import { choice, FILE, HOST, wholeNumberBetween } from '../notation/notation.ts';
import { setting } from './setting.ts';

const TLS_VERSION = choice(['1.2', '1.3']);

/** How devices connect. */
export const CONNECTION_SETTINGS = {
  transport: setting<Transport>({
    key: 'target.transport',
    notation: choice(['mqtt', 'websocket']),
    default: 'mqtt',
    reason: 'what most devices do',
    help: 'MQTT over TLS, or over WebSocket over TLS for networks that let only HTTPS through',
    group: 'Target',
  }),
  port: setting({
    key: 'target.port',
    notation: wholeNumberBetween(1, 65_535),
    default: null,
    defaultText: `${MQTT_PORT}, or ${WEBSOCKET_PORT} with --transport websocket`,
    reason: 'the ports of the service',
    help: 'port of the host',
    group: 'Target',
  }),
  ca: setting({
    key: 'target.ca',
    notation: FILE,
    default: null,
    defaultText: "the system's roots alone",
    reason: 'the service has a public certificate',
    help: 'PEM file of CA certificates, trusted beside the roots of the system',
    group: 'Target',
  }),
  caOnly: setting({
    key: 'target.caOnly',
    notation: FILE,
    default: null,
    defaultText: "the system's roots",
    reason: 'the service has a public certificate',
    help: 'PEM file of CA certificates, trusted instead of the roots of the system',
    group: 'Target',
  }),
  serverName: setting({
    key: 'target.serverName',
    notation: HOST,
    default: null,
    defaultText: 'the host',
    reason: 'a host bears its own name',
    help: 'name sent as SNI, which the certificate must bear; for a host that is an address or a private endpoint',
    group: 'Target',
  }),
  tlsMin: setting({
    key: 'target.tlsMin',
    notation: TLS_VERSION,
    default: '1.2',
    reason: 'the only version that the service promises',
    help: 'oldest TLS version that is spoken',
    group: 'Target',
  }),
  tlsMax: setting({
    key: 'target.tlsMax',
    notation: TLS_VERSION,
    default: '1.3',
    reason: 'the newest there is',
    help: 'newest TLS version that is spoken',
    group: 'Target',
  }),
  localAddress: setting({
    key: 'target.localAddress',
    notation: ADDRESSES,
    default: null,
    defaultText: 'the system chooses',
    reason: 'one address has about 28,000 ports towards one target, enough for most runs',
    help: 'source addresses, used in turn, each with local ports of its own',
    group: 'Target',
  }),
} as const;
