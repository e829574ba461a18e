import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { unreadableFile } from '../problem/operator-error.ts';

/** What happened to a fleet file since it was surveyed. */
export type FleetChange =
  /** Only blank lines, if any, were added. */
  | 'none'
  /** The old rows stand unchanged at the beginning. */
  | 'rows-added'
  | 'changed';

const LINE_FEED = 0x0a;

/**
 * Compares the file with its earlier digest and length. The digest of its first bytes proves that they are the old rows; they
 * are still whole rows if a line ends between them and the text that follows.
 *
 * @throws OperatorError when it cannot be read.
 */
export async function fleetChange(
  file: string,
  { digest, bytes }: { readonly digest: string; readonly bytes: number },
): Promise<FleetChange> {
  const hash = createHash('sha256');
  let read = 0;
  let lastOld = LINE_FEED;
  let added = '';
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      const old = chunk.subarray(0, Math.max(0, bytes - read));
      hash.update(old);
      lastOld = old.at(-1) ?? lastOld;
      added += chunk.toString('latin1', old.length);
      read += chunk.length;
      if (/[^\r\n]/.test(added)) break;
    }
  } catch (error) {
    throw unreadableFile(file, error);
  }
  if (read < bytes || hash.digest('hex') !== digest) return 'changed';
  if (/^(?:\r?\n)*$/.test(added)) return 'none';
  return lastOld === LINE_FEED || /^\r?\n/.test(added) ? 'rows-added' : 'changed';
}
