import type { Duplex } from 'node:stream';
import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import type { Clock, Timer } from '../../time/clock.ts';
import { type DevicePacket, PacketReader, ProtocolViolation } from './packet-reader.ts';

/** What one connection may cost. */
export type SessionLimits = {
  /** From the accepted connection to its CONNECT packet, TLS included. */
  readonly connectTimeoutMs: number;
  /** From the first byte of a packet to its last. */
  readonly packetTimeoutMs: number;
  /** From the end of a connection until it is cut off, even with bytes unsent. */
  readonly closeTimeoutMs: number;
  /** One packet, its header included. */
  readonly packetBytesMax: number;
  /** Answers that the device does not read. */
  readonly unreadBytesMax: number;
  /** How long a connection to the records may be silent, and one request may take. */
  readonly httpTimeoutMs: number;
};

export const SESSION_LIMITS_DEFAULT: SessionLimits = Object.freeze({
  // Ten times what a slow device needs for TLS.
  connectTimeoutMs: 30_000,
  packetTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
  // The documented largest message, and room for topic and header.
  packetBytesMax: MESSAGE_BYTES_MAX + 4 * 1024,
  // Several hundred answers.
  unreadBytesMax: 256 * 1024,
  // A page of registrations takes milliseconds.
  httpTimeoutMs: 30_000,
});

/** Packets that may arrive before a late CONNACK; a whole conversation without an answer has four. */
const EARLY_PACKETS_MAX = 16;

/** `packetsMax: null`: the stream is paused instead. */
type KeptPackets = { readonly packets: DevicePacket[]; readonly packetsMax: number | null };

/** Sees everything, and changes nothing. */
export type PacketTap = {
  readonly received: (packet: DevicePacket) => void;
  readonly sent: (packet: Buffer) => void;
  /** What is sent from here on leaves only with `release`. */
  readonly hold: () => void;
  readonly release: () => void;
  /** Called once. @param reason `null` = nothing to report */
  readonly ended: (by: 'device' | 'emulator', reason: string | null) => void;
};

/** What a session does with its packets. */
export type PacketHandlers = {
  /** May throw a `ProtocolViolation`. */
  readonly onPacket: (packet: DevicePacket) => void;
  /** Called once, before what is still to be written is flushed. @param reason for the log; `null` = nothing to report. */
  readonly onClosed: (reason: string | null) => void;
  /** `null` = nobody looks on. */
  readonly tap: PacketTap | null;
};

/** How long a device may be silent (infinite = forever), and what to log when it is silent for longer. */
export type SilenceLimit = { readonly timeoutMs: number; readonly reason: string };

/** MQTT packets over any duplex stream, within limits of time and size. */
export class PacketStream {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  readonly #handlers: PacketHandlers;
  readonly #reader: PacketReader;
  readonly #writer: PacketWriter;
  /** For the next of the deadlines. */
  #timer: Timer | null = null;
  #silence: SilenceLimit = { timeoutMs: Number.POSITIVE_INFINITY, reason: 'idle' };
  #lastPacketAtMs: number;
  /** When the first byte of an incomplete packet arrived; `null` = no packet is incomplete. */
  #incompleteSinceMs: number | null = null;
  /** Packets kept until `release`; `null` = packets are handled at once. */
  #kept: KeptPackets | null = null;
  #state: 'open' | 'stalled' | 'closed' = 'open';

  constructor(stream: Duplex, clock: Clock, limits: SessionLimits, handlers: PacketHandlers) {
    this.#stream = stream;
    this.#clock = clock;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#reader = new PacketReader(limits.packetBytesMax, (packet) => this.#received(packet));
    this.#writer = new PacketWriter(stream, clock);
    this.#lastPacketAtMs = clock.nowMs();
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    // A connection that breaks is nothing to report; one that ws breaks is.
    stream.on('error', ({ code = '', message }: NodeJS.ErrnoException) =>
      code.startsWith('WS_ERR_') ? this.close(message) : this.#left(code || message),
    );
    stream.on('end', () => this.#left(null));
    stream.on('close', () => this.#gone());
  }

  /** Neither closed nor stalled. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Closes the connection when the device is silent for longer than one of these; replaces earlier limits. */
  limitSilence(first: SilenceLimit, second: SilenceLimit): void {
    this.#silence = second.timeoutMs < first.timeoutMs ? second : first;
    this.#watch();
  }

  /** Keeps all packets but CONNECT until `release`. */
  keep(): void {
    this.#kept = { packets: [], packetsMax: EARLY_PACKETS_MAX };
  }

  /** Likewise, but instead of a limit, reads nothing more once a packet has to wait. */
  pause(): void {
    this.#kept ??= { packets: [], packetsMax: null };
  }

  release(): void {
    const kept = this.#kept?.packets ?? [];
    this.#kept = null;
    if (this.#stream.isPaused()) this.#stream.resume();
    this.#orClose(() => {
      for (const packet of kept) this.#handle(packet);
    });
  }

  write(packet: Buffer): void {
    if (!this.isOpen) return;
    this.#handlers.tap?.sent(packet);
    this.#writer.write(packet);
    if (this.#writer.unreadBytes > this.#limits.unreadBytesMax) this.close('the device reads no answers');
  }

  /** From now on, writes at most `bytes` at a time, with `pauseMs` in between. */
  fragment(bytes: number, pauseMs: number): void {
    this.#writer.fragment(bytes, pauseMs);
  }

  /** From now on, reads and writes nothing, and leaves the connection open. */
  stall(): void {
    if (this.isOpen) this.#state = 'stalled';
  }

  /** Ends the connection at once, whatever was still to be sent. */
  cut(): void {
    this.#writer.release();
    this.#stream.destroy();
    this.close(null);
  }

  /** Ends the connection after everything that was written has been sent. */
  close(reason: string | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#handlers.tap?.ended('emulator', reason);
    this.#handlers.onClosed(reason);
    const stream = this.#stream;
    this.#writer.flush();
    if (stream.destroyed) return;
    this.#timer = this.#clock.wakeAt(this.#clock.nowMs() + this.#limits.closeTimeoutMs, () => stream.destroy());
    stream.end(() => stream.destroy());
  }

  /** The device ended the connection, or lost it. */
  #left(reason: string | null): void {
    if (this.#state !== 'closed') this.#handlers.tap?.ended('device', reason);
    this.close(null);
  }

  /** Node keeps a closed TLS socket until the next full garbage collection: without listeners, it keeps nothing of the session. */
  #gone(): void {
    this.#left('lost');
    this.#timer?.cancel();
    this.#stream.removeAllListeners();
  }

  #read(bytes: Buffer): void {
    if (!this.isOpen) return;
    // Packets that are answers to the same bytes leave in one piece: one TLS record and one system call instead of two.
    this.#writer.hold();
    this.#handlers.tap?.hold();
    this.#orClose(() => {
      this.#reader.read(bytes);
      if (this.#state === 'closed') return;
      if (!this.#reader.isWithinPacket) this.#incompleteSinceMs = null;
      else if (this.#incompleteSinceMs === null) {
        this.#incompleteSinceMs = this.#clock.nowMs();
        this.#watch();
      }
    });
    this.#writer.release();
    this.#handlers.tap?.release();
  }

