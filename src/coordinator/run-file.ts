import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { SessionRecord } from '../journal/journal-record.ts';
import { syncFolder } from '../journal/journal-writer.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { AtomicFile } from './atomic-file.ts';

export const RUN_FILE = 'run.json';

/** Version of the shape of run.json. */
export const RUN_FILE_VERSION = 1;

/** What a resumed run reads of it. */
export type RunFile = {
  /** The keys of a scenario file that gives the same run. */
  readonly settings: object;
  readonly fleet: SessionRecord['fleet'];
};

const RUN_FILE_SHAPE = z.object({
  version: z.literal(RUN_FILE_VERSION),
  settings: z.record(z.string(), z.unknown()),
  fleet: z.object({
    file: z.string(),
    digest: z.string(),
    bytes: z.number(),
    rows: z.number(),
    rejectedRows: z.number(),
    otherColumns: z.array(z.string()),
  }),
});

/**
 * Writes what the run was made of. On the disk when it returns: the journal means nothing without it.
 *
 * @throws OperatorError `local` when the disk fails.
 */
export function writeRunFile(folder: string, facts: object): void {
  const file = join(folder, RUN_FILE);
  try {
    const handle = openSync(file, 'wx', 0o600);
    try {
      writeFileSync(handle, `${JSON.stringify(facts, null, 2)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw unwritable(file, error, 'Make room on the disk or put it right, or name another folder with --out DIR');
  }
}

/**
 * Notes that a resumed run has taken rows that were added to its fleet: a new run of the longer file would repeat it. On the
 * disk when it returns, since the journal, which says so too, is too long to be searched at the start of every run.
 *
 * @throws OperatorError `local` when the disk fails.
 */
export async function noteAddedFleet(folder: string, digest: string): Promise<void> {
  const file = join(folder, RUN_FILE);
  const text = new AtomicFile(file);
  try {
    const facts = JSON.parse(readFileSync(file, 'utf8')) as { readonly addedFleetDigests?: readonly string[] };
    const addedFleetDigests = [...new Set([...(facts.addedFleetDigests ?? []), digest])];
    await text.write(`${JSON.stringify({ ...facts, addedFleetDigests }, null, 2)}\n`);
    await text.finish();
    await text.publish();
    await syncFolder(folder);
  } catch (error) {
    throw unwritable(file, error, 'Make room on the disk or put it right, then resume the run again');
  }
}

/** @throws OperatorError `usage` when the folder holds none that this dpsload can go on with. */
export function readRunFile(folder: string): RunFile {
  const file = join(folder, RUN_FILE);
  let facts: unknown;
  try {
    facts = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw unusable(
      file,
      absent ? 'is not there' : 'cannot be read',
      "Name the folder of a run, as dpsload run's last lines do",
    );
  }
  const parsed = RUN_FILE_SHAPE.safeParse(facts);
  if (parsed.success) return parsed.data;
  throw unusable(file, 'was not written by this version of dpsload', 'Resume the run with the dpsload that began it');
}

function unwritable(file: string, error: unknown, remedy: string): OperatorError {
  const message = `cannot be written (${error instanceof Error ? error.message : error}); nothing was sent`;
  return new OperatorError('local', [{ file, line: null, column: null, message, remedy }]);
}

function unusable(file: string, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [{ file, line: null, column: null, message, remedy }]);
}
