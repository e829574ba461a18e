import { type Problem, problemIn } from '../problem/operator-error.ts';
import type { FingerprintTable } from './fingerprint-table.ts';
import type { FleetFile } from './fleet-file.ts';
import { foldedRegistrationId } from './fleet-row.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import { duplicateMessage, RejectedLines } from './rejected-lines.ts';

/** IDs held at once while duplicates are verified: a few megabytes. */
const CANDIDATES_HELD_MAX = 10_000;

/** The same when all duplicates are needed, and each 100,000 of them cost one more reading of the file: about 20 MB. */
const CANDIDATES_HELD_FOR_ALL_MAX = 100_000;

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
  for await (const { firstLine, line } of duplicatePairs(fleet, ids, (one) => duplicates.has(one), candidatesHeldMax)) {
    duplicates.set(line, duplicateOf(fleet.file, firstLine, line));
    if (duplicates.size === problemsMax) break;
  }
  return [...duplicates.values()];
}

/** Rejects every row whose registration ID appears more than once, including the first of them. */
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

/** @param isFound Returns whether the line has been yielded before. */
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
  const remedy = 'Give every device its own ID, and remove repeated rows';
  return problemIn(file, duplicateMessage(firstLine), remedy, line);
}
