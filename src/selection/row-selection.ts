import { join } from 'node:path';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { OperatorError, type Problem, ProblemList, problem, problemIn } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import type { SelectionPins } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { Canary } from './canary.ts';
import { OnlyList } from './only-list.ts';

/** Registration IDs that one warning names. */
const UNMET_WARNED_MAX = 5;

/** Which rows of the fleet a run takes, and which of them first. */
export type RowSelection = {
  readonly rows: number;
  takes(row: FleetRow): boolean;
  /** The first of each group; they must be assigned before the rest starts. */
  readonly canary: readonly FleetRow[];
  readonly pins: SelectionPins;
  /** What the operator should know of it. */
  readonly warnings: readonly string[];
};

/**
 * Looks through the fleet for the rows that `--exclude` and `--only` leave, and for the canary. Holds at most 32 bytes for
 * each registration ID that they name, outside the heap. Registration IDs are compared by 64-bit fingerprints: of a million
 * against a million, the probability that one is taken for another is below 1 in 10 million.
 *
 * An ID that `--only` names and the fleet does not have is what a bad row is, a device that would be left out unnoticed, and is
 * dealt with as one.
 *
 * @param began what they named when the run began that is resumed; `null` = it begins now.
 * @throws OperatorError `usage` when a file that they name cannot be used, or leaves no row.
 */
export async function selectRows(
  fleet: AsyncIterable<FleetRow>,
  { selection, load, onBadRow }: Pick<Scenario, 'selection' | 'load' | 'onBadRow'>,
  began: SelectionPins | null = null,
): Promise<RowSelection> {
  const { excludeRun, onlyFile } = selection;
  const excluded = excludeRun === null ? null : await assignedIn(excludeRun, began);
  const only = onlyFile === null ? null : await onlyListOf(onlyFile, began);
  const takes = ({ registrationId }: FleetRow): boolean => {
    const id = foldRegistrationId(registrationId);
    return (only === null || only.has(id)) && !excluded?.ids.has(id);
  };
  const canary = new Canary(load.canaryPerGroup);
  let rows = 0;
  for await (const row of fleet) {
    only?.meet(foldRegistrationId(row.registrationId));
    if (!takes(row)) continue;
    rows += 1;
    canary.offer(row);
  }
  if (rows === 0) throw nothingLeft(excludeRun, onlyFile);
  const unmet = only === null ? [] : await unmetWarnings(only, began === null && onBadRow === 'stop');
  const pins = { only: only === null ? null : { digest: only.digest }, exclude: excluded?.pin ?? null };
  return { rows, takes, canary: canary.rows, pins, warnings: [...unmet, ...canary.warnings] };
}

type Excluded = { readonly ids: FingerprintTable; readonly pin: NonNullable<SelectionPins['exclude']> };

async function assignedIn(run: string, began: SelectionPins | null): Promise<Excluded> {
  const ids = new FingerprintTable(textFingerprint);
  let startedAtEpochMs: number | null = null;
  const journal = join(run, JOURNAL_FILE);
  const { bytes } = await readJournal(journal, (record) => {
    if (record.kind === 'session') startedAtEpochMs ??= record.startedAtEpochMs;
    if (record.kind === 'outcome' && record.result === 'assigned') ids.add(foldRegistrationId(record.registrationId));
  });
  const pin = { startedAtEpochMs, journalBytes: bytes };
  refuseOtherRun(run, pin, began?.exclude ?? null);
  return { ids, pin };
}

async function onlyListOf(file: string, began: SelectionPins | null): Promise<OnlyList> {
  const list = await OnlyList.read(file);
  refuseOtherList(file, list, began?.only ?? null);
  return list;
}

/** @throws OperatorError `usage` with the lines that the fleet does not have, when `isRefused`. */
async function unmetWarnings(only: OnlyList, isRefused: boolean): Promise<readonly string[]> {
  const { count, listed } = await only.unmet();
  if (count === 0) return [];
  if (isRefused) {
    const problems = new ProblemList();
    problems.add(...listed.map(({ line, text }) => notInFleet(only.file, line, text)));
    problems.addUnlisted(count - listed.length);
    problems.throwIfAny('usage');
  }
  const first = listed.slice(0, UNMET_WARNED_MAX).map(({ line, text }) => `${quoteValue(text)} (line ${line})`);
  const more = count > first.length ? ', …' : '';
  const ids = count === 1 ? '1 ID' : `${count} IDs`;
  return [`${only.file} names ${ids} that the fleet does not have: ${first.join(', ')}${more}`];
}

function notInFleet(file: string, line: number, text: string): Problem {
  const message = `${quoteValue(text)} is not among the rows of the fleet that can be used`;
  const remedy = 'Correct or remove it, or leave out all that are not there with --on-bad-row skip';
  return problemIn(file, message, remedy, line);
}

function nothingLeft(excludeRun: string | null, onlyFile: string | null): OperatorError {
  const names = [onlyFile === null ? '' : `--only ${onlyFile}`, excludeRun === null ? '' : `--exclude ${excludeRun}`];
  const message = `no row of the fleet is left by ${names.filter((name) => name !== '').join(' and ')}`;
  const remedy = 'Check that they belong to this fleet; there may be nothing left to do';
  return new OperatorError('usage', [problem(message, remedy)]);
}

/** @throws OperatorError `usage` when the file is another one than it was. */
export function refuseOtherList(
  file: string,
  now: NonNullable<SelectionPins['only']>,
  began: SelectionPins['only'],
): void {
  if (began === null || now.digest === began.digest) return;
  const message = `is no longer the list that the run began with (SHA-256 ${began.digest})`;
  const remedy = 'Restore it as it was, or begin a new run with this list, and --exclude with the folder of this one';
  throw new OperatorError('usage', [problemIn(file, message, remedy)]);
}

/**
 * What the other run has assigned since is left out as well: nothing is registered twice by that.
 *
 * @throws OperatorError `usage` when the folder holds another run than it did, or less of it.
 */
export function refuseOtherRun(
  file: string,
  now: NonNullable<SelectionPins['exclude']>,
  began: SelectionPins['exclude'],
): void {
  if (began === null) return;
  const isSame = began.startedAtEpochMs === null || now.startedAtEpochMs === began.startedAtEpochMs;
  if (isSame && now.journalBytes >= began.journalBytes) return;
  const message = 'is no longer the run whose devices were left out when this one began';
  throw new OperatorError('usage', [problemIn(file, message, 'Restore it as it was')]);
}
