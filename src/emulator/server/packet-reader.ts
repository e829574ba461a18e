/*
 * The packets of MQTT 3.1.1 that a device may send, from bytes. Numbers in brackets are sections of the specification
 * (docs.oasis-open.org/mqtt/mqtt/v3.1.1).
 *
 *   every packet: type and flags (1 byte) | remaining length (1 to 4 bytes, 7 bits each, lowest first) | body
 *   a text:       length (2 bytes, big-endian) | UTF-8
 */

export type ConnectPacket = {
  readonly type: 'connect';
  /** Name and level: `MQTT 4` is MQTT 3.1.1. */
  readonly protocol: string;
  readonly clientId: string;
  /** `null`: the packet has no user name. */
  readonly username: string | null;
  readonly password: string | null;
  /** 0 = the device may be silent. */
  readonly keepAliveSeconds: number;
  /** `false`: the device wants the session of its last connection to go on. */
  readonly cleanSession: boolean;
  readonly hasWill: boolean;
};

export type SubscribePacket = {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: number }[];
};

export type UnsubscribePacket = {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
};

export type PublishPacket = {
  readonly type: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
  /** The DUP flag: the device sends it again. */
  readonly isDuplicate: boolean;
  /** `null` with QoS 0. */
  readonly packetId: number | null;
};

export type DevicePacket =
  | ConnectPacket
  | SubscribePacket
  | UnsubscribePacket
  | PublishPacket
  | { readonly type: 'puback'; readonly packetId: number }
  | { readonly type: 'pingreq' | 'disconnect' }
  /** Of MQTT, but not for a device to send here. */
  | { readonly type: 'other'; readonly name: string };

/** Something that MQTT or the service forbids, and that closes the connection. */
export class ProtocolViolation extends Error {}

/** Packet types [2.2.1], by the upper half of the first byte; `null` = reserved. The last came with MQTT 5. */
const TYPES = [
  null,
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
] as const;

/** The lower half of the first byte is 0010 for these, and 0000 for all others but PUBLISH [2.2.2]. */
const FLAGGED = new Set(['pubrel', 'subscribe', 'unsubscribe']);

const LENGTH_BYTES_MAX = 4;
const QOS_MAX = 2;
/** Of MQTT, and of MQTT 3.1. */
const PROTOCOL_NAMES = ['MQTT', 'MQIsdp'];
/** Levels whose CONNECT can be read. */
const PROTOCOL_LEVELS = [3, 4, 5];
const MQTT_5 = 5;
/** Set in the level by a Mosquitto broker that connects as a bridge; the rest of its CONNECT is as without. */
const BRIDGE = 0x80;
/** Of CONNECT [3.1.2.3]. */
const RESERVED = 0x01;
const CLEAN_SESSION = 0x02;
const WILL = 0x04;
const WILL_QOS_AND_RETAIN = 0x38;
const PASSWORD = 0x40;
const USER_NAME = 0x80;
/** Of PUBLISH [3.3.1]. */
const RETAIN = 0x01;
const DUP = 0x08;

/** Puts received bytes together again, however the network cut them. */
export class PacketReader {
  readonly #bytesMax: number;
  readonly #onPacket: (packet: DevicePacket) => void;
  /** Of an incomplete packet. */
  #chunks: Buffer[] = [];
  #pendingBytes = 0;
  /** With fewer bytes, the packet is certainly incomplete. Many small chunks are thus put together only once. */
  #neededBytes = 1;

  /** @param bytesMax of one packet, its header included @param onPacket gets each packet that is complete */
  constructor(bytesMax: number, onPacket: (packet: DevicePacket) => void) {
    this.#bytesMax = bytesMax;
    this.#onPacket = onPacket;
  }

  /** Whether a packet has begun but not ended. */
  get isWithinPacket(): boolean {
    return this.#pendingBytes > 0;
  }

  /** @throws ProtocolViolation when the bytes are not MQTT, or a packet is too long; the reader must not be used afterwards */
  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#pendingBytes > 0) {
      this.#chunks.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes < this.#neededBytes) return;
      bytes = Buffer.concat(this.#chunks);
    }
    while (bytes.length > 0) {
      const headerBytes = this.#lookAt(bytes);
      const packetBytes = this.#neededBytes;
      if (bytes.length < packetBytes) break;
      const packet = parsePacket(bytes[0] ?? 0, new PacketBody(bytes, headerBytes, packetBytes));
      bytes = bytes.subarray(packetBytes);
      this.#onPacket(packet);
    }
    this.#chunks = [bytes];
    this.#pendingBytes = bytes.length;
  }

  /** Finds out how many bytes the first packet needs. Returns the length of its header, as far as it is there. */
  #lookAt(bytes: Buffer): number {
    // Checked at once: what is not MQTT may never send as much as its second byte seems to announce.
    checkFirstByte(bytes[0] ?? 0);
    let remaining = 0;
    for (let index = 1; index <= LENGTH_BYTES_MAX; index += 1) {
      const byte = bytes[index];
      if (byte === undefined) {
        this.#neededBytes = index + 1;
        return index;
      }
      remaining += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) {
        this.#neededBytes = 1 + index + remaining;
        if (this.#neededBytes > this.#bytesMax) throw new ProtocolViolation('packet too large');
        return 1 + index;
      }
    }
    throw malformed(`a remaining length of more than ${LENGTH_BYTES_MAX} bytes`);
  }
}

