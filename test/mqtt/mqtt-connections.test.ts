import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import type { Packet } from 'mqtt-packet';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RESPONSE_TOPIC_FILTER, registerTopic } from '../../src/dps/topics.ts';
import type { Dial } from '../../src/mqtt/dial.ts';
import type { MqttEvent, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { ownMqttConnections } from '../../src/mqtt/own-mqtt-connection.ts';
import { tlsDialler } from '../../src/mqtt/tls-dialler.ts';
import type { Clock } from '../../src/time/clock.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { acknowledge, dpsScript } from '../support/dps-script.ts';
import { openRecorded, TEST_IDENTITY } from '../support/recorded-connection.ts';
import {
  type Peer,
  type Script,
  type ScriptedMqttServer,
  type ScriptedMqttServerOptions,
  startScriptedMqttServer,
} from '../support/scripted-mqtt-server.ts';
import { createTestCa, type TestCa, type TestCertificate } from '../support/test-certificates.ts';

let ca: TestCa;
let certificate: TestCertificate;
let server: ScriptedMqttServer;
let dial: Dial;
let open: OpenMqttConnection;
let connections: typeof mqttJsConnections;
let clock: Clock;

beforeAll(async () => {
  ca = await createTestCa();
  certificate = await ca.issue();
});

/** One server per test. */
async function serve(script: Script, options: Partial<ScriptedMqttServerOptions> = {}): Promise<void> {
  server = await startScriptedMqttServer({ certificate, script, ...options });
  dial = tlsDialler({ host: '127.0.0.1', port: server.port, caPems: [ca.certPem], addresses: null });
  open = connections(dial, clock);
}

afterEach(() => server.close());

/** Answers like any server, but does `instead` for packets of one kind. */
function except(cmd: Packet['cmd'], instead: (peer: Peer, packet: Packet) => void): Script {
  return (peer) => (packet) => {
    if (packet.cmd === cmd) instead(peer, packet);
    else acknowledge(peer, packet);
  };
}

/** Subscribes when connected, registers when subscribed, as a device does. */
function register(
  event: MqttEvent,
  connection: { subscribe(filter: string): void; publish(topic: string, payload: string): void },
): void {
  if (event.type === 'connected') connection.subscribe(RESPONSE_TOPIC_FILTER);
  if (event.type === 'subscribed') connection.publish(registerTopic('1'), '{"registrationId":"dev-0001"}');
}

const typesOf = (events: readonly MqttEvent[]): string[] => events.map((event) => event.type);

describe.each([
  ['our own session', ownMqttConnections],
  ['MQTT.js', mqttJsConnections],
])('%s', (_name, client) => {
  beforeAll(() => {
    connections = client;
    clock = systemClock(hrtimeMs());
  });

  describe('a conversation', () => {
    it('reaches every event in order, and says on the wire what the protocol asks for', async () => {
      await serve(dpsScript({ polls: 0 }));
      const { connection, events, event } = openRecorded(open, register);
      const message = await event('message');
      connection.close();
      await server.quiet();

      expect(typesOf(events)).toEqual(['tcpConnected', 'secured', 'connected', 'subscribed', 'message']);
      expect(message.topic).toBe('$dps/registrations/res/200/?$rid=1');
      expect(JSON.parse(message.payload)).toMatchObject({ status: 'assigned' });
      const packets = server.packetsReceived();
      expect(packets.map((packet) => packet.cmd)).toEqual(['connect', 'subscribe', 'publish', 'puback', 'disconnect']);
      expect(packets[0]).toMatchObject({
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        keepalive: 180,
        clientId: TEST_IDENTITY.clientId,
        username: TEST_IDENTITY.username,
        password: Buffer.from(TEST_IDENTITY.password ?? ''),
      });
      expect(packets[1]).toMatchObject({ subscriptions: [{ topic: RESPONSE_TOPIC_FILTER, qos: 1 }] });
      expect(packets[2]).toMatchObject({ topic: registerTopic('1'), qos: 1, retain: false });
    });

    it('sends no password where there is none', async () => {
      await serve(dpsScript());
      const connected = new Promise<void>((resolve) => {
        const connection = open({ ...TEST_IDENTITY, password: null }, (event) => {
          if (event.type !== 'connected') return;
          connection.close();
          resolve();
        });
      });
      await connected;
      await server.quiet();
      expect(server.packetsReceived()[0]).not.toHaveProperty('password');
    });

    it('takes any number of messages, as long as each has an end', async () => {
      const payload = Buffer.alloc(60_000, 'x');
      const message = { cmd: 'publish', topic: 'res', payload, qos: 0, dup: false, retain: false } as const;
      await serve(
        except('publish', (peer) => {
          for (let sent = 0; sent < 10; sent++) peer.send(message);
          peer.end();
        }),
      );
      const { events, event } = openRecorded(open, register);
      expect((await event('lost')).failure.code).toBe('closed');
      expect(events.filter(({ type }) => type === 'message')).toHaveLength(10);
    });

    it('delivers an answer that is followed at once by the end of the connection', async () => {
      await serve((peer) => {
        const answer = dpsScript({ polls: 0 })(peer);
        return (packet) => {
          answer(packet);
          if (packet.cmd === 'publish') peer.end();
        };
      });
      const { events, event } = openRecorded(open, register);
      await event('lost');
      expect(typesOf(events).slice(-2)).toEqual(['message', 'lost']);
    });
  });

  describe('a refusal', () => {
    it.each([1, 2, 3, 4, 5] as const)('CONNACK %i is lost as its own code', async (returnCode) => {
      await serve(except('connect', (peer) => peer.send({ cmd: 'connack', returnCode, sessionPresent: false })));
      const { events, event } = openRecorded(open, register);
      expect((await event('lost')).failure.code).toBe(`connack-${returnCode}`);
      await server.quiet();
      expect(typesOf(events)).toEqual(['tcpConnected', 'secured', 'lost']);
    });

    it('SUBACK 0x80 is lost as suback-refused', async () => {
      await serve(
        except('subscribe', (peer, packet) =>
          peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [128] }),
        ),
      );
      const { events, event } = openRecorded(open, register);
      expect((await event('lost')).failure.code).toBe('suback-refused');
      await server.quiet();
      expect(typesOf(events)).toEqual(['tcpConnected', 'secured', 'connected', 'lost']);
    });
  });

  describe('the end of the connection', () => {
    const POINTS = ['connect', 'subscribe', 'publish'] as const;

    it.each(POINTS)('closed by the server at %s: lost as closed', async (point) => {
      await serve(except(point, (peer) => peer.end()));
      const { events, event } = openRecorded(open, register);
      expect((await event('lost')).failure.code).toBe('closed');
      await server.quiet();
      expect(typesOf(events).indexOf('lost')).toBe(events.length - 1);
    });

    it.each(POINTS)('reset by the server at %s: lost as tcp-reset', async (point) => {
      await serve(except(point, (peer) => peer.reset()));
      const { events, event } = openRecorded(open, register);
      expect((await event('lost')).failure.code).toBe('tcp-reset');
      expect(typesOf(events).indexOf('lost')).toBe(events.length - 1);
    });

    it.each([
      'tcpConnected',
      'secured',
      'connected',
      'subscribed',
      'message',
    ] as const)('closed by the client at %s: nothing follows, also when closed twice', async (point) => {
      await serve(dpsScript({ polls: 0 }));
      const { events, event } = openRecorded(open, (current, connection) => {
        register(current, connection);
        if (current.type !== point) return;
        connection.close();
        connection.close();
      });
      await event(point);
      await server.quiet();
      expect(events.at(-1)?.type).toBe(point);
      const sent = server.packetsReceived().map((packet) => packet.cmd);
      if (point === 'tcpConnected' || point === 'secured') expect(sent).toEqual([]);
      else expect(sent.at(-1)).toBe('disconnect');
    });

    it('closed before anything has happened: nothing follows', async () => {
      await serve(dpsScript());
      const { connection, events } = openRecorded(open);
      connection.close();
      await server.quiet();
      expect(events).toEqual([]);
    });

    it('takes requests that come too late, and sends nothing', async () => {
      await serve(dpsScript());
      const { connection, event } = openRecorded(open);
      await event('connected');
      connection.close();
      connection.subscribe(RESPONSE_TOPIC_FILTER);
      connection.publish(registerTopic('1'), '');
      await server.quiet();
      expect(server.packetsReceived().map((packet) => packet.cmd)).toEqual(['connect', 'disconnect']);
    });

    it('gives up on a server that never closes its end, after the grace time', async () => {
      await serve(
        except('disconnect', () => {}),
        { allowHalfOpen: true },
      );
      const wakeAt = vi.fn<Clock['wakeAt']>(() => ({ cancel: () => {} }));
      let stream: Duplex | null = null;
      const keepingDial: Dial = (events, clientCertificate) => {
        stream = dial(events, clientCertificate);
        return stream;
      };
      const { connection, event } = openRecorded(
        connections(keepingDial, { nowMs: () => 7, epochMs: () => 0, cpuMs: () => 0, wakeAt }),
      );
      await event('connected');
      connection.close();
      await expect.poll(() => server.packetsReceived().at(-1)?.cmd).toBe('disconnect');
      expect(stream).toMatchObject({ destroyed: false });
      const [, wake] = wakeAt.mock.calls.find(([atMs]) => atMs === 2_007) ?? [];
      wake?.();
      expect(stream).toMatchObject({ destroyed: true });
    });

    it('a server that never answers: nothing happens until the client closes', async () => {
      await serve(() => () => {});
      const { connection, events, event } = openRecorded(open);
      await event('secured');
      await expect.poll(() => server.packetsReceived().length).toBe(1);
      connection.close();
      await server.quiet();
      expect(typesOf(events)).toEqual(['tcpConnected', 'secured']);
    });
  });

  describe('a server that does not keep to MQTT', () => {
    const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
    const bytes = (...parts: (number | Uint8Array)[]): Uint8Array =>
      Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));

    it.each([
      ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ['a CONNACK without return code', bytes(0x20, 0)],
      ['a CONNACK with an unknown return code', bytes(0x20, 2, 0, 77)],
      ['a packet before CONNACK', bytes(0x30, 3, 0, 1, 0x61, CONNACK)],
      ['two CONNACKs', bytes(CONNACK, CONNACK)],
      ['a length of five bytes', bytes(CONNACK, 0x30, 0xff, 0xff, 0xff, 0xff, 0x7f)],
      ['a PUBLISH of QoS 3', bytes(CONNACK, 0x36, 3, 0, 1, 0x61)],
      ['a packet that a client sends', bytes(CONNACK, 0x82, 0)],
      ['a PUBREL', bytes(CONNACK, 0x62, 2, 0, 1)],
      ['a PUBREL without packet ID', bytes(CONNACK, 0x62, 0)],
      ['a packet without end', bytes(CONNACK, 0x30, 0xff, 0xff, 0xff, 0x7f, new Uint8Array(300_000))],
    ])('%s: lost as protocol-error', async (_name, wire) => {
      await serve((peer) => (packet) => {
        if (packet.cmd === 'connect') peer.sendBytes(wire);
      });
      const { events, event } = openRecorded(open);
      expect((await event('lost')).failure.code).toBe('protocol-error');
      await server.quiet();
      expect(typesOf(events).indexOf('lost')).toBe(events.length - 1);
    });

    it('whatever bytes come, in whatever pieces, nothing is thrown and the password is in no message', async () => {
      let wire: readonly Uint8Array[] = [];
      await serve((peer) => (packet) => {
        if (packet.cmd !== 'connect') return;
        for (const chunk of wire) peer.sendBytes(chunk);
        peer.end();
      });
      const header = fc.constantFrom(0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0, 0xe0, 0xf0);
      const packet = fc
        .tuple(header, fc.uint8Array({ maxLength: 12 }), fc.integer({ min: -2, max: 2 }))
        .map(([first, body, lie]) => bytes(first, Math.max(0, body.length + lie), body));
      const chunks = fc.array(fc.oneof(packet, fc.constant(CONNACK), fc.uint8Array({ maxLength: 20 })), {
        maxLength: 6,
      });
      await fc.assert(
        fc.asyncProperty(chunks, async (generated) => {
          wire = generated;
          const { event } = openRecorded(open, register);
          const { failure } = await event('lost');
          expect(failure.message).not.toContain('secret');
        }),
        { numRuns: 150 },
      );
    });
  });
});

