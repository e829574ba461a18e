import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/**
 * Reads, chunk by chunk, a file that is read more than once. A pipe would be empty the second time, and a resumed run could not
 * find it.
 *
 * @param bytes how much to read; `null` = all
 * @throws OperatorError when it is a pipe or a device; the file system's error when it cannot be read
 */
export async function* readFileBytes(file: string, bytes: number | null): AsyncGenerator<Uint8Array> {
  const stats = await stat(file);
  // Reading a folder fails with a clear error.
  if (!stats.isFile() && !stats.isDirectory()) {
    const message = 'is a pipe or a device, but must be a file because it is read more than once';
    throw new OperatorError('usage', [problemIn(file, message, 'Write it to disk, and name that file')]);
  }
  yield* createReadStream(file, bytes === null ? {} : { end: bytes - 1 });
}