function checkFirstByte(first: number): void {
  const type = TYPES[first >> 4];
  const flags = first & 0x0f;
  if (type === null || type === undefined) throw malformed(`a packet of the reserved type ${first >> 4}`);
  if (type === 'publish') {
    if (((flags >> 1) & 3) > QOS_MAX) throw malformed('a PUBLISH with QoS 3');
  } else if (flags !== (FLAGGED.has(type) ? 2 : 0)) throw malformed(`a ${type} with the flags ${flags}`);
}

function parsePacket(first: number, body: PacketBody): DevicePacket {
  const type = TYPES[first >> 4];
  switch (type) {
    case 'connect':
      return parseConnect(body);
    case 'subscribe':
      return parseSubscribe(body);
    case 'unsubscribe':
      return parseUnsubscribe(body);
    case 'publish': {
      const qos = (first >> 1) & 3;
      const topic = body.text();
      const packetId = qos === 0 ? null : body.number();
      const flags = { retain: (first & RETAIN) !== 0, isDuplicate: (first & DUP) !== 0 };
      return { type, topic, payload: body.rest(), qos, ...flags, packetId };
    }
    case 'puback':
      return { type, packetId: body.number() };
    case 'pingreq':
    case 'disconnect':
      return { type };
    default:
      return { type: 'other', name: String(type) };
  }
}

/** Of a level that is not known. */
const UNREADABLE_CONNECT = {
  type: 'connect',
  clientId: '',
  username: null,
  password: null,
  keepAliveSeconds: 0,
  cleanSession: true,
  hasWill: false,
} as const;

/**
 * [3.1] A level that is not supported must be answered with a return code [3.1.2.2], so no level is malformed. What follows an
 * unknown one is unknown too, and left out.
 */
function parseConnect(body: PacketBody): ConnectPacket {
  const name = body.text();
  if (!PROTOCOL_NAMES.includes(name)) throw malformed('a CONNECT for another protocol');
  const level = body.byte();
  const protocol = `${name} ${level}`;
  const protocolLevel = level & ~BRIDGE;
  if (!PROTOCOL_LEVELS.includes(protocolLevel)) {
    return { ...UNREADABLE_CONNECT, protocol };
  }
  const flags = body.byte();
  const hasWill = (flags & WILL) !== 0;
  if ((flags & RESERVED) !== 0) throw malformed('a CONNECT with its reserved flag');
  if (!hasWill && (flags & WILL_QOS_AND_RETAIN) !== 0) throw malformed('a CONNECT with flags of a will and no will');
  const keepAliveSeconds = body.number();
  if (protocolLevel === MQTT_5) body.skipProperties();
  const clientId = body.text();
  if (hasWill) {
    if (protocolLevel === MQTT_5) body.skipProperties();
    body.text();
    body.text();
  }
  const username = (flags & USER_NAME) === 0 ? null : body.text();
  const password = (flags & PASSWORD) === 0 ? null : body.text();
  const cleanSession = (flags & CLEAN_SESSION) !== 0;
  return { type: 'connect', protocol, clientId, username, password, keepAliveSeconds, cleanSession, hasWill };
}

/** [3.8] */
function parseSubscribe(body: PacketBody): SubscribePacket {
  const packetId = body.number();
  const subscriptions = [];
  while (!body.isAtEnd) {
    const filter = body.text();
    const qos = body.byte();
    if (qos > QOS_MAX) throw malformed(`a SUBSCRIBE with the options ${qos}`);
    subscriptions.push({ filter, qos });
  }
  return { type: 'subscribe', packetId, subscriptions };
}

/** [3.10] */
function parseUnsubscribe(body: PacketBody): UnsubscribePacket {
  const packetId = body.number();
  const filters = [];
  while (!body.isAtEnd) filters.push(body.text());
  return { type: 'unsubscribe', packetId, filters };
}

function malformed(what: string): ProtocolViolation {
  return new ProtocolViolation(`not MQTT: ${what}`);
}

/** The bytes behind the header of one packet, read from the first to the last. */
class PacketBody {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  number(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  text(): string {
    const length = this.number();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.#end - this.#at), this.#end);
  }

  /** Of MQTT 5, whose devices must still be told that it is not spoken here. */
  skipProperties(): void {
    let length = 0;
    let byte = 0x80;
    for (let index = 0; byte >= 0x80; index += 1) {
      if (index === LENGTH_BYTES_MAX) throw malformed('properties without a length');
      byte = this.byte();
      length += (byte & 0x7f) * 128 ** index;
    }
    this.#take(length);
  }

  /** Moves on, and returns where it was. */
  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#end - at) throw malformed('a packet that ends within one of its parts');
    this.#at = at + bytes;
    return at;
  }
}
