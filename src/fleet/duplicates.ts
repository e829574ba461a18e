import { createHash } from 'node:crypto';
import { type Problem, problemIn } from '../problem/operator-error.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FingerprintTable } from './fingerprint-table.ts';
import type { FleetFile } from './fleet-file.ts';
import { foldedRegistrationId } from './fleet-row.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import { duplicateMessage, RejectedLines } from './rejected-lines.ts';

/** IDs held at once while duplicates are verified: a few megabytes. */
const CANDIDATES_HELD_MAX = 10_000;

/** The same when all duplicates are needed, and each 100,000 of them cost one more reading of the file: about 20 MB. */
const CANDIDATES_HELD_FOR_ALL_MAX = 100_000;

const KEEPABLE_REMEDY =
  'Give every device its own ID, and remove repeated rows (dpsload run --exact-duplicates keep-first uses the first of equal rows)';

/**
 * Verifies every row whose fingerprint was repeated, and finds those whose registration ID really is. Each further reading
 * of the file holds the next `candidatesHeldMax` IDs; with 64-bit fingerprints one reading is nearly always enough.
 *
 * @returns The first duplicates, at most `problemsMax`.
 */
export async function duplicateProblems(
  fleet: FleetFile,
  ids: FingerprintTable,
  problemsMax: number,
  candidatesHeldMax: number = CANDIDATES_HELD_MAX,
): Promise<readonly Problem[]> {
  const duplicates = new Map<number, Problem>();
  const scan = { isFound: (one: number) => duplicates.has(one), heldMax: candidatesHeldMax, keyOf: () => null };
  for await (const { firstLine, line } of duplicatePairs(fleet, ids, scan)) {
    duplicates.set(line, duplicateOf(fleet.file, firstLine, line, KEEPABLE_REMEDY));
    if (duplicates.size === problemsMax) break;
  }
  return [...duplicates.values()];
}

/** What happens to rows that are equal in every field: rejected like other duplicates, or all but the first are left out. */
export const EXACT_DUPLICATES = ['reject', 'keep-first'] as const;

export type ExactDuplicates = (typeof EXACT_DUPLICATES)[number];

/** Where rows with a repeated ID go. */
export type DuplicateSinks = {
  /** Rows that are left out. */
  readonly rejected: RejectedLines;
  /** Receives a problem for each duplicate that must stop the run; `null` = such rows are left out. */
  readonly onProblem: ((problem: Problem) => void) | null;
};

/**
 * Settles every row whose registration ID appears more than once. All of them are rejected, including the first, since nobody
 * knows which is meant; with `keep-first`, only the copies are if all rows of an ID are equal to its first.
 */
export async function settleDuplicates(
  fleet: FleetFile,
  ids: FingerprintTable,
  exactDuplicates: ExactDuplicates,
  { rejected, onProblem }: DuplicateSinks,
): Promise<void> {
  const found = new RejectedLines();
  const keyOf = exactDuplicates === 'keep-first' ? fieldsDigest : () => null;
  const scan = { isFound: (one: number) => found.has(one), heldMax: CANDIDATES_HELD_FOR_ALL_MAX, keyOf };
  for await (const { firstLine, line, isCopy } of duplicatePairs(fleet, ids, scan)) {
    found.add(line);
    if (isCopy || onProblem === null) rejected.add(line);
    if (isCopy) continue;
    if (onProblem === null) rejected.add(firstLine);
    else onProblem(duplicateOf(fleet.file, firstLine, line, 'Give every device its own ID, and remove repeated rows'));
  }
}

/** Equal only for equal fields: SHA-256 of their texts, and of the places that were read as Windows-1252. */
function fieldsDigest({ fields, windows1252 }: CsvRecord): string {
  const text = JSON.stringify([fields, [...(windows1252?.keys() ?? [])]]);
  return createHash('sha256').update(text).digest('base64');
}

/** `isCopy`: equal to the first row in every field; `false` also when that is not looked at. */
type DuplicatePair = { readonly firstLine: number; readonly line: number; readonly isCopy: boolean };

type DuplicateScan = {
  /** Returns whether the line has been yielded before. */
  readonly isFound: (line: number) => boolean;
  /** IDs held at once. */
  readonly heldMax: number;
  /** What is equal for copies alone; `null` = copies are not told apart. */
  readonly keyOf: (record: CsvRecord) => string | null;
};

type FirstRow = { readonly line: number; readonly key: string | null };

async function* duplicatePairs(
  fleet: FleetFile,
  ids: FingerprintTable,
  { isFound, heldMax, keyOf }: DuplicateScan,
): AsyncGenerator<DuplicatePair> {
  let fromLine: number | null = 0;
  while (fromLine !== null) {
    const firstRows = new Map<string, FirstRow>();
    let nextLine: number | null = null;
    const repeated: AsyncGenerator<Candidate> = candidates(fleet, ids, fromLine);
    for await (const { id, record } of repeated) {
      const { line } = record;
      if (isFound(line)) continue;
      const first = firstRows.get(id);
      if (first !== undefined) {
        yield { firstLine: first.line, line, isCopy: first.key !== null && first.key === keyOf(record) };
      } else if (firstRows.size < heldMax) firstRows.set(id, { line, key: keyOf(record) });
      else nextLine ??= line;
    }
    fromLine = nextLine;
  }
}

/** A row whose ID is probably repeated. */
type Candidate = { readonly id: string; readonly record: CsvRecord };

async function* candidates(fleet: FleetFile, ids: FingerprintTable, fromLine: number): AsyncGenerator<Candidate> {
  for await (const { columns, records } of readFleetRecords(fleet, () => {})) {
    for (const record of records) {
      const id = record.line < fromLine ? null : foldedRegistrationId(record.fields, columns);
      if (id !== null && ids.isRepeated(id)) yield { id, record };
    }
  }
}

function duplicateOf(file: string, firstLine: number, line: number, remedy: string): Problem {
  return problemIn(file, duplicateMessage(firstLine), remedy, line);
}
