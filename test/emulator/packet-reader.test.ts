import { type Packet, parser } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { type DevicePacket, PacketReader, ProtocolViolation } from '../../src/emulator/server/packet-reader.ts';
import { hostileBytes, SERVICE_PACKETS } from '../fuzz/hostile-packets.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';

const BYTES_MAX = 100_000;

type Read = { readonly packets: readonly object[]; readonly isRefused: boolean };

function read(chunks: readonly Buffer[], bytesMax = BYTES_MAX): Read {
  const packets: object[] = [];
  const keep = (packet: DevicePacket): void => {
    packets.push(packet.type === 'publish' ? { ...packet, payload: packet.payload.toString('latin1') } : packet);
  };
  const reader = new PacketReader(bytesMax, keep);
  try {
    for (const chunk of chunks) reader.read(chunk);
    return { packets, isRefused: false };
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    return { packets, isRefused: true };
  }
}

/** The same from the codec of MQTT.js. */
function readByMqttJs(bytes: Buffer): Read {
  const packets: object[] = [];
  let isRefused = false;
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => packets.push(inOurTerms(packet)));
  reader.on('error', () => {
    isRefused = true;
  });
  reader.parse(bytes);
  return { packets, isRefused };
}

function inOurTerms(packet: Packet): object {
  const { cmd: type } = packet;
  switch (packet.cmd) {
    case 'connect': {
      const { protocolId, protocolVersion, clientId, username = null, password, keepalive, clean, will } = packet;
      const protocol = `${protocolId} ${Number(protocolVersion) + ('bridgeMode' in packet ? 0x80 : 0)}`;
      const texts = { clientId, username, password: password?.toString() ?? null };
      const flags = { cleanSession: clean, hasWill: will !== undefined };
      return { type, protocol, ...texts, keepAliveSeconds: keepalive, ...flags };
    }
    case 'subscribe': {
      const subscriptions = packet.subscriptions.map(({ topic, qos }) => ({ filter: topic, qos }));
      return { type, packetId: packet.messageId, subscriptions };
    }
    case 'unsubscribe':
      return { type, packetId: packet.messageId, filters: packet.unsubscriptions };
    case 'publish': {
      const { topic, payload, qos, messageId, retain, dup } = packet;
      return {
        type,
        topic,
        payload: Buffer.from(payload).toString('latin1'),
        qos,
        retain,
        isDuplicate: dup,
        packetId: qos === 0 ? null : messageId,
      };
    }
    case 'puback':
      return { type, packetId: packet.messageId };
    case 'pingreq':
    case 'disconnect':
      return { type };
    default:
      return { type: 'other', name: type };
  }
}

function isOfUnknownLevel(packet: object): boolean {
  return 'protocol' in packet && !/^MQ\w+ (3|4|5|131|132|133)$/.test(String(packet.protocol));
}

function pieces(bytes: Buffer, random: SeededRandom): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(random.pick([2, 20, 20_000]));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

describe('packets from hostile devices', () => {
  it('are read as the codec of MQTT.js reads them, and refused where it refuses them', () => {
    const random = new SeededRandom(3);
    const counts = { read: 0, refused: 0, incomplete: 0, refusedByUsAlone: 0 };
    for (let n = 0; n < 2_000; n += 1) {
      const bytes = hostileBytes(SERVICE_PACKETS, n % 8, { deviceId: `device-${n}`, operationIds: ['5.0.0'] }, random);
      const [ours, theirs] = [read([bytes], 2 ** 28), readByMqttJs(bytes)];
      // What no device sends is refused whatever it contains.
      if ([...ours.packets, ...theirs.packets].some((packet) => 'name' in packet)) continue;
      // MQTT.js refuses a CONNECT of an unknown level; here, it gets its answer.
      if (ours.packets.some(isOfUnknownLevel)) continue;
      // A reserved type at its first byte; MQTT.js waits for the whole packet.
      if (ours.isRefused && !theirs.isRefused) counts.refusedByUsAlone += 1;
      else expect(ours, bytes.toString('hex')).toEqual(theirs);
      if (ours.isRefused) counts.refused += 1;
      else counts[ours.packets.length > 0 ? 'read' : 'incomplete'] += 1;
    }
    expect(counts.read).toBeGreaterThan(1_000);
    expect(counts.refused).toBeGreaterThan(100);
    expect(counts.incomplete).toBeGreaterThan(100);
    expect(counts.refusedByUsAlone).toBeLessThan(20);
  });

  it('are the same however the network cuts them', () => {
    const random = new SeededRandom(4);
    for (let n = 0; n < 200; n += 1) {
      const state = { deviceId: `device-${n}`, operationIds: ['5.0.0'] };
      const bytes = Buffer.concat(
        Array.from({ length: 4 }, (_, step) => hostileBytes(SERVICE_PACKETS, step, state, random)),
      );
      expect(read(pieces(bytes, random))).toEqual(read([bytes]));
    }
  });
});

describe('a packet that is too long', () => {
  const announced = (remaining: readonly number[]): Buffer => Buffer.from([0x30, ...remaining]);

  it('is refused as soon as its length is there', () => {
    // 127 + 2 bytes of header.
    expect(read([announced([127])], 129)).toEqual({ packets: [], isRefused: false });
    expect(read([announced([127])], 128)).toEqual({ packets: [], isRefused: true });
  });

  it('is refused when its length has no end', () => {
    expect(read([announced([0xff, 0xff, 0xff])], 2 ** 28)).toEqual({ packets: [], isRefused: false });
    expect(read([announced([0xff, 0xff, 0xff, 0xff])], 2 ** 28)).toEqual({ packets: [], isRefused: true });
  });
});

it('what is not MQTT is refused at its first byte', () => {
  expect(read([Buffer.from('GET / HTTP/1.1').subarray(0, 1)]).isRefused).toBe(true);
});

describe('a CONNECT of another protocol', () => {
  const connect = (name: string, level: number): Buffer =>
    Buffer.concat([Buffer.of(0x10, name.length + 3, 0, name.length), Buffer.from(name), Buffer.of(level)]);

  it.each([0, 1, 2, 6, 127, 255])('is read up to its level %i, whatever would follow', (level) => {
    const packet = { type: 'connect', protocol: `MQTT ${level}`, clientId: '', username: null, password: null };
    const expected = {
      packets: [{ ...packet, keepAliveSeconds: 0, cleanSession: true, hasWill: false }],
      isRefused: false,
    };
    expect(read([connect('MQTT', level)])).toEqual(expected);
  });

  it('is refused when its name is not of MQTT', () => {
    expect(read([connect('AMQP', 0)])).toEqual({ packets: [], isRefused: true });
  });
});
