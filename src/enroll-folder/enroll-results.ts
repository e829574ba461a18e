import { join } from 'node:path';
import type { Row } from '../enroll/entry-outcome.ts';
import { countStates, isUnwanted, ROW_STATES, type RowResult, type RowState } from '../enroll/row-result.ts';
import { writeAtomically } from '../files/atomic-file.ts';
import { csvHeader, csvLine } from '../files/csv-line.ts';
import { carriedFields, replacedHeader } from '../fleet/carried-columns.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import { writeChecksums } from '../run-folder/checksums.ts';
import { ENROLL_FILE, type EnrollFile } from './enroll-file.ts';
import { KEY_JOURNAL_FILE, ROW_JOURNAL_FILE, type RowJournal } from './row-journal.ts';

export const ROWS_FILE = 'enrollments.csv';
const SUMMARY_FILE = 'enroll-summary.json';
const TEXT_FILE = 'enroll-summary.txt';

/** A fleet file for dpsload run, with the keys that the service generated. */
export const KEYED_FLEET_FILE = 'fleet-with-keys.csv';
/** The base64 keys of a group, and nothing else, for --group-key-file and --secondary-key-file. */
export const GROUP_KEY_FILES = { primaryKey: 'group.key', secondaryKey: 'group-secondary.key' } as const;

const FURTHER_COLUMNS = ['state', 'etag', 'differences', 'error_code', 'error', 'remedy'];

/** enroll-summary.json. */
export type EnrollSummary = {
  readonly version: 1;
  readonly host: string;
  readonly action: EnrollFile['action'];
  readonly updates: boolean;
  readonly groupId: string | null;
  readonly rows: number;
  /** Rows by the state in which they ended. */
  readonly states: Readonly<Record<RowState, number>>;
  /** Rows that have not ended: the command was stopped before them. */
  readonly notDone: number;
  /** The most frequent failures and differences, with the number of rows. */
  readonly reasons: readonly { readonly reason: string; readonly rows: number }[];
};

/** A row with its place in the file; `null` = a group, which is in no file. */
export type ListedRow = Row & { readonly line: number | null };

const REASONS_MAX = 10;

function summarize(facts: EnrollFile, journal: Pick<RowJournal, 'results'>): EnrollSummary {
  const { hostName: host, action, updates, groupId, rows } = facts;
  const results = [...journal.results.values()];
  const reasons = new Map<string, number>();
  for (const result of results) {
    if (!isUnwanted(result.state)) continue;
    const reason = reasonOf(result);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const most = [...reasons].map(([reason, count]) => ({ reason, rows: count })).sort((a, b) => b.rows - a.rows);
  const states = countStates(results);
  return {
    ...{ version: 1, host, action, updates, groupId, rows, states },
    notDone: rows - results.length,
    reasons: most.slice(0, REASONS_MAX),
  };
}

function reasonOf({ failure, differences }: RowResult): string {
  if (failure === null) return differences.map((one) => one.replace(/:.*/, '')).join(', ');
  const code = failure.code ?? failure.status;
  return `${code === null ? '' : `${code} `}${failure.message.replace(/ \(tracking ID .*\)$/, '')}. ${failure.remedy}.`;
}

export function enrollSummaryJson(summary: EnrollSummary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

const ACTION_NAMES = { create: 'enroll', disable: 'disable', delete: 'delete' } as const;

export function enrollSummaryText(summary: EnrollSummary): string {
  const { host, action, updates, groupId, rows, states, notDone, reasons } = summary;
  const what = groupId === null ? `${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}` : `group ${groupId}`;
  const counts = ROW_STATES.filter((state) => states[state] > 0).map((state) => [state, states[state]] as const);
  const lines = [...counts, ...(notDone > 0 ? [['not done', notDone] as const] : [])];
  const width = Math.max(...lines.map(([state]) => state.length));
  return [
    `${ACTION_NAMES[action]}${updates ? ' --update' : ''}: ${host}, ${what}`,
    ...lines.map(([state, count]) => `  ${state.padEnd(width)}  ${count.toLocaleString('en-US')}`),
    ...(reasons.length === 0 ? [] : ['why:']),
    ...reasons.map(({ reason, rows: count }) => `  ${count.toLocaleString('en-US')} × ${reason}`),
    '',
  ].join('\n');
}

export type ResultInputs = {
  readonly facts: EnrollFile;
  readonly journal: Pick<RowJournal, 'results' | 'keys'>;
  /** In order. */
  readonly rows: AsyncIterable<ListedRow>;
  /** For the file with generated keys; `null` = no keys are generated, or those of a group. */
  readonly keyedFleet: FleetFile | null;
};

/** Writes every file of results from the journal. The caller holds the lock. */
export async function writeEnrollResults(folder: string, inputs: ResultInputs): Promise<EnrollSummary> {
  const { facts, journal, rows, keyedFleet } = inputs;
  const summary = summarize(facts, journal);
  await writeAtomically(join(folder, ROWS_FILE), async (file) => {
    const idColumn = facts.groupId === null ? 'registration_id' : 'enrollment_group_id';
    await file.write(csvHeader(['row', 'line', idColumn, ...FURTHER_COLUMNS]));
    for await (const row of rows) await file.write(rowLine(row, journal.results.get(row.row)));
  });
  await writeAtomically(join(folder, SUMMARY_FILE), (file) => file.write(enrollSummaryJson(summary)));
  await writeAtomically(join(folder, TEXT_FILE), (file) => file.write(enrollSummaryText(summary)));
  const files = [ENROLL_FILE, ROW_JOURNAL_FILE, ROWS_FILE, SUMMARY_FILE, TEXT_FILE];
  if (journal.keys.size > 0) files.push(KEY_JOURNAL_FILE, ...(await writeKeys(folder, journal.keys, keyedFleet)));
  await writeChecksums(folder, files);
  return summary;
}

function rowLine({ row, line, id }: ListedRow, result: RowResult | undefined): string {
  if (result === undefined) return csvLine([row, line, id, 'not-done', null, null, null, null, null]);
  const { state, etag, differences, failure } = result;
  const code = failure === null ? null : (failure.code ?? failure.status);
  return csvLine([
    row,
    line,
    id,
    state,
    etag,
    differences.join('; '),
    code,
    failure?.message ?? null,
    failure?.remedy ?? null,
  ]);
}

async function writeKeys(
  folder: string,
  keys: RowJournal['keys'],
  fleet: FleetFile | null,
): Promise<readonly string[]> {
  if (fleet === null) {
    const [pair] = keys.values();
    for (const [role, name] of Object.entries(GROUP_KEY_FILES)) {
      await writeAtomically(join(folder, name), (file) =>
        file.write(`${pair?.[role as keyof typeof GROUP_KEY_FILES] ?? ''}\n`),
      );
    }
    return Object.values(GROUP_KEY_FILES);
  }
  await writeAtomically(join(folder, KEYED_FLEET_FILE), async (file) => {
    let place = 0;
    for await (const { columns, records } of readFleetRecords(fleet, () => {})) {
      if (place === 0) await file.write(csvLine(replacedHeader(fleet, columns, ['device_key'])));
      for (const { fields } of records) {
        const pair = keys.get(place++);
        // A row without a key would stop the run.
        if (pair === undefined) continue;
        await file.write(csvLine([...carriedFields(columns, fields, ['device_key']), pair.primaryKey]));
      }
    }
  });
  return [KEYED_FLEET_FILE];
}
