import type { ServerResponse } from 'node:http';
import { createServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientCertificate } from '../../src/conversation/client-certificate.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { webSocketDialler } from '../../src/mqtt/websocket-dialler.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { runRegistration } from '../../src/registration/run-registration.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { dpsScript } from '../support/dps-script.ts';
import { freePort } from '../support/free-port.ts';
import { launch } from '../support/launches.ts';
import { openRecorded, type RecordedConnection } from '../support/recorded-connection.ts';
import type { Script } from '../support/scripted-mqtt-server.ts';
import { type ScriptedWebSocketServer, startScriptedWebSocketServer } from '../support/scripted-websocket-server.ts';
import { createTestCa, type TestCa } from '../support/test-certificates.ts';
import { UNHEARD } from '../support/unheard.ts';

const clock = systemClock(hrtimeMs());
let ca: TestCa;
let server: ScriptedWebSocketServer | null = null;

beforeAll(async () => {
  ca = await createTestCa();
});

afterEach(async () => {
  await server?.close();
  server = null;
});

async function serve(
  script: Script = dpsScript(),
  answer: ((response: ServerResponse) => void) | null = null,
  issuer = ca,
): Promise<ScriptedWebSocketServer> {
  server = await startScriptedWebSocketServer(await issuer.issue(), script, answer);
  return server;
}

const connections = (port: number, host = 'localhost') =>
  mqttJsConnections(webSocketDialler({ host, port, caPems: [ca.certPem], addresses: null }), clock);

const dial = (port: number, host?: string): RecordedConnection => openRecorded(connections(port, host));

async function register(port: number, clientCertificate: ClientCertificate | null) {
  const { outcome } = runRegistration({
    launch: launch(7),
    credentials: {
      keys: 1,
      password: () => (clientCertificate === null ? 'SharedAccessSignature sr=x' : null),
      clientCertificate,
    },
    policy: { ...REGISTRATION_POLICY_DEFAULT, pollDelayDefaultMs: 0, attemptsMax: 1 },
    seed: 1,
    clock,
    openConversation: mqttConversations(connections(port), clock),
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'test',
    ...UNHEARD,
  });
  return outcome;
}

describe('MQTT over WebSocket', () => {
  it('registers a device, by the path and the subprotocol of the SDKs', async () => {
    const { port, upgrades, packets } = await serve();
    expect(await register(port, null)).toMatchObject({ result: 'assigned', assignedHub: 'hub.azure-devices.net' });
    expect(upgrades).toEqual([{ path: '/$iothub/websocket', subprotocol: 'mqtt', host: `localhost:${port}` }]);
    await expect.poll(() => packets.at(-1)?.cmd).toBe('disconnect');
    expect(packets.map(({ cmd }) => cmd).filter((cmd) => cmd !== 'puback')).toEqual([
      'connect',
      'subscribe',
      'publish',
      'publish',
      'disconnect',
    ]);
  });

  it('shows the certificate of the device in the TLS handshake', async () => {
    const root = await authority('Root');
    const leaf = await deviceCertificate('dev-7', root);
    const { port, clients } = await serve();
    const certificate = { chainPem: leaf.certificatePem, privateKeyPem: leaf.privateKeyPem };
    expect(await register(port, certificate)).toMatchObject({ result: 'assigned' });
    expect(clients).toEqual(['CN=dev-7']);
  });

  it('takes packets that share a frame, and packets in pieces', async () => {
    const { port } = await serve((peer) => {
      const answer = dpsScript()({ ...peer, sendBytes: peer.sendBytes, send: (packet) => peer.send(packet) });
      return (packet) => {
        if (packet.cmd !== 'connect') return answer(packet);
        // CONNACK in two frames.
        peer.sendBytes(Uint8Array.of(0x20));
        peer.sendBytes(Uint8Array.of(0x02, 0x00, 0x00));
      };
    });
    const { connection, event } = dial(port);
    await event('connected');
    connection.subscribe('$dps/registrations/res/#');
    await event('subscribed');
    connection.close();
  });
});

describe('is lost as', () => {
  it.each([
    [404, 'Not Found'],
    [403, 'Forbidden'],
    [503, 'Service Unavailable'],
  ])('websocket-refused where the upgrade is answered with %i', async (status, text) => {
    const { port, upgrades } = await serve(dpsScript(), (response) => response.writeHead(status).end('no'));
    const { events, event } = dial(port);
    const { failure } = await event('lost');
    expect(failure).toEqual({
      code: 'websocket-refused',
      message: `localhost:${port}: no MQTT over WebSocket: the server answered the upgrade with HTTP ${status} ${text}`,
    });
    expect(events.map(({ type }) => type)).toEqual(['resolved', 'tcpConnected', 'lost']);
    expect(upgrades).toHaveLength(1);
  });

  it('websocket-refused where the answer is no HTTP', async () => {
    const { certPem, keyPem } = await ca.issue();
    const plain = createServer({ cert: certPem, key: keyPem }, (socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.write(Uint8Array.of(0x20, 0x02, 0x00, 0x00));
    });
    const port = await new Promise<number>((resolve) => {
      plain.listen(0, '127.0.0.1', () => resolve((plain.address() as { port: number }).port));
    });
    expect((await dial(port).event('lost')).failure.code).toBe('websocket-refused');
    await new Promise((resolve) => plain.close(resolve));
  });

  it('tls-unknown-ca, before anything is asked for', async () => {
    const { port, upgrades } = await serve(dpsScript(), null, await createTestCa('other root'));
    const { events, event } = dial(port);
    expect((await event('lost')).failure.code).toBe('tls-unknown-ca');
    expect(events.map(({ type }) => type)).toEqual(['resolved', 'tcpConnected', 'lost']);
    expect(upgrades).toEqual([]);
  });

  it('tls-host-name, before anything is asked for', async () => {
    server = await startScriptedWebSocketServer(await ca.issue({ hosts: ['elsewhere.example'] }), dpsScript());
    expect((await dial(server.port).event('lost')).failure.code).toBe('tls-host-name');
    expect(server.upgrades).toEqual([]);
  });

  it('tcp-refused where nothing listens', async () => {
    expect((await dial(await freePort(), '127.0.0.1').event('lost')).failure.code).toBe('tcp-refused');
  });

  it('closed where the server ends the connection', async () => {
    const { port } = await serve((peer) => () => peer.end());
    const { event } = dial(port);
    expect((await event('lost')).failure.code).toBe('closed');
  });

  it('closed where the server ends the connection just as something is sent to it', async () => {
    const { port } = await serve((peer) => ({ cmd }) => {
      if (cmd !== 'connect') return;
      peer.send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
      peer.end();
    });
    for (let device = 0; device < 20; device += 1) {
      expect(await register(port, null)).toMatchObject({ result: 'disconnected', errorCode: 'closed' });
    }
  });

  it('closed, or tcp-reset, where the connection breaks', async () => {
    const { port } = await serve((peer) => () => peer.reset());
    expect(['tcp-reset', 'closed']).toContain((await dial(port).event('lost')).failure.code);
  });
});

it('may be given up at any moment: the socket ends, and no event follows', async () => {
  const { port, openSockets } = await serve();
  const givenUp = [];
  for (const moment of ['at once', 'tcpConnected', 'secured', 'connected'] as const) {
    const { connection, events, event } = dial(port);
    if (moment !== 'at once') await event(moment);
    connection.close();
    connection.close();
    givenUp.push({ events, before: [...events] });
  }
  await expect.poll(openSockets).toBe(0);
  for (const { events, before } of givenUp) expect(events).toEqual(before);
});
