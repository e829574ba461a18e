import type { Duplex } from 'node:stream';
import { generate, type Packet } from 'mqtt-packet';
import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import type { Clock, Timer } from '../../time/clock.ts';

/** What one connection may cost. */
export type SessionLimits = {
  /** From the accepted connection to its CONNECT packet, TLS included. */
  readonly connectTimeoutMs: number;
  /** From the first byte of a packet to its last. */
  readonly packetTimeoutMs: number;
  /** From the end of a connection until it is cut off, sent or not. */
  readonly closeTimeoutMs: number;
  /** One packet, its header included. */
  readonly packetBytesMax: number;
  /** Answers that the device does not read. */
  readonly unreadBytesMax: number;
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
});

/** Writes packets to a connection: each at once, or in pieces with pauses when a fault wants that. */
export class PacketWriter {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  #pieces: { readonly bytes: number; readonly pauseMs: number } | null = null;
  #waiting = Buffer.alloc(0);
  #timer: Timer | null = null;

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  write(packet: Packet): void {
    const bytes = generate(packet);
    if (this.#pieces === null) {
      this.#stream.write(bytes);
      return;
    }
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (this.#timer === null) this.#writePiece();
  }

  /** From now on, at most `bytes` at once, with `pauseMs` between. */
  fragment(bytes: number, pauseMs: number): void {
    this.#pieces = { bytes, pauseMs };
  }

  /** What the other side has not taken yet. */
  get unreadBytes(): number {
    return this.#stream.writableLength + this.#waiting.length;
  }

  /** Writes what still waits, without pauses; forgets it when nobody is there any more. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting.length > 0 && !this.#stream.destroyed) this.#stream.write(this.#waiting);
    this.#waiting = Buffer.alloc(0);
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

/** A moment at which a session ends unless it changes before, and why. */
export type Deadline = { readonly atMs: number; readonly reason: string };

/**
 * Watches over several deadlines with one timer. A deadline that moves away, as at every packet that arrives, leaves the
 * timer as it is: when it fires, it looks again.
 */
export class SessionDeadline {
  readonly #clock: Clock;
  readonly #deadlines: () => readonly Deadline[];
  readonly #passed: (reason: string) => void;
  #timer: Timer | null = null;

  constructor(clock: Clock, deadlines: () => readonly Deadline[], passed: (reason: string) => void) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#passed = passed;
  }

  /** Call it when a deadline has been added. */
  watch(): void {
    this.cancel();
    const [first, ...others] = this.#deadlines();
    if (first === undefined) return;
    const next = others.reduce((earliest, deadline) => (deadline.atMs < earliest.atMs ? deadline : earliest), first);
    if (this.#clock.nowMs() >= next.atMs) this.#passed(next.reason);
    else this.#timer = this.#clock.wakeAt(next.atMs, () => this.watch());
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
