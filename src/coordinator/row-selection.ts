import { join } from 'node:path';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { foldedRegistrationId } from '../fleet/duplicate-problems.ts';
import { FingerprintTable } from '../fleet/fingerprint-table.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import { textFingerprint } from '../fleet/text-fingerprint.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { OperatorError } from '../problem/operator-error.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { JOURNAL_FILE } from './run-folder.ts';

/** Which rows of the fleet a run takes, and which of them first. */
export type RowSelection = {
  readonly rows: number;
  takes(row: FleetRow): boolean;
  /** The first of each group; they must be assigned before the rest starts. */
  readonly canary: readonly FleetRow[];
};

/**
 * Looks through the fleet for the rows that `--exclude` and `--only` leave, and for the canary. Holds at most 32 bytes for
 * each registration ID that they name, outside the heap. Registration IDs are compared by 64-bit fingerprints: of a million
 * against a million, the probability that one is taken for another is below 1 in 10 million.
 *
 * @throws OperatorError `usage` when a file that they name cannot be used, or leaves no row.
 */
export async function selectRows(
  fleet: AsyncIterable<FleetRow>,
  { selection: { excludeRun, onlyFile }, load: { canaryPerGroup } }: Pick<Scenario, 'selection' | 'load'>,
): Promise<RowSelection> {
  const excluded = excludeRun === null ? null : await assignedIn(join(excludeRun, JOURNAL_FILE));
  const only = onlyFile === null ? null : await registrationIdsOf(onlyFile);
  const takes = ({ registrationId }: FleetRow): boolean => {
    const id = foldRegistrationId(registrationId);
    return (only === null || only.has(id)) && !excluded?.has(id);
  };
  const canaryOf = new Map<string | null, number>();
  const canary: FleetRow[] = [];
  let rows = 0;
  for await (const row of fleet) {
    if (!takes(row)) continue;
    rows += 1;
    const before = canaryOf.get(row.group) ?? 0;
    if (before >= canaryPerGroup) continue;
    canaryOf.set(row.group, before + 1);
    canary.push(row);
  }
  if (rows === 0) throw nothingLeft(excludeRun, onlyFile);
  return { rows, takes, canary };
}

async function assignedIn(journalFile: string): Promise<FingerprintTable> {
  const ids = new FingerprintTable(textFingerprint);
  await readJournal(journalFile, (record) => {
    if (record.kind === 'outcome' && record.result === 'assigned') ids.add(foldRegistrationId(record.registrationId));
  });
  return ids;
}

async function registrationIdsOf(file: string): Promise<FingerprintTable> {
  const ids = new FingerprintTable(textFingerprint);
  const asFleet = { file, delimiter: ',', header: true, columns: {} };
  for await (const { columns, records } of readFleetRecords(asFleet, () => {})) {
    for (const { fields } of records) {
      const id = foldedRegistrationId(fields, columns);
      if (id !== null) ids.add(id);
    }
  }
  return ids;
}

function nothingLeft(excludeRun: string | null, onlyFile: string | null): OperatorError {
  const names = [onlyFile === null ? '' : `--only ${onlyFile}`, excludeRun === null ? '' : `--exclude ${excludeRun}`];
  const message = `no row of the fleet is left by ${names.filter((name) => name !== '').join(' and ')}`;
  const remedy = 'Check that they belong to this fleet; there may be nothing left to do';
  return new OperatorError('usage', [{ file: null, line: null, column: null, message, remedy }]);
}