  /** Closes the connection if `act` comes upon something forbidden. */
  #orClose(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.close(error.message);
    }
  }

  #received(packet: DevicePacket): void {
    if (!this.isOpen) return;
    this.#lastPacketAtMs = this.#clock.nowMs();
    this.#incompleteSinceMs = null;
    this.#handlers.tap?.received(packet);
    this.#handle(packet);
  }

  #handle(packet: DevicePacket): void {
    if (!this.isOpen) return;
    if (this.#kept === null || packet.type === 'connect') {
      this.#handlers.onPacket(packet);
      return;
    }
    const { packets, packetsMax } = this.#kept;
    packets.push(packet);
    if (packetsMax === null) this.#stream.pause();
    else if (packets.length > packetsMax) throw new ProtocolViolation('too many packets before CONNACK');
  }

  /** A deadline that moves away, as at every packet, leaves the timer as it is: when it fires, it looks again. */
  #watch(): void {
    if (!this.isOpen) return;
    this.#timer?.cancel();
    const silenceAtMs = this.#lastPacketAtMs + this.#silence.timeoutMs;
    const packetAtMs = (this.#incompleteSinceMs ?? Number.POSITIVE_INFINITY) + this.#limits.packetTimeoutMs;
    const atMs = Math.min(silenceAtMs, packetAtMs);
    if (atMs === Number.POSITIVE_INFINITY) return;
    const reason = silenceAtMs === atMs ? this.#silence.reason : 'incomplete packet';
    if (this.#clock.nowMs() >= atMs) this.close(reason);
    else this.#timer = this.#clock.wakeAt(atMs, () => this.#watch());
  }
}

const NO_BYTES = Buffer.alloc(0);

/** Writes packets to a stream: each at once, or in pieces with pauses when a fault asks for it. */
class PacketWriter {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  #pieces: { readonly bytes: number; readonly pauseMs: number } | null = null;
  #waiting = NO_BYTES;
  #timer: Timer | null = null;
  /** Written since `hold`; `null` = nothing is held back. */
  #held: Buffer[] | null = null;
  #heldBytes = 0;

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** Holds back what is written until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    this.#sendHeld();
    this.#held = null;
  }

  write(bytes: Buffer): void {
    if (this.#held === null) {
      this.#send(bytes);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #sendHeld(): void {
    const held = this.#held;
    const [first] = held ?? [];
    if (held === null || first === undefined) return;
    this.#held = [];
    this.#heldBytes = 0;
    if (!this.#stream.destroyed) this.#send(held.length === 1 ? first : Buffer.concat(held));
  }

  #send(bytes: Buffer): void {
    if (this.#pieces === null) {
      this.#stream.write(bytes);
      return;
    }
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (this.#timer === null) this.#writePiece();
  }

  fragment(bytes: number, pauseMs: number): void {
    this.#sendHeld();
    this.#pieces = { bytes, pauseMs };
  }

  /** Bytes that the other side has not taken yet. */
  get unreadBytes(): number {
    return this.#stream.writableLength + this.#waiting.length + this.#heldBytes;
  }

  /** Writes everything that is waiting, without pauses; discards it when the stream is gone. */
  flush(): void {
    this.#sendHeld();
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting.length > 0 && !this.#stream.destroyed) this.#stream.write(this.#waiting);
    this.#waiting = NO_BYTES;
  }

  #writePiece(): void {
    this.#timer = null;
    if (this.#pieces === null || this.#waiting.length === 0) return;
    const { bytes, pauseMs } = this.#pieces;
    this.#stream.write(this.#waiting.subarray(0, bytes));
    this.#waiting = this.#waiting.subarray(bytes);
    this.#timer = this.#clock.wakeAt(this.#clock.nowMs() + pauseMs, () => this.#writePiece());
  }
}
