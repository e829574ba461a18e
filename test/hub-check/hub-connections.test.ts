import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import type { Packet } from 'mqtt-packet';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { hubUsername } from '../../src/dps/hub-identity.ts';
import type { HubAttempt, HubCheck } from '../../src/hub/hub-check.ts';
import { HubConnections } from '../../src/hub-check/hub-connections.ts';
import { tryHub } from '../../src/mqtt/hub-attempt.ts';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import type { Clock } from '../../src/time/clock.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { freePort } from '../support/free-port.ts';
import {
  type Peer,
  type Script,
  type ScriptedMqttServer,
  startScriptedMqttServer,
} from '../support/scripted-mqtt-server.ts';
import { createTestCa, type TestCa, type TestCertificate } from '../support/test-certificates.ts';

const HUB = 'hub-a.azure-devices.net';
const TWIN = '{"desired":{"$version":1},"reported":{"$version":1}}';

let ca: TestCa;
let certificate: TestCertificate;
let server: ScriptedMqttServer | null = null;

beforeAll(async () => {
  ca = await createTestCa();
  certificate = await ca.issue({ hosts: [HUB] });
});

afterEach(async () => {
  await server?.close();
  server = null;
});

const clock = systemClock(hrtimeMs());

/** Time limits that are over once the hub is `silent`, and not before: however slow the machine is, an answer comes in time. */
const limits = new Set<() => void>();
const patientClock: Clock = {
  ...clock,
  wakeAt: (_, wake) => {
    limits.add(wake);
    return { cancel: () => limits.delete(wake) };
  },
};
const silent = (): void => {
  for (const isOver of limits) isOver();
};

/** Connections to hubs that are all at this port of this machine. */
function connectionsAt(port: number): HubConnections {
  return new HubConnections(
    {
      tls: TLS_CHOICES_DEFAULT,
      nameResolution: { cacheMs: 30_000, pinned: [] },
      transport: 'mqtt',
      caPems: [ca.certPem],
      connectTo: { host: '127.0.0.1', port },
    },
    clock,
  );
}

/** A connection of `dev-1` to the hub at this port of this machine. */
async function tryAt(port: number, check: HubCheck): Promise<HubAttempt> {
  const connections = connectionsAt(port);
  const open = await connections.to(HUB);
  const identity = {
    clientId: 'dev-1',
    username: hubUsername(HUB, 'dev-1', 'dpsload/1'),
    password: 'SharedAccessSignature sr=secret',
    clientCertificate: null,
  };
  const policy = { check, connectTimeoutMs: 100, answerTimeoutMs: 100 };
  const attempt = await tryHub({ open, clock: patientClock, identity, policy }).ended;
  connections.close();
  return attempt;
}

async function tryWith(script: Script, check: HubCheck): Promise<HubAttempt> {
  server = await startScriptedMqttServer({ certificate, script });
  return await tryAt(server.port, check);
}

/** Does this, and is silent once it has arrived. */
const thenSilent =
  (work: (peer: Peer) => void) =>
  (peer: Peer): void => {
    work(peer);
    setTimeout(silent, 50);
  };

/** A hub that does what a hub does, but `instead` for packets of one kind. */
function hub(cmd: Packet['cmd'] | null = null, instead: (peer: Peer, packet: Packet) => void = () => {}): Script {
  return (peer) => (packet) => {
    if (packet.cmd === cmd) instead(peer, packet);
    else answer(peer, packet);
  };
}

function answer(peer: Peer, packet: Packet): void {
  if (packet.cmd === 'connect') peer.send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
  if (packet.cmd === 'subscribe') peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] });
  if (packet.cmd !== 'publish') return;
  peer.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
  if (packet.topic.startsWith('$iothub/twin/GET/')) twinAnswer(200, TWIN)(peer);
}

const twinAnswer =
  (status: number, payload: string, requestId = '1') =>
  (peer: Peer): void =>
    peer.send({
      cmd: 'publish',
      topic: `$iothub/twin/res/${status}/?$rid=${requestId}`,
      payload,
      qos: 0,
      dup: false,
      retain: false,
    });

const connack =
  (returnCode: number) =>
  (peer: Peer): void =>
    peer.send({ cmd: 'connack', returnCode, sessionPresent: false });

const sent = (): readonly string[] =>
  server?.packetsReceived().map((packet) => (packet.cmd === 'publish' ? packet.topic : packet.cmd)) ?? [];

