import { dirname, relative } from 'node:path';
import type { DeviceBatch, IssueResult } from '../certificates/device-batch.ts';
import { writeAtomically } from '../files/atomic-file.ts';
import { csvLine } from '../files/csv-line.ts';
import { carriedFields, replacedHeader } from '../fleet/carried-columns.ts';
import type { CsvRecord } from '../fleet/csv-record.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import type { FleetColumns } from '../fleet/fleet-header.ts';
import type { KnownColumn } from '../fleet/known-columns.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import type { Clock } from '../time/clock.ts';

/** Certificates made concurrently: Node makes keys on its pool of four threads. */
const CONCURRENCY = 8;

export type IssuedCounts = Readonly<Record<IssueResult, number>>;

export type IssueRequest = {
  /** Surveyed. */
  readonly fleet: FleetFile;
  readonly batch: DeviceBatch;
  /** The new CSV: the fleet with the columns `cert_file` and `key_file`, relative to its folder. */
  readonly csvFile: string;
  readonly clock: Clock;
  readonly onProgress: (counts: IssuedCounts) => void;
};

/**
 * Issues a certificate and key for each row of a fleet, and writes a CSV that names them once all exist. After an interruption,
 * existing certificates are kept. Memory does not grow with the fleet.
 */
export async function issueFleetCertificates(request: IssueRequest): Promise<IssuedCounts> {
  const counts = { issued: 0, kept: 0, replaced: 0 };
  let isHeaderDue = true;
  await writeAtomically(request.csvFile, async (csv) => {
    for await (const { columns, records } of readFleetRecords(request.fleet, () => {})) {
      if (isHeaderDue) await csv.write(csvLine(replacedHeader(request.fleet, columns, REPLACED)));
      isHeaderDue = false;
      for (let first = 0; first < records.length; first += CONCURRENCY) {
        const some = records.slice(first, first + CONCURRENCY);
        const lines = await Promise.all(some.map((record) => issueRow(request, columns, record, counts)));
        for (const line of lines) await csv.write(line);
        request.onProgress(counts);
      }
    }
  });
  return counts;
}

/** Returns the row's line in the new CSV. */
async function issueRow(
  { batch, csvFile, clock }: IssueRequest,
  columns: FleetColumns,
  { fields }: CsvRecord,
  counts: Record<IssueResult, number>,
): Promise<string> {
  const registrationId = fields[columns.placeOf.get('registration_id') ?? -1] ?? '';
  counts[await batch.issue(registrationId, clock.epochMs())] += 1;
  const { certificateFile, keyFile } = batch.filesOf(registrationId);
  const fromCsv = (file: string): string => relative(dirname(csvFile), file);
  return csvLine([...carriedFields(columns, fields, REPLACED), fromCsv(certificateFile), fromCsv(keyFile)]);
}

const REPLACED: readonly KnownColumn[] = ['cert_file', 'key_file'];
