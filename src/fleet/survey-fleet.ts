import { createHash } from 'node:crypto';
import { OperatorError, PROBLEMS_LISTED_MAX, type Problem, ProblemList, problemIn } from '../problem/operator-error.ts';
import { duplicateProblems, foldedRegistrationId, rejectDuplicates } from './duplicates.ts';
import { type Fingerprint, FingerprintTable, textFingerprint } from './fingerprint-table.ts';
import type { FleetFile } from './fleet-file.ts';
import type { FleetColumns } from './fleet-header.ts';
import { type FleetRules, rowComplaints } from './fleet-rules.ts';
import type { KnownColumn } from './known-columns.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import { type OnBadRow, RejectedLines } from './rejected-lines.ts';

/** What the first pass over a fleet file finds. */
export type FleetSurvey = {
  /** As the operator named it. */
  readonly file: string;
  /** SHA-256 of the file's bytes, hexadecimal. */
  readonly digest: string;
  /** Length of the file. */
  readonly bytes: number;
  /** Rows that can be used. */
  readonly rows: number;
  readonly rejectedRows: number;
  /** Where they are; `null` = there are none. */
  readonly rejectedLines: RejectedLines | null;
  /** Names of the columns that dpsload does not know, in their order. */
  readonly otherColumns: readonly string[];
  /** Rows of which `isCapitalWithDerivedKey` holds. */
  readonly capitalIds: number;
};

/**
 * Reads the whole fleet file before anything is sent: counts it, takes its digest, and finds every row that cannot be used.
 * Memory: at most 32 bytes a row outside the heap, whatever the size (see `FingerprintTable`).
 *
 * Where bad rows are skipped they are left out, and so is every row whose registration ID is there more than once: nobody knows
 * which of them is meant.
 *
 * @throws OperatorError `usage` with all bad rows and duplicates, file and line each (the first `PROBLEMS_LISTED_MAX`); where
 * they are skipped, when no row is left, or the file as a whole cannot be used.
 */
export async function surveyFleet(
  fleet: FleetFile,
  rules: FleetRules,
  onBadRow: OnBadRow = 'stop',
  fingerprint: Fingerprint = textFingerprint,
): Promise<FleetSurvey> {
  const problems = new ProblemList();
  const ids = new FingerprintTable(fingerprint);
  const rejected = new RejectedLines();
  const { repeats, rows, ...survey } = await firstPass(
    fleet,
    rules,
    ids,
    problems,
    onBadRow === 'skip' ? rejected : null,
  );
  if (repeats > 0 && onBadRow === 'skip') {
    await rejectDuplicates(fleet, ids, rejected);
  } else if (repeats > 0) {
    const duplicates = await duplicateProblems(fleet, ids, PROBLEMS_LISTED_MAX);
    problems.add(...duplicates);
    // More than can be listed are not looked at twice: with 64 bits, to be equal once is as good as certain.
    if (duplicates.length === PROBLEMS_LISTED_MAX) problems.addUnlisted(repeats - PROBLEMS_LISTED_MAX);
  }
  if (rows > 0 && rejected.count === rows) problems.add(noneUsable(fleet.file, rows));
  problems.throwIfAny('usage');
  return {
    file: fleet.file,
    rows: rows - rejected.count,
    rejectedRows: rejected.count,
    rejectedLines: rejected.count === 0 ? null : rejected,
    ...survey,
  };
}

type FirstPass = Pick<FleetSurvey, 'digest' | 'bytes' | 'rows' | 'otherColumns' | 'capitalIds'> & {
  /** Registration IDs whose fingerprint was there before. */
  readonly repeats: number;
};