describe('a keep-alive ping without an answer is the end of the connection', () => {
  it('with MQTT.js', async () => {
    connections = mqttJsConnections;
    clock = systemClock(hrtimeMs());
    await serve(except('pingreq', () => {}));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    try {
      const { event } = openRecorded(open);
      await event('connected');
      vi.advanceTimersByTime(180_000);
      await expect.poll(() => server.packetsReceived().at(-1)?.cmd).toBe('pingreq');
      vi.advanceTimersByTime(90_000);
      expect((await event('lost')).failure).toMatchObject({ code: 'closed', message: /ping/ });
    } finally {
      vi.useRealTimers();
    }
  });

  it('with our own session; an answered one is followed by the next', async () => {
    let pings = 0;
    let nowMs = 0;
    const due: { readonly atMs: number; readonly wake: () => void }[] = [];
    connections = ownMqttConnections;
    clock = {
      nowMs: () => nowMs,
      epochMs: () => 0,
      cpuMs: () => 0,
      wakeAt: (atMs, wake) => {
        due.push({ atMs, wake });
        return { cancel: () => {} };
      },
    };
    await serve(
      except('pingreq', (peer) => {
        pings += 1;
        if (pings === 1) peer.send({ cmd: 'pingresp' });
      }),
    );
    let socket: Socket | null = null;
    const keepingDial: Dial = (events, clientCertificate) => {
      const stream = dial(events, clientCertificate);
      socket = stream as Socket;
      return stream;
    };
    const bytesRead = (): number => socket?.bytesRead ?? 0;
    const { event } = openRecorded(connections(keepingDial, clock));
    await event('connected');
    const bytesBefore = bytesRead();
    const pass = (untilMs: number): void => {
      while ((due[0]?.atMs ?? Number.POSITIVE_INFINITY) <= untilMs) {
        const next = due.shift();
        nowMs = next?.atMs ?? nowMs;
        next?.wake();
      }
    };
    pass(180_000);
    await expect.poll(() => pings).toBe(1);
    // Its answer has arrived.
    await expect.poll(bytesRead).toBeGreaterThan(bytesBefore);
    pass(360_000);
    await expect.poll(() => pings).toBe(2);
    pass(450_000);
    expect((await event('lost')).failure).toMatchObject({ code: 'closed', message: /ping/ });
  });
});
