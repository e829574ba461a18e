/*
 * The packets of MQTT 3.1.1 that a registration needs, as bytes. Numbers in brackets are sections of the specification
 * (docs.oasis-open.org/mqtt/mqtt/v3.1.1).
 *
 *   every packet: type and flags (1 byte) | remaining length (1 to 4 bytes, 7 bits each, lowest first) | body
 *   a text:       length (2 bytes, big-endian) | UTF-8
 */

export type ConnectPacket = {
  readonly clientId: string;
  readonly username: string;
  /** `null`: the packet has no password. */
  readonly password: string | null;
  readonly keepAliveSeconds: number;
};

/** A packet from the server. */
export type ServerPacket =
  | { readonly type: 'connack'; readonly returnCode: number }
  | { readonly type: 'suback'; readonly packetId: number; readonly returnCodes: Uint8Array }
  | { readonly type: 'puback'; readonly packetId: number }
  | {
      readonly type: 'publish';
      readonly topic: string;
      readonly payload: string;
      /** `null` with QoS 0. */
      readonly packetId: number | null;
    }
  | { readonly type: 'pingresp' };

/** Bytes that are not a packet that a server may send. */
export class MalformedPacket extends Error {}

const PROTOCOL_LEVEL = 4;
const CLEAN_SESSION = 0x02;
const PASSWORD = 0x40;
const USER_NAME = 0x80;
const QOS_1 = 1;
const LENGTH_BYTES_MAX = 4;
const TEXT_BYTES_MAX = 0xffff;

/** [3.1] */
export function connectPacket({ clientId, username, password, keepAliveSeconds }: ConnectPacket): Buffer {
  const texts = password === null ? [clientId, username] : [clientId, username, password];
  const flags = USER_NAME | CLEAN_SESSION | (password === null ? 0 : PASSWORD);
  // Protocol name (6 bytes), level, flags, keep-alive.
  const packet = new PacketBytes(0x10, 10 + textBytes(texts));
  packet.text('MQTT');
  packet.byte(PROTOCOL_LEVEL);
  packet.byte(flags);
  packet.number(keepAliveSeconds);
  for (const text of texts) packet.text(text);
  return packet.bytes;
}

/** [3.8], with QoS 1. */
export function subscribePacket(packetId: number, topicFilter: string): Buffer {
  const packet = new PacketBytes(0x82, 3 + textBytes([topicFilter]));
  packet.number(packetId);
  packet.text(topicFilter);
  packet.byte(QOS_1);
  return packet.bytes;
}

/** [3.3], with QoS 1. */
export function publishPacket(packetId: number, topic: string, payload: string): Buffer {
  const packet = new PacketBytes(0x30 | (QOS_1 << 1), 2 + textBytes([topic]) + Buffer.byteLength(payload));
  packet.text(topic);
  packet.number(packetId);
  packet.rest(payload);
  return packet.bytes;
}

/** [3.4] */
export function pubackPacket(packetId: number): Buffer {
  const packet = new PacketBytes(0x40, 2);
  packet.number(packetId);
  return packet.bytes;
}

/** [3.12] */
export const PINGREQ = Buffer.from([0xc0, 0x00]);

/** [3.14] */
export const DISCONNECT = Buffer.from([0xe0, 0x00]);

const NO_BYTES = Buffer.alloc(0);

/** Puts received bytes together again, however the network cut them. */
export class PacketReader {
  readonly #bytesMax: number;
  readonly #take: (packet: ServerPacket) => void;
  #pending: Buffer = NO_BYTES;

  /** @param bytesMax of one packet; a peer that sends more without completing one would fill the memory */
  constructor(bytesMax: number, take: (packet: ServerPacket) => void) {
    this.#bytesMax = bytesMax;
    this.#take = take;
  }

  /**
   * Hands over the packets that `chunk` completes. What it leaves is copied: the caller may reuse its memory.
   *
   * @throws MalformedPacket when the bytes are not MQTT, or a packet is too long; the reader must not be used any more then
   */
  read(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let start = 0;
    for (let body = this.#bodyOf(bytes, start); body !== null; body = this.#bodyOf(bytes, start)) {
      this.#take(parsePacket(bytes[start] ?? 0, bytes.subarray(body.start, body.end)));
      start = body.end;
    }
    this.#pending = start === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(start));
  }