describe('a device at its hub', () => {
  it('connects as the device that it is, and says goodbye', async () => {
    const { result, message, phases } = await tryWith(hub(), 'connect');
    expect([result, message]).toEqual(['passed', null]);
    expect(phases).toMatchObject({ dnsMs: null, subackMs: null, answerMs: null });
    for (const ms of [phases.tcpMs, phases.tlsMs, phases.connackMs]) expect(ms).toBeGreaterThan(0);
    await server?.quiet();
    expect(sent()).toEqual(['connect', 'disconnect']);
    expect(server?.packetsReceived()[0]).toMatchObject({
      clientId: 'dev-1',
      username: `${HUB}/dev-1/?api-version=2021-04-12&DeviceClientType=dpsload%2F1`,
      protocolVersion: 4,
    });
  });

  it('sends one message, and waits for its acknowledgement', async () => {
    const { result, phases } = await tryWith(hub(), 'telemetry');
    expect(result).toBe('passed');
    expect(phases.answerMs).toBeGreaterThan(0);
    await server?.quiet();
    expect(sent()).toEqual(['connect', expect.stringMatching(/^devices\/dev-1\/messages\/events\//), 'disconnect']);
    expect(server?.packetsReceived()[1]).toMatchObject({ qos: 1 });
  });

  it('reads its twin', async () => {
    const { result, phases } = await tryWith(hub(), 'twin');
    expect(result).toBe('passed');
    expect(phases.subackMs).toBeGreaterThan(0);
    expect(phases.answerMs).toBeGreaterThan(0);
    expect(sent()).toEqual(expect.arrayContaining(['subscribe', '$iothub/twin/GET/?$rid=1']));
  });
});

it('all hubs share one TLS context, however many the service names', async () => {
  const contexts = vi.spyOn(tls, 'createSecureContext');
  syncBuiltinESMExports();
  const connections = connectionsAt(1);
  try {
    for (let hub = 0; hub < 3; hub += 1) await connections.to(`hub-${hub}.azure-devices.net`);
    expect(contexts).toHaveBeenCalledTimes(1);
  } finally {
    connections.close();
    contexts.mockRestore();
    syncBuiltinESMExports();
  }
});

describe.each<[what: string, check: HubCheck, script: Script, result: string, message: RegExp]>([
  ['CONNACK 5', 'connect', hub('connect', connack(5)), 'hub-refused', /refused with 5/],
  ['CONNACK 4', 'connect', hub('connect', connack(4)), 'hub-refused', /refused with 4/],
  ['CONNACK 3', 'connect', hub('connect', connack(3)), 'hub-unavailable', /refused with 3/],
  ['CONNACK 2', 'connect', hub('connect', connack(2)), 'hub-protocol', /refused with 2/],
  ['no CONNACK', 'connect', hub('connect', silent), 'hub-late', /^no CONNACK within 0.1 s$/],
  ['a close instead of CONNACK', 'connect', hub('connect', (peer) => peer.end()), 'hub-closed', /closed/],
  ['a reset instead of CONNACK', 'connect', hub('connect', (peer) => peer.reset()), 'hub-closed', /reset/],
  [
    'bytes that are not MQTT',
    'connect',
    hub('connect', (peer) => peer.sendBytes(Buffer.from('HTTP/1.1'))),
    'hub-protocol',
    /MQTT/,
  ],
  ['no PUBACK', 'telemetry', hub('publish', silent), 'hub-no-answer', /^no PUBACK within 0.1 s$/],
  [
    'another PUBACK',
    'telemetry',
    hub(
      'publish',
      thenSilent((peer) => peer.send({ cmd: 'puback', messageId: 99 })),
    ),
    'hub-no-answer',
    /PUBACK/,
  ],
  ['a close instead of PUBACK', 'telemetry', hub('publish', (peer) => peer.end()), 'hub-no-answer', /closed/],
  ['no SUBACK', 'twin', hub('subscribe', silent), 'hub-no-answer', /^no SUBACK within 0.1 s$/],
  ['no twin', 'twin', hub('publish', silent), 'hub-no-answer', /^no twin within 0.1 s$/],
  ["somebody else's twin", 'twin', hub('publish', thenSilent(twinAnswer(200, TWIN, '7'))), 'hub-no-answer', /^no twin/],
  ['429 on the twin', 'twin', hub('publish', twinAnswer(429, '')), 'hub-throttled', /status 429/],
  ['500 on the twin', 'twin', hub('publish', twinAnswer(500, '')), 'hub-twin', /status 500/],
  ['a twin that is none', 'twin', hub('publish', twinAnswer(200, '[]')), 'hub-twin', /not a twin/],
  ['a twin that is not JSON', 'twin', hub('publish', twinAnswer(200, '{')), 'hub-twin', /not a twin/],
])('a hub with %s', (_, check, script, result, message) => {
  it(`fails the check ${check} as ${result}`, async () => {
    const attempt = await tryWith(script, check);
    expect(attempt).toMatchObject({ result, message: expect.stringMatching(message) });
    expect(attempt.message).not.toContain('secret');
  });
});

describe('a server at the place of a hub', () => {
  it('gets no credentials unless its certificate is that of the hub', async () => {
    const other = await ca.issue({ hosts: ['hub-b.azure-devices.net', '127.0.0.1'] });
    server = await startScriptedMqttServer({ certificate: other, script: hub() });
    const attempt = await tryAt(server.port, 'connect');
    expect(attempt).toMatchObject({ result: 'hub-certificate', message: expect.stringContaining(HUB) });
    expect(server.bytesReceived()).toBe(0);
  });

  it('gets none unless its certificate comes from a trusted CA', async () => {
    const stranger = await (await createTestCa('stranger')).issue({ hosts: [HUB] });
    server = await startScriptedMqttServer({ certificate: stranger, script: hub() });
    expect(await tryAt(server.port, 'connect')).toMatchObject({ result: 'hub-certificate' });
    expect(server.bytesReceived()).toBe(0);
  });

  it('that is not there is unreachable', async () => {
    expect(await tryAt(await freePort(), 'connect')).toMatchObject({ result: 'hub-unreachable' });
  });
});
