import type { OnReadOpts } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { connect } from 'mqtt';
import type { MakeCredentials } from '../../src/attestation/make-credentials.ts';
import type { ClientCertificate } from '../../src/conversation/client-certificate.ts';
import { connectUsername } from '../../src/dps/connect-identity.ts';
import { API_VERSION_DEFAULT } from '../../src/dps/endpoint.ts';
import { parseAnswerBody, registerBody } from '../../src/dps/payloads.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { pollTopic, RESPONSE_TOPIC_FILTER, registerTopic } from '../../src/dps/topics.ts';
import type { MqttClientName } from '../../src/mqtt/connection-settings.ts';
import { PACKET_BYTES_MAX } from '../../src/mqtt/dial.ts';
import { KEEP_ALIVE_SECONDS } from '../../src/mqtt/mqtt-connection.ts';
import {
  connectPacket,
  DISCONNECT,
  PacketReader,
  pubackPacket,
  publishPacket,
  subscribePacket,
} from '../../src/mqtt/packets.ts';
import { serviceConversations } from '../../src/mqtt/service-conversations.ts';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { runRegistration } from '../../src/registration/run-registration.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { launch } from '../support/launches.ts';
import { UNHEARD } from '../support/unheard.ts';
import type { ServerReady } from './dps-server.ts';
import type { Contender } from './interleaved-rounds.ts';

const HOST = '127.0.0.1';
const ID_SCOPE = '0ne00111111';
const USER_AGENT = 'bench/1.0.0';
const DEVICE_KEY = Buffer.alloc(32, 7).toString('base64');
const TOKEN_LIFE_SECONDS = 3600;

/**
 * TLS alone, with Node's own means: one context for all, and the name checked without the objects that Node makes of the server's chain.
 *
 * @param certificates presented in turn; none = without a client certificate
 */
export function bareHandshake(
  { port, caPem }: ServerReady,
  certificates: readonly ClientCertificate[] = [],
): Contender {
  const shared = createSecureContext({ ca: caPem });
  const contextOf = (certificate: ClientCertificate | undefined): SecureContext =>
    certificate === undefined
      ? shared
      : createSecureContext({ ca: caPem, cert: certificate.chainPem, key: certificate.privateKeyPem });
  const run = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = openSocket({ port, secureContext: contextOf(certificates[index % certificates.length]) });
      socket.on('secureConnect', () => socket.end());
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.resume();
    });
  return { name: 'bare TLS handshake and close', run };
}

/** `tls.connect` takes what `net.connect` does, too. */
function openSocket(options: ConnectionOptions & { readonly onread?: OnReadOpts }): TLSSocket {
  const socket: TLSSocket = connectTls({
    host: HOST,
    ...options,
    checkServerIdentity: () =>
      socket.getPeerX509Certificate()?.checkIP(HOST) === undefined ? new Error('another server') : undefined,
  });
  socket.getPeerCertificate = () => ({}) as PeerCertificate & { issuerCertificate: never };
  return socket;
}

/**
 * The packets of a registration over such a handshake, and nothing else: no credentials, times, timers or limits. What is read and written
 * in so many steps costs at least this in Node, so no client can be nearer to a bare handshake.
 */
export function barePackets({ port, caPem }: ServerReady): Contender {
  const secureContext = createSecureContext({ ca: caPem });
  const identity = { idScope: ID_SCOPE, registrationId: 'bare', apiVersion: API_VERSION_DEFAULT };
  const login = { clientId: 'bare', username: connectUsername(identity, USER_AGENT), password: token('bare', 0) };
  const connectBytes = connectPacket({ ...login, keepAliveSeconds: KEEP_ALIVE_SECONDS });
  const subscribeBytes = subscribePacket(1, RESPONSE_TOPIC_FILTER);
  const registerBytes = publishPacket(2, registerTopic('1'), registerBody('bare', null));
  const buffer = Buffer.allocUnsafeSlow(PACKET_BYTES_MAX);
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const reader = new PacketReader(PACKET_BYTES_MAX, (packet) => {
        if (packet.type === 'connack') socket.write(subscribeBytes);
        else if (packet.type === 'suback') socket.write(registerBytes);
        else if (packet.type === 'publish') answered(packet.payload, pubackPacket(packet.packetId ?? 1));
      });
      const answered = (payload: string, puback: Buffer): void => {
        const body = parseAnswerBody(payload);
        if (body?.status === 'assigned') socket.end(Buffer.concat([puback, DISCONNECT]));
        else socket.write(Buffer.concat([puback, publishPacket(3, pollTopic('2', body?.operationId ?? ''), '')]));
      };
      const callback = (bytes: number): boolean => {
        reader.read(buffer.subarray(0, bytes));
        return true;
      };
      const socket = openSocket({ port, secureContext, onread: { buffer, callback } });
      socket.setNoDelay(true);
      socket.on('secureConnect', () => socket.write(connectBytes));
      socket.on('error', reject);
      socket.on('close', () => resolve());
    });
  return { name: 'the packets alone', run };
}

