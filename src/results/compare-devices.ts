import { type AtomicFile, writeAtomically } from '../files/atomic-file.ts';
import { csvHeader, csvLine } from '../files/csv-line.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import {
  type DeviceComparison,
  DeviceComparisonFold,
  type DeviceResult,
  deviceMove,
} from '../report/device-comparison.ts';
import { MOVES_CSV_NAMES, movesCsvCells } from '../report/moves-csv.ts';
import { registrationRows } from './registration-rows.ts';

/**
 * Joins the registrations.csv of two runs of a fleet, which are in the order of the fleet. Holds two rows in memory.
 *
 * @param movesFile CSV to write, with the move of each device that the first run assigned; `null` = none
 * @throws OperatorError `usage` when a file cannot be read, or the fleets differ
 */
export async function compareDevices(
  before: string,
  after: string,
  tolerance: number,
  movesFile: string | null,
): Promise<DeviceComparison> {
  const fold = new DeviceComparisonFold(tolerance);
  const compare = async (moves: AtomicFile | null): Promise<void> => {
    await moves?.write(csvHeader(MOVES_CSV_NAMES));
    for await (const [one, other] of joinedResults(before, after)) {
      fold.add(one, other);
      const move = deviceMove(one, other);
      if (move !== null) await moves?.write(csvLine(movesCsvCells(move)));
    }
  };
  await (movesFile === null ? compare(null) : writeAtomically(movesFile, compare));
  return fold.result();
}

async function* joinedResults(
  before: string,
  after: string,
): AsyncGenerator<readonly [before: DeviceResult, after: DeviceResult], undefined> {
  const others = deviceResults(after);
  try {
    for await (const one of deviceResults(before)) {
      const { value: other } = await others.next();
      if (other?.registrationId !== one.registrationId || other.round !== one.round)
        throw differentDevices(before, after);
      yield [one, other];
    }
    if (!(await others.next()).done) throw differentDevices(before, after);
  } finally {
    await others.return(undefined);
  }
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
      // A file for Excel may have a decimal comma.
      serviceMs: row['service_ms'] ? Number(row['service_ms'].replace(',', '.')) : null,
    };
  }
}

function differentDevices(before: string, after: string): OperatorError {
  const message = `does not have the same devices as ${before}`;
  return new OperatorError('usage', [problemIn(after, message, 'Omit --by-device, or compare runs of the same fleet')]);
}
