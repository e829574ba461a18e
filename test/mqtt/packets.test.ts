import fc from 'fast-check';
import { generate, type Packet, parser } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import {
  connectPacket,
  DISCONNECT,
  MalformedPacket,
  PacketReader,
  PINGREQ,
  pubackPacket,
  publishPacket,
  type ServerPacket,
  subscribePacket,
} from '../../src/mqtt/packets.ts';

const BYTES_MAX = 100_000;

/** What the codec of MQTT.js reads in these bytes. */
function parsed(bytes: Uint8Array): readonly Packet[] {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', (error) => {
    throw error;
  });
  reader.parse(Buffer.from(bytes));
  return packets;
}

function read(chunks: readonly Uint8Array[], bytesMax = BYTES_MAX): readonly ServerPacket[] {
  const packets: ServerPacket[] = [];
  const reader = new PacketReader(bytesMax, (packet) => packets.push(packet));
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return packets;
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
const topic = fc.string({ unit: fc.constantFrom(...'abc/$?=&-é'), minLength: 1, maxLength: 200 });
const packetId = fc.integer({ min: 1, max: 0xffff });

describe('packets to the server are what the codec of MQTT.js reads', () => {
  it('CONNECT', () => {
    fc.assert(
      fc.property(text, text, fc.option(text), packetId, (clientId, username, password, keepAliveSeconds) => {
        const [packet] = parsed(connectPacket({ clientId, username, password, keepAliveSeconds }));
        expect(packet).toMatchObject({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          clean: true,
          clientId,
          username,
          keepalive: keepAliveSeconds,
        });
        const { password: sent } = packet as { password?: Buffer };
        expect(sent?.toString() ?? null).toBe(password);
      }),
    );
  });

  it('SUBSCRIBE, PUBLISH of any length, PUBACK', () => {
    fc.assert(
      fc.property(packetId, topic, fc.integer({ min: 0, max: 40_000 }), (id, name, length) => {
        const payload = 'x'.repeat(length);
        const wire = [subscribePacket(id, name), publishPacket(id, name, payload), pubackPacket(id)];
        const [subscribe, publish, puback] = parsed(Buffer.concat(wire));
        expect(subscribe).toMatchObject({ cmd: 'subscribe', messageId: id, subscriptions: [{ topic: name, qos: 1 }] });
        expect(publish).toMatchObject({
          cmd: 'publish',
          messageId: id,
          topic: name,
          qos: 1,
          retain: false,
          dup: false,
        });
        expect(String((publish as { payload: Buffer }).payload)).toBe(payload);
        expect(puback).toMatchObject({ cmd: 'puback', messageId: id });
      }),
      { numRuns: 50 },
    );
  });

  it('PINGREQ and DISCONNECT', () => {
    expect(parsed(Buffer.concat([PINGREQ, DISCONNECT])).map(({ cmd }) => cmd)).toEqual(['pingreq', 'disconnect']);
  });

  it('a text that is too long for its length is refused', () => {
    expect(() => subscribePacket(1, 'x'.repeat(65_536))).toThrow(/does not fit/);
  });
});

describe('packets from the server', () => {
  const SENT = fc.oneof(
    fc.record({
      cmd: fc.constant('connack' as const),
      returnCode: fc.integer({ min: 0, max: 5 }),
      sessionPresent: fc.constant(false),
    }),
    fc.record({ cmd: fc.constant('suback' as const), messageId: packetId, granted: fc.constantFrom([0], [1], [128]) }),
    fc.record({ cmd: fc.constant('puback' as const), messageId: packetId }),
    fc.record({
      cmd: fc.constant('publish' as const),
      topic,
      payload: fc.string({ unit: 'grapheme', maxLength: 3_000 }),
      qos: fc.constantFrom(0 as const, 1 as const),
      messageId: packetId,
      dup: fc.constant(false),
      retain: fc.boolean(),
    }),
    fc.constant({ cmd: 'pingresp' as const }),
  );

  type Sent = typeof SENT extends fc.Arbitrary<infer Value> ? Value : never;

  function asRead(packet: Sent): object {
    if (packet.cmd === 'connack') return { type: 'connack', returnCode: packet.returnCode };
    if (packet.cmd === 'puback') return { type: 'puback', packetId: packet.messageId };
    if (packet.cmd === 'pingresp') return { type: 'pingresp' };
    if (packet.cmd === 'suback') {
      return { type: 'suback', packetId: packet.messageId, returnCodes: Buffer.from(packet.granted) };
    }
    const { topic, payload, qos, messageId } = packet;
    return { type: 'publish', topic, payload, packetId: qos === 0 ? null : messageId };
  }

  it('are read as they were sent, however the network cuts them', () => {
    fc.assert(
      fc.property(fc.array(SENT, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), (packets, size) => {
        const wire = Buffer.concat(packets.map((packet) => generate(packet as Packet)));
        const chunks = Array.from({ length: Math.ceil(wire.length / size) }, (_, n) =>
          wire.subarray(n * size, (n + 1) * size),
        );
        const expected = packets.map(asRead);
        expect(read([wire])).toEqual(expected);
        expect(read(chunks)).toEqual(expected);
      }),
    );
  });

  it.each([
    ['a type that only a client sends', [0x82]],
    ['a reserved type', [0x00]],
    ['reserved flags', [0x21]],
    ['QoS 2', [0x34]],
    ['QoS 3', [0x36]],
    ['a remaining length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff]],
    ['a CONNACK without return code', [0x20, 0]],
    ['a CONNACK that is too long', [0x20, 3, 0, 0, 0]],
    ['a SUBACK without return code', [0x90, 2, 0, 1]],
    ['a PUBACK for packet 0', [0x40, 2, 0, 0]],
    ['a PUBLISH without topic', [0x30, 1, 0]],
    ['a PUBLISH that ends within its topic', [0x30, 3, 0, 2, 0x61]],
    ['a PUBLISH without its packet identifier', [0x32, 4, 0, 1, 0x61, 0]],
    ['a PINGRESP with a body', [0xd0, 1, 0]],
    ['a packet that is longer than allowed', [0x30, 0xff, 0x7f]],
  ])('%s: malformed', (_name, bytes) => {
    expect(() => read([Uint8Array.from(bytes)], 1_000)).toThrow(MalformedPacket);
  });

  it('any bytes are read, refused or waited for; nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (chunks) => {
        try {
          read(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedPacket);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
