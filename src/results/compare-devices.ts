import { AtomicFile } from '../files/atomic-file.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import {
  type DeviceComparison,
  DeviceComparisonFold,
  type DeviceResult,
  deviceMove,
} from '../report/device-comparison.ts';
import { MOVES_CSV_HEADER, movesCsvLine } from '../report/moves-csv.ts';
import { registrationRows } from './registration-rows.ts';

/**
 * Joins the registrations.csv of two runs of one fleet, which are in the order of the fleet: two rows are in memory.
 *
 * @param movesFile CSV with what became of each device that the first run assigned; `null` = none is wanted
 * @throws OperatorError `usage` when a file cannot be read, or the fleets are not the same.
 */
export async function compareDevices(
  before: string,
  after: string,
  tolerance: number,
  movesFile: string | null,
): Promise<DeviceComparison> {
  const moves = movesFile === null ? null : new AtomicFile(movesFile);
  const fold = new DeviceComparisonFold(tolerance);
  const others = deviceResults(after);
  try {
    await moves?.write(MOVES_CSV_HEADER);
    for await (const one of deviceResults(before)) {
      const { value: other, done } = await others.next();
      if (done || other.registrationId !== one.registrationId || other.round !== one.round)
        throw otherFleet(before, after);
      fold.add(one, other);
      const move = deviceMove(one, other);
      if (move !== null) await moves?.write(movesCsvLine(move));
    }
    if (!(await others.next()).done) throw otherFleet(before, after);
    await moves?.finish();
    await moves?.publish();
  } catch (error) {
    await moves?.discard();
    throw error;
  } finally {
    await others.return(undefined);
  }
  return fold.result();
}

async function* deviceResults(folder: string): AsyncGenerator<DeviceResult, undefined> {
  for await (const row of registrationRows(folder)) {
    yield {
      registrationId: row['registration_id'] ?? '',
      round: row['round'] ?? '',
      result: row['result'] ?? '',
      assignedHub: row['assigned_hub'] ?? '',
      deviceId: row['device_id'] ?? '',
      substatus: row['substatus'] ?? '',
      serviceMs: row['service_ms'] ? Number(row['service_ms']) : null,
    };
  }
}

function otherFleet(before: string, after: string): OperatorError {
  const message = `is not of the same devices as ${before}`;
  const remedy = 'Leave --by-device away, or compare runs of one fleet';
  return new OperatorError('usage', [problemIn(after, message, remedy)]);
}
