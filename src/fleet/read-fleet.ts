import { createHash } from 'node:crypto';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { FleetFile } from './fleet-file.ts';
import { type FleetRow, parseFleetRow } from './fleet-row.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import type { FleetSurvey } from './survey-fleet.ts';

/**
 * Reads the usable rows of a surveyed fleet in order, no faster than they are consumed. Ignores rows that were appended since.
 *
 * @throws OperatorError when the file is no longer the one that was surveyed: at the first row that is illegal now, otherwise
 * after the last row.
 */
export async function* readFleet(
  fleet: FleetFile,
  survey: Pick<FleetSurvey, 'rows' | 'digest' | 'bytes' | 'rejectedLines'>,
): AsyncGenerator<FleetRow> {
  const digest = createHash('sha256');
  const onBytes = (bytes: Uint8Array): void => {
    digest.update(bytes);
  };
  let place = 0;
  for await (const { columns, records } of readFleetRecords(fleet, onBytes, survey.bytes)) {
    for (const record of records) {
      if (survey.rejectedLines?.has(record.line)) continue;
      const parsed = parseFleetRow(record, place, columns);
      if (!('row' in parsed) || place >= survey.rows) throw changed(fleet.file, record.line);
      yield parsed.row;
      place += 1;
    }
  }
  if (digest.digest('hex') !== survey.digest) throw changed(fleet.file, null);
}

/** The lines on which the usable rows of a surveyed fleet begin, in order, no faster than they are consumed. */
export async function* readFleetLines(
  fleet: FleetFile,
  survey: Pick<FleetSurvey, 'bytes' | 'rejectedLines'>,
): AsyncGenerator<number> {
  for await (const { records } of readFleetRecords(fleet, () => {}, survey.bytes)) {
    for (const { line } of records) if (!survey.rejectedLines?.has(line)) yield line;
  }
}

function changed(file: string, line: number | null): OperatorError {
  const remedy = 'Do not edit the file during a run, and check the results of this one';
  return new OperatorError('usage', [problemIn(file, 'was changed during the run', remedy, line)]);
}
