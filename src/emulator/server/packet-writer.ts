import type { Duplex } from 'node:stream';
import { generate, type Packet } from 'mqtt-packet';
import type { Clock, Timer } from '../../time/clock.ts';

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
