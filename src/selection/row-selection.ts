import { join } from 'node:path';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { FingerprintTable, textFingerprint } from '../fleet/fingerprint-table.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import { readRejectedIds } from '../fleet/rejected-lines.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { OperatorError, type Problem, ProblemList, problem, problemIn } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { formatNoun } from '../report/format.ts';
import type { SelectionPins } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { Canary } from './canary.ts';
import { type MissingIds, OnlyList } from './only-list.ts';

/** Registration IDs that one warning names. */
const MISSING_WARNED_MAX = 5;

/** Which rows of the fleet a run takes, and which of them first. */
export type RowSelection = {
  readonly rows: number;
  takes(row: FleetRow): boolean;
  /** The first rows of each group; they must be assigned before the rest starts. */
  readonly canary: readonly FleetRow[];
  readonly pins: SelectionPins;
  /** What the operator should know about it. */
  readonly warnings: readonly string[];
};

/**
 * Selects the rows that `--exclude` and `--only` leave, and the canary. Holds at most 32 bytes for each registration ID that they
 * name, outside the heap. Registration IDs are compared by 64-bit fingerprints: for a million against a million, the probability
 * that one is mistaken for another is below 1 in 10 million.
 *
 * An ID that `--only` names and the fleet does not have is treated as a bad row: that device would be left out unnoticed.
 *
 * @param began what they named when the resumed run began; `null` = a new run
 * @param rejectedIds reads the folded registration IDs of the rows that were left out as unusable
 * @throws OperatorError `usage` when a file that they name cannot be used, or no row is left
 */
export async function selectRows(
  fleet: AsyncIterable<FleetRow>,
  { selection, load, onBadRow }: Pick<Scenario, 'selection' | 'load' | 'onBadRow'>,
  began: SelectionPins | null = null,
  rejectedIds: () => AsyncIterable<string> = noIds,
): Promise<RowSelection> {
  const { excludeRun, onlyFile } = selection;
  const excluded = excludeRun === null ? null : await assignedIn(excludeRun);
  if (excludeRun !== null && excluded !== null) refuseOtherRun(excludeRun, excluded.pin, began?.exclude ?? null);
  const only = onlyFile === null ? null : await OnlyList.read(onlyFile);
  if (only !== null) refuseOtherList(only, began?.only ?? null);
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
  const missing = only === null ? [] : await missingWarnings(only, rejectedIds, began === null && onBadRow === 'stop');
  const pins = { only: only === null ? null : { digest: only.digest }, exclude: excluded?.pin ?? null };
  return { rows, takes, canary: canary.rows, pins, warnings: [...missing, ...canary.warnings] };
}

/** `selectRows` of a surveyed fleet file, as a run, its check and its resumption select them. */
export function selectFleetRows(
  scenario: Pick<Scenario, 'fleet' | 'selection' | 'load' | 'onBadRow'>,
  survey: Parameters<typeof readFleet>[1],
  began: SelectionPins | null,
): Promise<RowSelection> {
  return selectRows(readFleet(scenario.fleet, survey), scenario, began, () => readRejectedIds(scenario.fleet, survey));
}

type ExcludePin = NonNullable<SelectionPins['exclude']>;

async function assignedIn(run: string): Promise<{ readonly ids: FingerprintTable; readonly pin: ExcludePin }> {
  const ids = new FingerprintTable(textFingerprint);
  let startedAtEpochMs: number | null = null;
  const { bytes } = await readJournal(join(run, JOURNAL_FILE), (record) => {
    if (record.kind === 'session') startedAtEpochMs ??= record.startedAtEpochMs;
    if (record.kind === 'outcome' && record.result === 'assigned') ids.add(foldRegistrationId(record.registrationId));
  });
  return { ids, pin: { startedAtEpochMs, journalBytes: bytes } };
}

/** @throws OperatorError `usage` with the lines that the fleet does not have, when `isRefused` */
async function missingWarnings(
  only: OnlyList,
  rejectedIds: () => AsyncIterable<string>,
  isRefused: boolean,
): Promise<readonly string[]> {
  const { absent, rejected } = await only.missing(rejectedIds);
  if (isRefused) {
    const problems = new ProblemList();
    problems.add(...absent.listed.map(({ line, text }) => notInFleet(only.file, line, text)));
    problems.addUnlisted(absent.count - absent.listed.length);
    problems.throwIfAny('usage');
  }
  const those = rejected.count === 1 ? 'whose row is' : 'whose rows are';
  return [
    ...missingWarning(only.file, absent, 'that the fleet does not have'),
    ...missingWarning(only.file, rejected, `${those} left out as unusable or duplicate`),
  ];
}

function missingWarning(file: string, { count, listed }: MissingIds, which: string): readonly string[] {
  if (count === 0) return [];
  const first = listed.slice(0, MISSING_WARNED_MAX).map(({ line, text }) => `${quoteValue(text)} (line ${line})`);
  const more = count > first.length ? ', …' : '';
  return [`${file} names ${formatNoun(count, 'ID')} ${which}: ${first.join(', ')}${more}`];
}

async function* noIds(): AsyncGenerator<string> {}

function notInFleet(file: string, line: number, text: string): Problem {
  const message = `${quoteValue(text)} is not among the usable rows of the fleet`;
  const remedy = 'Correct or remove it, or leave out all such IDs with --on-bad-row skip';
  return problemIn(file, message, remedy, line);
}

function nothingLeft(excludeRun: string | null, onlyFile: string | null): OperatorError {
  const names = [onlyFile === null ? '' : `--only ${onlyFile}`, excludeRun === null ? '' : `--exclude ${excludeRun}`];
  const message = `no row of the fleet is left after ${names.filter((name) => name !== '').join(' and ')}`;
  const remedy = 'Check that they belong to this fleet; there may be nothing left to do';
  return new OperatorError('usage', [problem(message, remedy)]);
}

/** @throws OperatorError `usage` when the file has changed */
function refuseOtherList({ file, digest }: Pick<OnlyList, 'file' | 'digest'>, began: SelectionPins['only']): void {
  if (began === null || digest === began.digest) return;
  const message = `is no longer the list that the run began with (SHA-256 ${began.digest})`;
  const remedy = 'Restore the list, or start a new run with this list, and --exclude with the folder of the old run';
  throw new OperatorError('usage', [problemIn(file, message, remedy)]);
}

/**
 * Devices that the other run has assigned since are left out as well; that registers nothing twice.
 *
 * @throws OperatorError `usage` when the folder now holds a different run, or less of it
 */
function refuseOtherRun(file: string, now: ExcludePin, began: ExcludePin | null): void {
  if (began === null) return;
  const isSame = began.startedAtEpochMs === null || now.startedAtEpochMs === began.startedAtEpochMs;
  if (isSame && now.journalBytes >= began.journalBytes) return;
  const message = 'is no longer the run whose devices were excluded when this one began';
  throw new OperatorError('usage', [problemIn(file, message, 'Restore that run')]);
}
