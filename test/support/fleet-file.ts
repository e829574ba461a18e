import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';

/** Writes a fleet CSV into `folder`, under a new name. */
export function writeFleetFile(
  folder: string,
  content: string | Uint8Array,
  options: Partial<FleetFile> = {},
): FleetFile {
  filesWritten += 1;
  const file = join(folder, `fleet-${filesWritten}.csv`);
  writeFileSync(file, content);
  return { file, delimiter: ',', header: true, columns: {}, ...options };
}

let filesWritten = 0;

/** The `OperatorError` with which `work` fails; fails the test if it succeeds, or fails differently. */
export async function operatorError(work: () => unknown): Promise<OperatorError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('no OperatorError was thrown');
}
