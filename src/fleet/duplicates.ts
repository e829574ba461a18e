import { foldRegistrationId, registrationIdProblem } from '../dps/registration-id.ts';
import { type Problem, problemIn } from '../problem/operator-error.ts';
import type { FingerprintTable } from './fingerprint-table.ts';
import type { FleetFile } from './fleet-file.ts';
import type { FleetColumns } from './fleet-header.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import { RejectedLines } from './rejected-lines.ts';

/** IDs held at once in a second look at what may be duplicates: a few megabytes. */
const CANDIDATES_HELD_MAX = 10_000;

/** The same where all duplicates are looked for, and each 100,000 of them cost a reading of the file: some 20 MB. */
const CANDIDATES_HELD_FOR_ALL_MAX = 100_000;

/** The registration ID in the form in which equal ones are equal; `null` when the record has no legal one. */
export function foldedRegistrationId(fields: readonly string[], columns: FleetColumns): string | null {
  const id = fields[columns.placeOf.get('registration_id') ?? -1];
  if (fields.length !== columns.width || id === undefined || registrationIdProblem(id) !== null) return null;
  return foldRegistrationId(id);
}

/**
 * Looks again at every row whose fingerprint came more than once, and finds those whose registration ID truly did. Each
 * further reading of the file holds the next `candidatesHeldMax` IDs; with 64-bit fingerprints one is nearly always enough.
 *
 * @returns the first duplicates, at most `problemsMax`.
 */
export async function duplicateProblems(
  fleet: FleetFile,
  ids: FingerprintTable,
  problemsMax: number,
  candidatesHeldMax: number = CANDIDATES_HELD_MAX,
): Promise<readonly Problem[]> {
  const duplicates = new Map<number, Problem>();
  for await (const { firstLine, line } of duplicatePairs(fleet, ids, (one) => duplicates.has(one), candidatesHeldMax)) {
    duplicates.set(line, duplicateOf(fleet.file, firstLine, line));
    if (duplicates.size === problemsMax) break;
  }
  return [...duplicates.values()];
}

/** Rejects every row whose registration ID another row has too: the first of them as well. */
export async function rejectDuplicates(
  fleet: FleetFile,
  ids: FingerprintTable,
  rejected: RejectedLines,
  candidatesHeldMax: number = CANDIDATES_HELD_FOR_ALL_MAX,
): Promise<void> {
  const found = new RejectedLines();
  for await (const { firstLine, line } of duplicatePairs(fleet, ids, (one) => found.has(one), candidatesHeldMax)) {
    found.add(line);
    rejected.add(firstLine);
    rejected.add(line);
  }
}

type DuplicatePair = { readonly firstLine: number; readonly line: number };

/** @param isFound whether the line was yielded before */
async function* duplicatePairs(
  fleet: FleetFile,
  ids: FingerprintTable,
  isFound: (line: number) => boolean,
  candidatesHeldMax: number,
): AsyncGenerator<DuplicatePair> {
  let fromLine: number | null = 0;
  while (fromLine !== null) {
    const firstLines = new Map<string, number>();
    let nextLine: number | null = null;
    for await (const { line, id } of candidates(fleet, ids, fromLine)) {
      if (isFound(line)) continue;
      const firstLine = firstLines.get(id);
      if (firstLine !== undefined) yield { firstLine, line };
      else if (firstLines.size < candidatesHeldMax) firstLines.set(id, line);
      else nextLine ??= line;
    }
    fromLine = nextLine;
  }
}

async function* candidates(
  fleet: FleetFile,
  ids: FingerprintTable,
  fromLine: number,
): AsyncGenerator<{ readonly line: number; readonly id: string }> {
  for await (const { columns, records } of readFleetRecords(fleet, () => {})) {
    for (const { line, fields } of records) {
      const id = line < fromLine ? null : foldedRegistrationId(fields, columns);
      if (id !== null && ids.isRepeated(id)) yield { line, id };
    }
  }
}

function duplicateOf(file: string, firstLine: number, line: number): Problem {
  return problemIn(
    file,
    `repeats the registration ID of line ${firstLine} (upper and lower case are the same)`,
    'Give every device an ID of its own, and remove rows that are there twice',
    line,
  );
}
