import { createReadStream } from 'node:fs';

export const LINE_FEED = 0x0a;

const READ_BYTES = 256 * 1024;

export type LineLimit = {
  readonly bytesMax: number;
  /** The error for a longer line. @param offset of its first byte */
  readonly tooLong: (offset: number) => Error;
};

/**
 * Passes every line to `visit`, in order, with the offset of its first byte, until `visit` returns `'stop'`. Holds one line in
 * memory. A last line without a line feed is torn, because its writer was stopped within it: it does not count.
 *
 * @param chunks of the file's bytes
 * @returns the length of the lines that were passed
 */
export async function readLines(
  chunks: AsyncIterable<Buffer>,
  visit: (line: string, offset: number) => unknown,
  { bytesMax, tooLong }: LineLimit,
): Promise<{ readonly bytes: number; readonly torn: boolean }> {
  let rest: Buffer = Buffer.alloc(0);
  let restOffset = 0;
  for await (const chunk of chunks) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      const isStopped = visit(bytes.toString('utf8', start, end), restOffset + start) === 'stop';
      start = end + 1;
      if (isStopped) return { bytes: restOffset + start, torn: false };
    }
    rest = bytes.subarray(start);
    restOffset += start;
    if (rest.length > bytesMax) throw tooLong(restOffset);
  }
  return { bytes: restOffset, torn: rest.length > 0 };
}

/**
 * The bytes of a file, for `readLines`.
 *
 * @param failureOf what to throw when the file cannot be read; `null` = it counts as empty
 */
export async function* fileChunks(
  file: string,
  failureOf: (error: NodeJS.ErrnoException) => unknown,
): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: READ_BYTES });
  } catch (error) {
    const failure = failureOf(error as NodeJS.ErrnoException);
    if (failure !== null) throw failure;
  }
}
