import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Aedes, type AedesPublishPacket, type Client } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

/*
 * A provisioning service that shares no code with the client: the broker Aedes with a small responder, written from the service's
 * documentation. What a device sends is checked here by means of Node alone.
 */

export type ForeignServiceOptions = {
  readonly certPem: string;
  readonly keyPem: string;
  /** PEM of the CA whose devices may come with a certificate. */
  readonly deviceCaPem: string;
  readonly idScope: string;
  /** base64 */
  readonly groupKey: string;
  readonly retryAfterSeconds: number;
};

export type SeenDevice = {
  /** `sas`, `certificate`, or what is wrong with it. */
  proof: string;
  clean: boolean;
  keepaliveSeconds: number;
  readonly subscriptions: string[];
  readonly requests: { readonly topic: string; readonly body: string; readonly atMs: number }[];
  /** Bodies of register requests that were answered, as the service read them. */
  payload: unknown;
};

export type ForeignService = {
  readonly port: number;
  readonly websocketPort: number;
  /** By registration ID. */
  readonly devices: ReadonlyMap<string, SeenDevice>;
  close(): Promise<void>;
};

export const FOREIGN_HUB = 'foreign-hub.azure-devices.net';

export async function startForeignService(options: ForeignServiceOptions): Promise<ForeignService> {
  const { certPem, keyPem, deviceCaPem } = options;
  const devices = new Map<string, SeenDevice>();
  const broker = await foreignBroker(options, devices);
  const tls = { cert: certPem, key: keyPem, ca: deviceCaPem, requestCert: true, rejectUnauthorized: false } as const;
  const mqtt = createTlsServer(tls, (socket) => void broker.handle(socket));
  const https = createHttpsServer(tls);
  const websockets = new WebSocketServer({
    server: https,
    handleProtocols: (offered) => offered.has('mqtt') && 'mqtt',
  });
  websockets.on('connection', (socket, request) => {
    const stream = createWebSocketStream(socket);
    stream.on('error', () => {});
    broker.handle(stream, request);
  });
  await Promise.all([mqtt, https].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  return {
    port: portOf(mqtt),
    websocketPort: portOf(https),
    devices,
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve));
      for (const server of [mqtt, https]) server.close();
    },
  };
}

async function foreignBroker(options: ForeignServiceOptions, devices: Map<string, SeenDevice>): Promise<Aedes> {
  const broker = await Aedes.createBroker({
    authenticate(client, username, password, done) {
      const proof = proofOf(client, username ?? '', password?.toString() ?? '', options);
      const seen = seenDevice(devices, client.id);
      seen.proof = proof;
      done(null, proof === 'sas' || proof === 'certificate');
    },
    authorizeSubscribe(client, subscription, done) {
      seenDevice(devices, client.id).subscriptions.push(`${subscription.topic} ${subscription.qos}`);
      done(null, subscription.topic === '$dps/registrations/res/#' ? subscription : null);
    },
    preConnect(_, packet, done) {
      const seen = seenDevice(devices, packet.clientId);
      seen.clean = packet.clean ?? false;
      seen.keepaliveSeconds = packet.keepalive ?? 0;
      done(null, true);
    },
  });
  broker.on('publish', (packet, client) => {
    if (client !== null) respond(packet, client, seenDevice(devices, client.id), options.retryAfterSeconds);
  });
  return broker;
}

function seenDevice(devices: Map<string, SeenDevice>, id: string): SeenDevice {
  const known = devices.get(id);
  if (known !== undefined) return known;
  const device: SeenDevice = {
    proof: '',
    clean: false,
    keepaliveSeconds: 0,
    subscriptions: [],
    requests: [],
    payload: null,
  };
  devices.set(id, device);
  return device;
}

function proofOf(
  client: Client & { readonly req?: IncomingMessage },
  username: string,
  password: string,
  { idScope, groupKey }: ForeignServiceOptions,
): string {
  const name = new RegExp(
    `^${idScope}/registrations/${client.id}/api-version=\\d{4}-\\d\\d-\\d\\d(&ClientVersion=[^&]*)?$`,
  );
  if (!name.test(username)) return `user name ${username}`;
  if (password !== '')
    return sasProblem(password, `${idScope}/registrations/${client.id}`, client.id, groupKey) ?? 'sas';
  const socket = (client.req?.socket ?? client.conn) as TLSSocket;
  if (!socket.authorized) return `certificate not trusted: ${socket.authorizationError}`;
  const { CN } = socket.getPeerCertificate().subject;
  return CN === client.id ? 'certificate' : `certificate of ${CN}`;
}

/** `SharedAccessSignature sr={resource}&sig={HMAC-SHA256 of sr and se}&se={expiry}`, with a key that is derived from the group's. */
function sasProblem(token: string, resource: string, registrationId: string, groupKey: string): string | null {
  const [scheme, members = ''] = token.split(' ');
  const {
    sr = '',
    sig = '',
    se = '',
  } = Object.fromEntries(members.split('&').map((member) => member.split(/=(.*)/, 2)));
  if (scheme !== 'SharedAccessSignature') return `scheme ${scheme}`;
  if (decodeURIComponent(sr) !== resource) return `resource ${sr}`;
  if (!(Number(se) * 1_000 > Date.now())) return `expiry ${se}`;
  const deviceKey = createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest();
  const wanted = createHmac('sha256', deviceKey).update(`${sr}\n${se}`).digest('base64');
  return decodeURIComponent(sig) === wanted ? null : 'signature';
}

function respond(packet: AedesPublishPacket, client: Client, seen: SeenDevice, retryAfterSeconds: number): void {
  const { topic } = packet;
  const body = packet.payload.toString();
  seen.requests.push({ topic, body, atMs: performance.now() });
  const rid = /[?&]\$rid=([^&]*)/.exec(topic)?.[1];
  const operationId = `4.${Buffer.from(client.id).toString('hex')}.0`;
  if (topic.startsWith('$dps/registrations/PUT/iotdps-register/?')) {
    seen.payload = (JSON.parse(body) as { readonly payload?: unknown }).payload ?? null;
    send(client, `202/?$rid=${rid}&retry-after=${retryAfterSeconds}`, { operationId, status: 'assigning' });
  } else if (
    topic.startsWith('$dps/registrations/GET/iotdps-get-operationstatus/?') &&
    topic.includes(`operationId=${operationId}`)
  ) {
    const registrationState = {
      registrationId: client.id,
      createdDateTimeUtc: '2026-01-02T03:04:05.6789012Z',
      assignedHub: FOREIGN_HUB,
      deviceId: `device-${client.id}`,
      status: 'assigned',
      substatus: 'reprovisionedToInitialAssignment',
      lastUpdatedDateTimeUtc: '2026-02-03T04:05:06.7890123Z',
      payload: { echo: seen.payload },
    };
    send(client, `200/?$rid=${rid}`, { operationId, status: 'assigned', registrationState });
  }
}

/** To this client alone: all subscribe to the same filter, so that the broker's own publish would reach every one. */
function send(client: Client, answer: string, body: object): void {
  const topic = `$dps/registrations/res/${answer}`;
  const packet = { cmd: 'publish', topic, payload: JSON.stringify(body), qos: 1, dup: false, retain: false } as const;
  client.publish(packet, () => {});
}
