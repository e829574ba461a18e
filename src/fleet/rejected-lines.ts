import { foldRegistrationId, registrationIdProblem } from '../dps/registration-id.ts';
import { HIDDEN, isSecretLike } from '../problem/quote-value.ts';
import type { FleetFile } from './fleet-file.ts';
import type { FleetColumns } from './fleet-header.ts';
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

/** A row that is left out. Values that may be secrets in the wrong place are hidden. */
export type Rejection = {
  readonly line: number;
  readonly reason: string;
  /** As far as it can be read; may be empty or not legal. */
  readonly registrationId: string;
  /** Line of another row with the same ID, or of the one that is kept; `null` = none, or not known. */
  readonly twinLine: number | null;
  /** Line of the exact copy that is kept instead; `null` = none. */
  readonly keptLine: number | null;
  readonly group: string;
  readonly expectedHub: string;
  /** Values of the unknown columns, in their order. */
  readonly otherValues: readonly string[];
};

/** @param twinLine `null` = not known. */
export function duplicateMessage(twinLine: number | null): string {
  const what = twinLine === null ? 'duplicate registration ID' : `duplicate of line ${twinLine}`;
  return `${what} (IDs are not case-sensitive)`;
}

function copyMessage(keptLine: number): string {
  return `exact copy of line ${keptLine}, which is kept`;
}

/** Repeated IDs held to name the lines of their first two rows: about 20 MB. Beyond that, no line is named. */
const TWINS_MAX = 100_000;

type Twins = ReadonlyMap<string, readonly [first: number, second: number | null]>;

/** Reads the fleet again for the folded registration ID of each rejected row, legal or not, as the list of rejected rows shows it. */
export async function* readRejectedIds(
  fleet: FleetFile,
  { rejectedLines, bytes }: { readonly rejectedLines: RejectedLines | null; readonly bytes: number },
): AsyncGenerator<string> {
  if (rejectedLines === null) return;
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      const id = rejectedLines.has(line) ? shownFields(fields, columns).registrationId : '';
      if (id !== '') yield foldRegistrationId(id);
    }
  }
}

/** Reads the fleet twice more to find the twin of each rejected row, and the reason. */
export async function* readRejections(
  fleet: FleetFile,
  rules: FleetRules,
  rejected: RejectedLines,
  bytes: number,
): AsyncGenerator<Rejection> {
  const twins = await readTwins(fleet, rejected, bytes);
  // A row that is kept comes before its copies.
  const keptLines = new Map<string, number>();
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const record of records) {
      const { line, fields } = record;
      const id = foldedRegistrationId(fields, columns) ?? '';
      if (!rejected.has(line)) {
        if (twins.has(id)) keptLines.set(id, line);
        continue;
      }
      const keptLine = keptLines.get(id) ?? null;
      const [first = null, second = null] = twins.get(id) ?? [];
      const twinLine = keptLine ?? (line === first ? second : first);
      const messages = rowComplaints(record, columns, rules).map(({ message }) => message);
      const duplicate = keptLine === null ? duplicateMessage(twinLine) : copyMessage(keptLine);
      yield { line, reason: messages.join('; ') || duplicate, twinLine, keptLine, ...shownFields(fields, columns) };
    }
  }
}

async function readTwins(fleet: FleetFile, rejected: RejectedLines, bytes: number): Promise<Twins> {
  const twins = new Map<string, readonly [number, number | null]>();
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      const id = rejected.has(line) ? foldedRegistrationId(fields, columns) : null;
      if (id === null) continue;
      const [first, second] = twins.get(id) ?? [null, null];
      if (first === null && twins.size < TWINS_MAX) twins.set(id, [line, null]);
      else if (first !== null && second === null) twins.set(id, [first, line]);
    }
  }
  return twins;
}

type ShownFields = Pick<Rejection, 'registrationId' | 'group' | 'expectedHub' | 'otherValues'>;

/** In a row of another width, any value may be a key in the wrong place. */
function shownFields(fields: readonly string[], { placeOf, others, width }: FleetColumns): ShownFields {
  const isAligned = fields.length === width;
  const valueAt = (place: number | undefined): string => {
    const value = fields[place ?? -1] ?? '';
    const isHidden = isSecretLike(value) && (!isAligned || /SharedAccess|PRIVATE KEY/.test(value));
    return isHidden ? HIDDEN : value;
  };
  const id = fields[placeOf.get('registration_id') ?? -1] ?? '';
  return {
    registrationId: registrationIdProblem(id) !== null && isSecretLike(id) ? HIDDEN : id,
    group: valueAt(placeOf.get('group')),
    expectedHub: valueAt(placeOf.get('expected_hub')),
    otherValues: others.map(({ place }) => valueAt(place)),
  };
}
