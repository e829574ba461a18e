import { createHash } from 'node:crypto';
import { OperatorError, PROBLEMS_LISTED_MAX, type Problem, ProblemList, problemIn } from '../problem/operator-error.ts';
import { duplicateProblems, type ExactDuplicates, settleDuplicates } from './duplicates.ts';
import { type Fingerprint, FingerprintTable, textFingerprint } from './fingerprint-table.ts';
import type { FleetFile } from './fleet-file.ts';
import type { FleetColumns } from './fleet-header.ts';
import { foldedRegistrationId, legalFoldedId, type RowComplaint } from './fleet-row.ts';
import { type FleetRules, rowComplaints } from './fleet-rules.ts';
import type { KnownColumn } from './known-columns.ts';
import { fleetDelimiter, readFleetRecords } from './read-fleet-records.ts';
import { type OnBadRow, RejectedLines } from './rejected-lines.ts';
import { RowCounter, type RowCounts } from './row-counter.ts';

/** The findings of the first pass over a fleet file. */
export type FleetSurvey = {
  /** As the operator named it. */
  readonly file: string;
  /** SHA-256 of the file's bytes, hexadecimal. */
  readonly digest: string;
  /** Length of the file. */
  readonly bytes: number;
  /** Usable rows. */
  readonly rows: number;
  readonly rejectedRows: number;
  /** The lines on which rejected rows begin; `null` = no row is rejected. */
  readonly rejectedLines: RejectedLines | null;
  readonly knownColumns: readonly KnownColumn[];
  /** Names of the unknown columns, in their order. */
  readonly otherColumns: readonly string[];
  /** The delimiter that was given or detected. */
  readonly delimiter: string;
} & RowCounts;

export type RowHandling = { readonly onBadRow: OnBadRow; readonly exactDuplicates: ExactDuplicates };

type Skipping = {
  /** Whether it helps to leave bad rows out with `dpsload run`; `false` = the command is another, and takes the whole fleet. */
  readonly canSkip?: boolean;
};

/**
 * Reads the whole fleet file before anything is sent: counts it, takes its digest, and finds every unusable row. Uses at most
 * 32 bytes of memory a row, outside the heap, whatever the size of the file (see `FingerprintTable`).
 *
 * With `skip`, unusable rows are left out, and so is every row whose registration ID appears more than once, since nobody
 * knows which of them is meant. With `keep-first`, of rows that are equal in every field all but the first are left out, also
 * with `stop`.
 *
 * @throws OperatorError `usage` with all bad rows and duplicates, file and line each (the first `PROBLEMS_LISTED_MAX`); with
 * `skip`, when no row is left, or the file as a whole cannot be used.
 */
export async function surveyFleet(
  given: FleetFile,
  rules: FleetRules,
  { onBadRow = 'stop', exactDuplicates = 'reject', canSkip = true }: Partial<RowHandling> & Skipping = {},
  fingerprint: Fingerprint = textFingerprint,
): Promise<FleetSurvey> {
  const delimiter = await fleetDelimiter(given);
  const fleet = { ...given, delimiter };
  const problems = new ProblemList();
  const ids = new FingerprintTable(fingerprint);
  const rejected = new RejectedLines();
  const bad = new RejectedLines();
  const complain = (line: number, complaints: readonly RowComplaint[]): void => {
    bad.add(line);
    if (onBadRow === 'skip') rejected.add(line);
    else problems.add(...complaints.map((complaint) => ({ file: fleet.file, line, column: null, ...complaint })));
  };
  const { repeats, rows, counts, ...survey } = await firstPass(fleet, rules, ids, complain).catch((error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
    problems.add(...error.problems);
    problems.throwIfAny('usage');
    throw error;
  });
  const found = { fleet, ids, repeats, rejected, bad, problems };
  const unlisted = repeats > 0 ? await handleDuplicates(found, { onBadRow, exactDuplicates }) : 0;
  if (rejected.count === rows) problems.add(nothingUsable(fleet.file, rows));
  problems.sortByLine();
  problems.throwIfAny(
    'usage',
    onBadRow === 'stop' ? badRowsOf(fleet.file, { count: bad.count + unlisted, rows, canSkip }) : null,
  );
  // The first pass could not know which rows repeat an ID.
  const usable = repeats > 0 ? await countUsableRows(fleet, rules, rejected) : counts;
  return {
    file: fleet.file,
    delimiter,
    rows: rows - rejected.count,
    rejectedRows: rejected.count,
    rejectedLines: rejected.count === 0 ? null : rejected,
    ...survey,
    ...usable.values(),
  };
}

type FoundRepeats = {
  readonly fleet: FleetFile;
  readonly ids: FingerprintTable;
  readonly repeats: number;
  readonly rejected: RejectedLines;
  /** Rows that stop the run. */
  readonly bad: RejectedLines;
  readonly problems: ProblemList;
};

