import type { FleetFile } from './fleet-file.ts';
import { type FleetRules, rowComplaints } from './fleet-rules.ts';
import { readFleetRecords } from './read-fleet-records.ts';

/** What becomes of rows that cannot be used: nothing is begun, or they are left out. */
export const ON_BAD_ROW = ['stop', 'skip'] as const;

export type OnBadRow = (typeof ON_BAD_ROW)[number];

/** Lines of a fleet file on which rows begin that a run does not use: one bit for each line, outside the heap. */
export class RejectedLines {
  #bits = new Uint8Array(128);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bits.byteLength;
  }

  add(line: number): void {
    if (this.has(line)) return;
    while (line >> 3 >= this.#bits.length) this.#grow();
    this.#bits[line >> 3] = (this.#bits[line >> 3] ?? 0) | (1 << (line & 7));
    this.#count += 1;
  }

  has(line: number): boolean {
    return ((this.#bits[line >> 3] ?? 0) & (1 << (line & 7))) !== 0;
  }

  #grow(): void {
    const bits = this.#bits;
    this.#bits = new Uint8Array(2 * bits.length);
    this.#bits.set(bits);
  }
}

export type Rejection = { readonly line: number; readonly reason: string };

const DUPLICATE = 'has a registration ID that another row has too (upper and lower case are the same)';

/** Reads the fleet once more, for the reasons of the rows that are left out. */
export async function* readRejections(
  fleet: FleetFile,
  rules: FleetRules,
  rejected: RejectedLines,
  bytes: number,
): AsyncGenerator<Rejection> {
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      if (!rejected.has(line)) continue;
      const messages = rowComplaints(fields, columns, rules).map(({ message }) => message);
      yield { line, reason: messages.length === 0 ? DUPLICATE : messages.join('; ') };
    }
  }
}