async function firstPass(
  fleet: FleetFile,
  rules: FleetRules,
  ids: FingerprintTable,
  problems: ProblemList,
  /** Where bad rows go; `null` = they are problems. */
  rejected: RejectedLines | null,
): Promise<FirstPass> {
  const digest = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  let repeats = 0;
  let capitalIds = 0;
  let otherColumns: readonly string[] = [];
  const onBytes = (chunk: Uint8Array): void => {
    digest.update(chunk);
    bytes += chunk.length;
  };
  try {
    for await (const { columns, records } of readFleetRecords(fleet, onBytes)) {
      if (rows === 0) otherColumns = usableColumns(fleet, columns, rules);
      for (const { line, fields } of records) {
        const complaints = rowComplaints(fields, columns, rules);
        if (complaints.length > 0) rejected?.add(line);
        if (rejected === null) {
          problems.add(...complaints.map((complaint) => ({ file: fleet.file, line, column: null, ...complaint })));
        }
        const id = foldedRegistrationId(fields, columns);
        if (id !== null && ids.add(id)) repeats += 1;
        if (isCapitalWithDerivedKey(fields, columns, rules)) capitalIds += 1;
        rows += 1;
      }
    }
    if (rows === 0) problems.add(noRows(fleet.file));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // What cannot be read to its end is not searched for duplicates either.
    problems.add(...error.problems);
    repeats = 0;
  }
  return { digest: digest.digest('hex'), bytes, rows, otherColumns, capitalIds, repeats };
}

/** @throws OperatorError when a column is missing that the run needs for every row. */
function usableColumns(fleet: FleetFile, columns: FleetColumns, rules: FleetRules): readonly string[] {
  const problems = neededColumns(rules)
    .filter(({ column }) => !columns.placeOf.has(column))
    .map(({ column, attestation, otherwise }) =>
      problemIn(
        fleet.file,
        `there is no column ${column}, which --attestation ${attestation} needs`,
        `Add it, name the one that holds it (--map ${column}=NAME), or use ${otherwise}`,
        columns.line,
      ),
    );
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return columns.others.map((other) => other.name);
}

type NeededColumn = { readonly column: KnownColumn; readonly attestation: string; readonly otherwise: string };

function neededColumns(rules: FleetRules): readonly NeededColumn[] {
  if (rules.keys === 'in-every-row') {
    return [{ column: 'device_key', attestation: 'device-key', otherwise: '--attestation group-key' }];
  }
  if (rules.keys !== 'certificates' || rules.files?.from !== 'rows') return [];
  const needed = { attestation: 'x509', otherwise: '--cert-dir DIR, or --issuer-cert-file FILE' };
  return [
    { column: 'cert_file', ...needed },
    { column: 'key_file', ...needed },
  ];
}

function noneUsable(file: string, rows: number): Problem {
  const message = `none of the ${rows} rows can be used`;
  const remedy = 'Look at the reasons with --on-bad-row stop';
  return problemIn(file, message, remedy);
}

function noRows(file: string): Problem {
  return problemIn(file, 'has a header and no rows', 'Write a line for each device');
}

/**
 * Whether a row's registration ID has capital letters and its key is derived from it. IDs are the same to the service in either
 * case, but a key is derived from their bytes: whether the service folds the case first is unverified.
 */
export function isCapitalWithDerivedKey(
  fields: readonly string[],
  { placeOf }: FleetColumns,
  { keys }: FleetRules,
): boolean {
  const isDerived = keys === 'for-every-row' || keys === 'of-these-groups';
  if (!isDerived || fields[placeOf.get('device_key') ?? -1]) return false;
  return /[A-Z]/.test(fields[placeOf.get('registration_id') ?? -1] ?? '');
}

/** For people; `null` where there is nothing to say. */
export function capitalIdsWarning(count: number): string | null {
  if (count === 0) return null;
  const rows = count === 1 ? 'one row has' : `${count} rows have`;
  return `${rows} capital letters in the registration ID, of which the key is derived: whether the service folds the case first is unverified`;
}

export const CAPITAL_IDS_REMEDY = 'Use lower case, or try a few of them first (--limit)';