/** Adds repeated rows to `rejected`, or to `bad` and `problems`. @returns how many more there are */
async function handleDuplicates(
  { fleet, ids, repeats, rejected, bad, problems }: FoundRepeats,
  { onBadRow, exactDuplicates }: RowHandling,
): Promise<number> {
  const complain = (one: Problem): void => {
    problems.add(one);
    if (one.line !== null) bad.add(one.line);
  };
  if (onBadRow === 'skip' || exactDuplicates === 'keep-first') {
    const onProblem = onBadRow === 'skip' ? null : complain;
    await settleDuplicates(fleet, ids, exactDuplicates, { rejected, onProblem });
    return 0;
  }
  const duplicates = await duplicateProblems(fleet, ids, PROBLEMS_LISTED_MAX);
  duplicates.forEach(complain);
  if (duplicates.length < PROBLEMS_LISTED_MAX) return 0;
  // More than can be listed are not verified: with 64 bits, equal fingerprints are as good as certain.
  const unlisted = repeats - PROBLEMS_LISTED_MAX;
  problems.addUnlisted(unlisted);
  return unlisted;
}

type FirstPass = Pick<FleetSurvey, 'digest' | 'bytes' | 'rows' | 'knownColumns' | 'otherColumns'> & {
  /** Of the rows without complaints. */
  readonly counts: RowCounter;
  /** Registration IDs whose fingerprint had been seen before. */
  readonly repeats: number;
};

/** @param complain Receives the complaints about each unusable row. */
async function firstPass(
  fleet: FleetFile,
  rules: FleetRules,
  ids: FingerprintTable,
  complain: (line: number, complaints: readonly RowComplaint[]) => void,
): Promise<FirstPass> {
  const digest = createHash('sha256');
  const counts = new RowCounter(rules);
  let [bytes, rows, repeats] = [0, 0, 0];
  let [knownColumns, otherColumns]: [readonly KnownColumn[], readonly string[]] = [[], []];
  const onBytes = (chunk: Uint8Array): void => {
    digest.update(chunk);
    bytes += chunk.length;
  };
  for await (const { columns, records } of readFleetRecords(fleet, onBytes)) {
    if (rows === 0) {
      refuseMissingColumns(fleet, columns, rules);
      knownColumns = [...columns.placeOf.keys()];
      otherColumns = columns.others.map(({ name }) => name);
    }
    for (const record of records) {
      const { line, fields } = record;
      const complaints = rowComplaints(record, columns, rules);
      const isUsable = complaints.length === 0;
      const id = isUsable ? legalFoldedId(fields, columns) : foldedRegistrationId(fields, columns);
      if (id !== null && ids.add(id)) repeats += 1;
      if (!isUsable) complain(line, complaints);
      else if (id !== null) counts.add(record, id, columns);
      rows += 1;
    }
  }
  return { digest: digest.digest('hex'), bytes, rows, knownColumns, otherColumns, counts, repeats };
}

async function countUsableRows(fleet: FleetFile, rules: FleetRules, rejected: RejectedLines): Promise<RowCounter> {
  const counts = new RowCounter(rules);
  for await (const { columns, records } of readFleetRecords(fleet, () => {})) {
    for (const record of records) {
      if (!rejected.has(record.line)) counts.add(record, legalFoldedId(record.fields, columns), columns);
    }
  }
  return counts;
}

/** @throws OperatorError when a column that the run needs for every row is missing. */
function refuseMissingColumns(fleet: FleetFile, columns: FleetColumns, rules: FleetRules): void {
  const problems = neededColumns(rules)
    .filter(({ column }) => !columns.placeOf.has(column))
    .map(({ column, attestation, otherwise }) =>
      problemIn(
        fleet.file,
        `no column ${column}, which --attestation ${attestation} requires`,
        `Add it, name the column that holds it (--map ${column}=NAME), or use ${otherwise}`,
        columns.line,
      ),
    );
  if (problems.length > 0) throw new OperatorError('usage', problems);
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

/** How many rows stop the run: a few may be left out, many are a mistake; `null` = none. */
function badRowsOf(
  file: string,
  { count, rows, canSkip }: { readonly count: number; readonly rows: number; readonly canSkip: boolean },
): Problem | null {
  if (count === 0) return null;
  const message = `${count.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows cannot be used`;
  const skipping = canSkip ? ', or leave such rows out with dpsload run --on-bad-row skip' : '';
  return problemIn(file, message, `Correct the file${skipping}`);
}

function nothingUsable(file: string, rows: number): Problem {
  if (rows === 0) return problemIn(file, 'has a header but no rows', 'Write a line for each device');
  const message = `none of the ${rows.toLocaleString('en-US')} rows can be used`;
  return problemIn(file, message, 'List the reasons with --on-bad-row stop');
}