  /** Where the body is of the packet that begins at `start`; `null`: the packet is not complete. */
  #bodyOf(bytes: Buffer, start: number): { readonly start: number; readonly end: number } | null {
    const first = bytes[start];
    if (first === undefined) return null;
    // At once: what is not MQTT need not send as much as its second byte would announce.
    if (!isFirstByte(first))
      throw new MalformedPacket(`a packet that begins with 0x${first.toString(16).padStart(2, '0')}`);
    let remaining = 0;
    for (let index = 1; index <= LENGTH_BYTES_MAX; index += 1) {
      const byte = bytes[start + index];
      if (byte === undefined) return null;
      remaining += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) {
        const whole = 1 + index + remaining;
        if (whole > this.#bytesMax) throw new MalformedPacket(`a packet of more than ${this.#bytesMax} bytes`);
        return bytes.length < start + whole ? null : { start: start + 1 + index, end: start + whole };
      }
    }
    throw new MalformedPacket(`a remaining length of more than ${LENGTH_BYTES_MAX} bytes`);
  }
}

/** Type and flags of the packets that a server may send here: QoS 2 is never granted, since it is never asked for. */
function isFirstByte(first: number): boolean {
  const isPublish = first >> 4 === 3 && ((first >> 1) & 3) <= QOS_1;
  return isPublish || first === 0x20 || first === 0x40 || first === 0x90 || first === 0xd0;
}

/** @param first type and flags of the packet */
function parsePacket(first: number, body: Buffer): ServerPacket {
  if (first >> 4 === 3) return parsePublish(first & 0x0f, body);
  switch (first) {
    case 0x20:
      expectLength('CONNACK', body, 2);
      return { type: 'connack', returnCode: body[1] ?? 0 };
    case 0x40:
      expectLength('PUBACK', body, 2);
      return { type: 'puback', packetId: packetIdAt(body, 0) };
    case 0x90:
      if (body.length < 3) throw new MalformedPacket('a SUBACK without a return code');
      return { type: 'suback', packetId: packetIdAt(body, 0), returnCodes: body.subarray(2) };
    default:
      expectLength('PINGRESP', body, 0);
      return { type: 'pingresp' };
  }
}

/** [3.3] */
function parsePublish(flags: number, body: Buffer): ServerPacket {
  const qos = (flags >> 1) & 3;
  if (body.length < 2) throw new MalformedPacket('a PUBLISH without a topic');
  const topicEnd = 2 + body.readUInt16BE(0);
  const payloadStart = topicEnd + (qos === 0 ? 0 : 2);
  if (body.length < payloadStart)
    throw new MalformedPacket('a PUBLISH that ends within its topic or packet identifier');
  return {
    type: 'publish',
    topic: body.toString('utf8', 2, topicEnd),
    payload: body.toString('utf8', payloadStart),
    packetId: qos === 0 ? null : packetIdAt(body, topicEnd),
  };
}

function packetIdAt(body: Buffer, offset: number): number {
  const packetId = body.readUInt16BE(offset);
  if (packetId === 0) throw new MalformedPacket('a packet identifier of 0');
  return packetId;
}

function expectLength(name: string, body: Buffer, length: number): void {
  if (body.length !== length) throw new MalformedPacket(`a ${name} with ${body.length} bytes instead of ${length}`);
}

function textBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + 2 + Buffer.byteLength(text), 0);
}

/** One packet while it is written. */
class PacketBytes {
  readonly bytes: Buffer;
  #at = 0;

  constructor(first: number, remaining: number) {
    const lengthBytes = remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
    this.bytes = Buffer.allocUnsafe(1 + lengthBytes + remaining);
    this.byte(first);
    for (let rest = remaining, left = lengthBytes; left > 0; left -= 1, rest = Math.floor(rest / 128)) {
      this.byte((rest & 0x7f) | (left > 1 ? 0x80 : 0));
    }
  }

  byte(value: number): void {
    this.#at = this.bytes.writeUInt8(value, this.#at);
  }

  number(value: number): void {
    this.#at = this.bytes.writeUInt16BE(value, this.#at);
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    if (length > TEXT_BYTES_MAX) throw new Error(`a text of ${length} bytes does not fit into an MQTT packet`);
    this.number(length);
    this.rest(text);
  }

  rest(text: string): void {
    this.#at += this.bytes.write(text, this.#at);
  }
}
