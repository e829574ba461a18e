import type { FleetFile } from './fleet-file.ts';
import { foldedRegistrationId } from './fleet-row.ts';
import { type FleetRules, rowComplaints } from './fleet-rules.ts';
import { readFleetRecords } from './read-fleet-records.ts';

/** What happens if some rows are unusable: the run does not start, or they are left out. */
export const ON_BAD_ROW = ['stop', 'skip'] as const;

export type OnBadRow = (typeof ON_BAD_ROW)[number];

/** The lines of a fleet file on which rejected rows begin: one bit for each line, outside the heap. */
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

/** @param firstLine `null` = not known. */
export function duplicateMessage(firstLine: number | null): string {
  const what = firstLine === null ? 'duplicate registration ID' : `duplicate of line ${firstLine}`;
  return `${what} (IDs are not case-sensitive)`;
}

/** Repeated IDs held to name the line of the first one: about 20 MB. Beyond that, the line is not named. */
const FIRST_LINES_MAX = 100_000;

/** Reads the fleet again for the folded registration ID of each rejected row that has a legal one. */
export async function* readRejectedIds(
  fleet: FleetFile,
  { rejectedLines, bytes }: { readonly rejectedLines: RejectedLines | null; readonly bytes: number },
): AsyncGenerator<string> {
  if (rejectedLines === null) return;
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      const id = rejectedLines.has(line) ? foldedRegistrationId(fields, columns) : null;
      if (id !== null) yield id;
    }
  }
}

/** Reads the fleet again to find the reason for each rejected row. */
export async function* readRejections(
  fleet: FleetFile,
  rules: FleetRules,
  rejected: RejectedLines,
  bytes: number,
): AsyncGenerator<Rejection> {
  const firstLines = new Map<string, number>();
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      if (!rejected.has(line)) continue;
      const id = foldedRegistrationId(fields, columns);
      const firstLine = firstLines.get(id ?? '') ?? null;
      if (id !== null && firstLine === null && firstLines.size < FIRST_LINES_MAX) firstLines.set(id, line);
      const messages = rowComplaints(fields, columns, rules).map(({ message }) => message);
      yield { line, reason: messages.join('; ') || duplicateMessage(firstLine) };
    }
  }
}
