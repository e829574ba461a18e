import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Ten times the capacity of one DPS instance. */
export const ROWS_GENERATED_MAX = 10_000_000;

/** Fleets of up to a million devices sort alike, whatever their size. */
const DIGITS_MIN = 6;

/** Rows written at once. */
const CHUNK_ROWS = 1_000;

/** `line-a-000001`, for the 1-based `number` of `count` devices. */
export function generatedRegistrationId(prefix: string, number: number, count: number): string {
  return `${prefix}-${String(number).padStart(Math.max(DIGITS_MIN, String(count).length), '0')}`;
}

/** Writes a fleet CSV of `count` registration IDs, no faster than `out` accepts it; `end` says whether to end `out` too. */
export async function generateFleet(count: number, prefix: string, out: Writable, end: boolean): Promise<void> {
  await pipeline(Readable.from(chunks(count, prefix)), out, { end });
}

function* chunks(count: number, prefix: string): Generator<string> {
  yield 'registration_id\n';
  for (let first = 1; first <= count; first += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, count - first + 1);
    const ids = Array.from({ length: rows }, (_, index) => generatedRegistrationId(prefix, first + index, count));
    yield `${ids.join('\n')}\n`;
  }
}
