import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { readFileBytes } from '../files/read-file-bytes.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { type FleetRow, parseFleetRow } from '../fleet/fleet-row.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import { OperatorError, type Problem, problem, problemIn, unreadableReason } from '../problem/operator-error.ts';

/** The fleet file of a run, by its content: agents may call it something else. */
export type FleetPin = FleetFile & {
  /** SHA-256 of its first `bytes` bytes, hexadecimal. What was appended since does not count. */
  readonly digest: string;
  readonly bytes: number;
  /** Rows that the run leaves out. */
  readonly rejectedRows: number;
};

/**
 * The one of an agent's files that is the fleet of a run, to be read by the run's rules.
 *
 * @param files as `--fleet` names them
 * @throws OperatorError `usage` when it is none of them
 */
export async function findFleetCopy(pin: FleetPin, files: readonly string[]): Promise<FleetFile> {
  const problems: Problem[] = [];
  for (const file of files) {
    const found = await contentProblem(pin, file);
    if (found === null) return { ...pin, file };
    problems.push(found);
  }
  const remedy = `Copy the coordinator's ${basename(pin.file)} to this machine, and start the agent with --fleet FILE`;
  const none = problem(`no --fleet is given, but the run needs ${nameOf(pin)}, for keys that do not travel`, remedy);
  throw new OperatorError('usage', problems.length > 0 ? problems : [none]);
}

/** Why `file` is not the fleet; `null` = it is. */
async function contentProblem(pin: FleetPin, file: string): Promise<Problem | null> {
  try {
    const { size } = await stat(file);
    const digest = size < pin.bytes ? '' : await digestOf(file, pin.bytes);
    if (digest === pin.digest) return null;
  } catch (error) {
    if (error instanceof OperatorError) return error.problems[0] ?? null;
    const { message, remedy } = unreadableReason(error);
    return problemIn(file, message, remedy);
  }
  const remedy = `Copy the coordinator's ${basename(pin.file)} to this machine again`;
  return problemIn(file, `is not the fleet of this run, ${nameOf(pin)}`, remedy);
}

function nameOf({ file, digest, bytes }: FleetPin): string {
  return `${basename(file)} with ${bytes.toLocaleString('en-US')} bytes and SHA-256 ${digest}`;
}

async function digestOf(file: string, bytes: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of readFileBytes(file, bytes)) digest.update(chunk);
  return digest.digest('hex');
}

/** The legal rows of a copy: which of them the run leaves out, only its coordinator knows. */
export async function* legalRows(copy: FleetFile, { bytes }: Pick<FleetPin, 'bytes'>): AsyncGenerator<FleetRow> {
  let place = 0;
  for await (const { columns, records } of readFleetRecords(copy, () => {}, bytes)) {
    for (const record of records) {
      const parsed = parseFleetRow(record, place, columns);
      place += 1;
      if ('row' in parsed) yield parsed.row;
    }
  }
}

/** Whether the file has a column with keys. */
export async function hasDeviceKeys(fleet: FleetFile): Promise<boolean> {
  for await (const { columns } of readFleetRecords(fleet, () => {})) return columns.placeOf.has('device_key');
  return false;
}
