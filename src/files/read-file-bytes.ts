import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/**
 * Reads a file that is read more than once, chunk by chunk: a pipe would be empty the second time, and no resumed run could find
 * it.
 *
 * @param bytes how much of it; `null` = all.
 * @throws OperatorError when it is a pipe or a device; the file system's error when it cannot be read.
 */
export async function* readFileBytes(file: string, bytes: number | null): AsyncGenerator<Uint8Array> {
  const stats = await stat(file);
  // Of a folder, reading says what it is.
  if (!stats.isFile() && !stats.isDirectory()) throw notOnDisk(file);
  yield* createReadStream(file, bytes === null ? {} : { end: bytes - 1 });
}

function notOnDisk(file: string): OperatorError {
  const message = 'is a pipe or a device, and must be a file: it is read more than once';
  return new OperatorError('usage', [problemIn(file, message, 'Write it to the disk, and name that file')]);
}
