import type { Redis } from 'ioredis';
import { type Clock, pause } from '../../time/clock.ts';
import {
  type RawRead,
  READ_BLOCK_MS,
  READ_ENTRIES_MAX,
  READ_RETRY_MS,
  type ReadEntry,
  readEntries,
} from './redis-commands.ts';

const FIRST_ID = '0-0';

/** Reads a stream from its beginning, on a connection of its own: a read that waits would hold up everything else. */
export class InboundStream {
  readonly #reader: Redis;
  readonly #key: string;
  readonly #clock: Clock;
  #lastId = FIRST_ID;
  #isClosed = false;

  constructor(reader: Redis, key: string, clock: Clock) {
    this.#reader = reader;
    this.#key = key;
    this.#clock = clock;
  }

  /** ID of the last entry read; `null` = none since it began. */
  get lastId(): string | null {
    return this.#lastId === FIRST_ID ? null : this.#lastId;
  }

  /** Redis may have lost the stream, and one that begins anew may have smaller IDs. */
  startAnew(): void {
    this.#lastId = FIRST_ID;
  }

  /** Reads until it is closed; what fails is tried again. */
  async read<Message>(onEntry: (entry: ReadEntry<Message>) => void): Promise<void> {
    while (!this.#isClosed) {
      try {
        const raw = await this.#reader.xread(
          ...(['COUNT', READ_ENTRIES_MAX, 'BLOCK', READ_BLOCK_MS, 'STREAMS', this.#key, this.#lastId] as const),
        );
        for (const entry of readEntries<Message>(raw as RawRead)) {
          this.#lastId = entry.id;
          onEntry(entry);
        }
      } catch {
        await pause(this.#clock, READ_RETRY_MS);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#reader.disconnect();
  }
}