/** The whole conversation as most programs would write it for the service. NODE_EXTRA_CA_CERTS must name the server's root. */
export function plainMqttJs({ port }: Pick<ServerReady, 'port'>): Contender {
  const run = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const registrationId = `plain-${index}`;
      const client = connect({
        protocol: 'mqtts',
        host: HOST,
        port,
        reconnectPeriod: 0,
        clientId: registrationId,
        username: connectUsername({ idScope: ID_SCOPE, registrationId, apiVersion: API_VERSION_DEFAULT }, USER_AGENT),
        password: token(registrationId, Date.now()),
      });
      client.on('error', reject);
      client.on('close', resolve);
      client.on('connect', () => client.subscribe(RESPONSE_TOPIC_FILTER, { qos: 1 }, register));
      const register = (): void => {
        client.publish(registerTopic('1'), registerBody(registrationId, null), { qos: 1 });
      };
      client.on('message', (_topic, payload) => {
        const body = parseAnswerBody(payload.toString());
        if (body?.status === 'assigned') client.end();
        else client.publish(pollTopic('2', body?.operationId ?? ''), '', { qos: 1 });
      });
    });
  return { name: 'plain MQTT.js, by hand', run };
}

/** The client as it is: registration machine, driver, connection. */
export function dpsloadClient(ready: ServerReady, mqttClient: MqttClientName): Contender {
  const makeCredentials: MakeCredentials = async ({ registrationId }) => ({
    credentials: { keys: 1, password: (epochMs: number) => token(registrationId, epochMs), clientCertificate: null },
  });
  return registrations({ ...ready, mqttClient }, `dpsload --mqtt-client ${mqttClient}`, makeCredentials);
}

/** Whole registrations, their credentials included. */
export function registrations(
  { port, caPem, mqttClient = 'dpsload' }: ServerReady & { readonly mqttClient?: MqttClientName },
  name: string,
  makeCredentials: MakeCredentials,
): Contender {
  const clock = systemClock(hrtimeMs());
  const endpoint = { host: HOST, port, caPems: [caPem], addresses: null };
  const settings = { ...endpoint, transport: 'mqtt', mqttClient, tls: TLS_CHOICES_DEFAULT } as const;
  const opening = serviceConversations(settings, clock);
  const run = async (index: number): Promise<void> => {
    const row = launch(index);
    const made = await makeCredentials(row);
    if ('refusal' in made) throw new Error(made.refusal.message);
    const { outcome } = runRegistration({
      launch: row,
      credentials: made.credentials,
      // The others do not pause before they poll.
      policy: { ...REGISTRATION_POLICY_DEFAULT, pollDelayDefaultMs: 0, pollDelayMinMs: 0 },
      seed: 1,
      clock,
      openConversation: await opening,
      idScope: ID_SCOPE,
      apiVersion: API_VERSION_DEFAULT,
      userAgent: USER_AGENT,
      ...UNHEARD,
    });
    const { result, errorMessage } = await outcome;
    if (result !== 'assigned') throw new Error(`${result}: ${errorMessage}`);
  };
  return { name, run };
}

function token(registrationId: string, epochMs: number): string {
  return buildSasToken(ID_SCOPE, registrationId, DEVICE_KEY, Math.floor(epochMs / 1000) + TOKEN_LIFE_SECONDS);
}
