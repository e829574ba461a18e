import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AtomicFile } from '../files/atomic-file.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { FleetFile } from '../scenario/scenario.ts';

export const RUN_FILE = 'run.json';

/** Version of the shape of run.json. */
export const RUN_FILE_VERSION = 1;

/** What a resumed run reads of it. */
export type RunFile = {
  /** The keys of a scenario file that gives the same run, as its last session went on with it. */
  readonly settings: object;
  readonly fleet: SessionRecord['fleet'];
  /** Those that the journal held when it was last gone on with. */
  readonly sessions: number;
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
  // A run that was never resumed does not tell.
  sessions: z.number().default(0),
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
      writeFileSync(handle, runFileText(facts));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw unwritable(file, error, 'Make room on the disk or put it right, or name another folder with --out DIR');
  }
}

/**
 * Notes that a resumed run has taken rows that were added to its fleet: a new run of the longer file would repeat it. The
 * journal says so too, but is too long to be searched at the start of every run.
 *
 * @throws OperatorError `local` when the disk fails.
 */
export async function noteAddedFleet(folder: string, digest: string): Promise<void> {
  const { addedFleetDigests = [] } = readFacts(folder) as { readonly addedFleetDigests?: readonly string[] };
  await changeRunFile(folder, { addedFleetDigests: [...new Set([...addedFleetDigests, digest])] });
}

/**
 * Puts other members in the place of those that are there, all or none.
 *
 * @throws OperatorError `local` when the disk fails.
 */
export async function changeRunFile(folder: string, changes: object): Promise<void> {
  const file = new AtomicFile(join(folder, RUN_FILE));
  try {
    await file.write(runFileText({ ...Object(readFacts(folder)), ...changes }));
    await file.finish();
    await file.publish();
  } catch (error) {
    await file.discard();
    throw unwritable(join(folder, RUN_FILE), error, 'Make room on the disk or put it right, then resume the run again');
  }
}

function runFileText(facts: object): string {
  return `${JSON.stringify(facts, null, 2)}\n`;
}

function unwritable(file: string, error: unknown, remedy: string): OperatorError {
  const message = `cannot be written (${error instanceof Error ? error.message : error}); nothing was sent`;
  return new OperatorError('local', [problemIn(file, message, remedy)]);
}

/** @throws OperatorError `usage` when the folder holds none that this dpsload can go on with. */
export function readRunFile(folder: string): RunFile {
  const file = join(folder, RUN_FILE);
  const parsed = RUN_FILE_SHAPE.safeParse(readFacts(folder));
  if (parsed.success) return parsed.data;
  throw unusable(file, 'was not written by this version of dpsload', 'Resume the run with the dpsload that began it');
}

function readFacts(folder: string): unknown {
  const file = join(folder, RUN_FILE);
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError) throw unusable(file, `is damaged (${message})`, damageRemedy(folder));
    const remedy = "Name the folder of a run, as dpsload run's last lines do";
    throw unusable(file, code === 'ENOENT' ? 'is not there' : `cannot be read (${message})`, remedy);
  }
}

function damageRemedy(folder: string): string {
  return (
    'Restore it from a copy. Without one, dpsload report still makes the results of the journal, and ' +
    `dpsload run FLEET.csv --exclude ${folder} registers what is not assigned there`
  );
}

function unusable(file: string, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}

/** The part of run.json that is read back. */
const RUN_FACTS = z.object({
  scenario: z.object({
    fleet: z.object({
      file: z.string(),
      delimiter: z.string(),
      header: z.boolean(),
      columns: z.record(z.string(), z.string()),
    }),
  }),
});

/** The fleet of a run as its run.json names it; `null` when run.json is missing or another version's. */
export function fleetOfRun(folder: string): FleetFile | null {
  try {
    return RUN_FACTS.parse(JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8'))).scenario.fleet;
  } catch {
    return null;
  }
}

/**
 * What `--only` and `--exclude` named when a run began, as run.json keeps it: a resumed run goes by the same. `null` = not given,
 * or begun by a dpsload that did not keep it.
 */
export type SelectionPins = {
  readonly only: OnlyPin | null;
  readonly exclude: ExcludePin | null;
};

/** SHA-256 of the file, hexadecimal. */
export type OnlyPin = { readonly digest: string };

/** The run, which may go on meanwhile: its journal only grows. */
export type ExcludePin = {
  /** Of its first session; `null` = there was none. */
  readonly startedAtEpochMs: number | null;
  /** Whole lines of its journal. */
  readonly journalBytes: number;
};

const NO_PINS: SelectionPins = { only: null, exclude: null };

/** The part of run.json that is read back. */
const PINNED_FACTS = z.object({
  selectionPins: z
    .object({
      only: z.object({ digest: z.string() }).nullable(),
      exclude: z.object({ startedAtEpochMs: z.number().nullable(), journalBytes: z.number() }).nullable(),
    })
    .default(NO_PINS),
});

/** Those of the run in `folder`, whose run.json is usable. */
export function selectionPinsOf(folder: string): SelectionPins {
  return PINNED_FACTS.parse(JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8'))).selectionPins;
}

/** The machine that made the load: numbers of two runs compare only where it is the same. */
export function machineFacts(): object {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    platform: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? null,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
