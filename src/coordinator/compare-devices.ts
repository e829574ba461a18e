import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { OperatorError } from '../problem/operator-error.ts';
import { unreadableFile } from '../problem/unreadable-file.ts';
import { type DeviceComparison, DeviceComparisonFold, type DeviceResult } from '../report/device-comparison.ts';

/**
 * Joins the registrations.csv of two runs of one fleet, which are in the order of the fleet: two rows are in memory.
 *
 * @throws OperatorError `usage` when a file cannot be read, or the fleets are not the same.
 */
export async function compareDevices(before: string, after: string, tolerance: number): Promise<DeviceComparison> {
  const fold = new DeviceComparisonFold(tolerance);
  const others = deviceResults(after);
  try {
    for await (const one of deviceResults(before)) {
      const { value: other, done } = await others.next();
      if (done || other.registrationId !== one.registrationId || other.round !== one.round)
        throw otherFleet(before, after);
      fold.add(one, other);
    }
    if (!(await others.next()).done) throw otherFleet(before, after);
  } finally {
    await others.return(undefined);
  }
  return fold.result();
}

async function* deviceResults(folder: string): AsyncGenerator<DeviceResult, undefined> {
  const file = join(folder, 'registrations.csv');
  const source = createReadStream(file);
  const rows = source.pipe(parse({ columns: true }));
  source.once('error', (error) => rows.destroy(error));
  try {
    for await (const row of rows as AsyncIterable<Readonly<Record<string, string>>>) {
      yield {
        registrationId: row['registration_id'] ?? '',
        round: row['round'] ?? '',
        result: row['result'] ?? '',
        assignedHub: row['assigned_hub'] ?? '',
        serviceMs: row['service_ms'] ? Number(row['service_ms']) : null,
      };
    }
  } catch (error) {
    throw unreadableFile(file, error);
  } finally {
    source.destroy();
  }
}

function otherFleet(before: string, after: string): OperatorError {
  const message = `is not of the same devices as ${before}`;
  const remedy = 'Leave --by-device away, or compare runs of one fleet';
  return new OperatorError('usage', [{ file: after, line: null, column: null, message, remedy }]);
}
