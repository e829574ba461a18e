import { API_VERSION_DEFAULT, GLOBAL_HOST, MQTT_PORT, WEBSOCKET_PORT } from '../../dps/endpoint.ts';
import { MQTT_CLIENTS, type MqttClientName, type Transport } from '../../mqtt/connection-settings.ts';
import { HOUR_MS } from '../../time/duration.ts';
import { durationOrOff } from '../notation/duration.ts';
import { ADDRESSES, PINNED_ADDRESSES } from '../notation/lists.ts';
import { API_VERSION, choice, FILE, HOST, ID_SCOPE, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { inGroup, setting, unflagged } from './setting.ts';

const TLS_VERSION = choice(['1.2', '1.3']);
const EXPLICIT_TARGET = 'a target is always explicit';

/** What a run connects to, and how. */
export const TARGET_SETTINGS = inGroup('Target', {
  emulator: setting('target.emulator', YES_NO, {
    default: false,
    reason: EXPLICIT_TARGET,
    help: 'use the embedded DPS emulator, started for this run',
  }),
  emulatorConfig: setting('target.emulator.config', FILE, {
    defaultText: 'one enrollment group and three hubs of equal weight',
    reason: 'enough for a first run',
    help: 'YAML configuration of the emulator',
  }),
  throwAway: unflagged('target.emulator.throwAway', YES_NO, {
    default: false,
    defaultText: 'no; without an emulator configuration, a group key is always created',
    reason: 'keys belong to the operator',
    help: 'create the group key (DPSLOAD_GROUP_KEY in the emulator configuration) or the x509 CA for this run only',
  }),
  host: setting('target.host', HOST, {
    reason: EXPLICIT_TARGET,
    help: `use a DPS instance: ${GLOBAL_HOST}, or the instance's own host name; requires --id-scope`,
  }),
  idScope: setting('target.idScope', ID_SCOPE, { reason: EXPLICIT_TARGET, help: 'ID scope of the DPS instance' }),
  transport: setting<Transport>('target.transport', choice(['mqtt', 'websocket']), {
    default: 'mqtt',
    reason: 'what most devices use',
    help: 'MQTT over TLS, or MQTT over secure WebSocket for networks that allow only HTTPS',
  }),
  mqttClient: setting<MqttClientName>('target.mqttClient', choice(MQTT_CLIENTS), {
    default: 'dpsload',
    reason: 'uses the least CPU, and sends the same packets in the same order',
    help: 'client that speaks MQTT: dpsload, or MQTT.js to check that results do not depend on the client',
  }),
  port: setting('target.port', wholeNumberBetween(1, 65_535), {
    defaultText: `${MQTT_PORT}, or ${WEBSOCKET_PORT} with --transport websocket`,
    reason: "the service's ports",
    help: 'port of the host',
  }),
  ca: setting('target.ca', FILE, {
    defaultText: 'system roots only',
    reason: 'the service has a public certificate',
    help: 'PEM file of CA certificates to trust in addition to the system roots',
  }),
  caOnly: setting('target.caOnly', FILE, {
    defaultText: 'the system roots',
    reason: 'the service has a public certificate',
    help: 'PEM file of CA certificates to trust instead of the system roots',
  }),
  dnsCache: setting('target.dnsCache', durationOrOff(1_000, HOUR_MS), {
    default: 30_000,
    reason: 'as long as the name services of cloud load balancers ask for',
    help: "how long to use the host's addresses before looking them up again; off looks them up for each connection",
  }),
  resolve: setting('target.resolve', PINNED_ADDRESSES, {
    defaultText: 'from DNS',
    reason: 'DNS normally knows the address',
    help: 'connect to this address for host and port, as with curl; SNI and certificate checks keep the name',
  }),
  serverName: setting('target.serverName', HOST, {
    defaultText: 'the host',
    reason: 'the certificate usually names the host',
    help: 'name to send as SNI and to expect in the certificate; for a host that is an IP address or a private endpoint',
  }),
  tlsMin: setting('target.tlsMin', TLS_VERSION, {
    default: '1.2',
    reason: 'the only version that the service guarantees',
    help: 'oldest TLS version to accept',
  }),
  tlsMax: setting('target.tlsMax', TLS_VERSION, {
    default: '1.3',
    reason: 'the newest version',
    help: 'newest TLS version to offer',
  }),
  localAddress: setting('target.localAddress', ADDRESSES, {
    defaultText: 'chosen by the system',
    reason: 'one address has about 28,000 ports for one target, enough for most runs',
    help: 'source addresses, used in turn; each has its own local ports',
  }),
  apiVersion: setting('target.apiVersion', API_VERSION, {
    default: API_VERSION_DEFAULT,
    reason: 'the oldest that reports every substatus',
    help: 'api-version of the device API',
  }),
});
