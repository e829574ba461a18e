import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../files/atomic-file.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { NAME_A_RUN_FOLDER } from '../journal/journal-reader.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';

export const RUN_FILE = 'run.json';

/** Version of the shape of run.json. */
export const RUN_FILE_VERSION = 1;

/**
 * What `--only` and `--exclude` named when the run began; a resumed run must find the same. `null` = not given, or the run was
 * begun by a dpsload that did not record it.
 */
const SELECTION_PINS = z.object({
  /** SHA-256 of the list, hexadecimal. */
  only: z.object({ digest: z.string() }).nullable(),
  /** The start of the other run's first session (`null` = it had none) and the whole lines of its journal, which can only grow. */
  exclude: z.object({ startedAtEpochMs: z.number().nullable(), journalBytes: z.number() }).nullable(),
});

/** run.json: the inputs of a run, from which a resumed run continues. The scenario names its secrets and holds none. */
const RUN_FILE_SCHEMA = z.object({
  version: z.literal(RUN_FILE_VERSION),
  dpsloadVersion: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  target: z.object({ kind: z.enum(['emulator', 'service']), host: z.string(), port: z.number(), idScope: z.string() }),
  fleet: z.object({
    file: z.string(),
    digest: z.string(),
    bytes: z.number(),
    rows: z.number(),
    rejectedRows: z.number(),
    otherColumns: z.array(z.string()).readonly(),
  }),
  selectionPins: SELECTION_PINS.default({ only: null, exclude: null }),
  /** The keys of a scenario file that gives the same run, as its last session used them. */
  settings: z.record(z.string(), z.unknown()),
  scenario: z.looseObject({
    fleet: z.object({
      file: z.string(),
      delimiter: z.string().nullable(),
      header: z.boolean(),
      columns: z.record(z.string(), z.string()),
    }),
  }),
  /** How long the parts of the first connection took, in milliseconds. */
  preflight: z.object({
    tcpMs: z.number().nullable(),
    tlsMs: z.number().nullable(),
    connackMs: z.number().nullable(),
    tlsVersion: z.string().nullable().default(null),
    failureCode: z.string().nullable(),
  }),
  /** The machine that made the load: figures of two runs compare only on the same one. */
  machine: z.record(z.string(), z.unknown()),
  /** Later versions of the fleet, with rows added: a new run of one of those would repeat this run. */
  addedFleetDigests: z.array(z.string()).default([]),
  /** Sessions in the journal when the run was last resumed; a run that was never resumed does not record it. */
  sessions: z.number().default(0),
});

export type RunFile = z.output<typeof RUN_FILE_SCHEMA>;
/** As it is when the run begins. */
export type NewRunFile = Omit<RunFile, 'addedFleetDigests' | 'sessions'>;
export type SelectionPins = RunFile['selectionPins'];

/**
 * Writes run.json. It is on disk when this returns: the journal means nothing without it.
 *
 * @throws OperatorError `local` when the disk fails
 */
export function writeRunFile(folder: string, facts: NewRunFile): void {
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
    throw unwritable(file, error, 'Free disk space or repair the disk, or name another folder with --out DIR');
  }
}

/**
 * Records the inputs of a resumed session before it sends anything: all changes or none. The digest of a longer fleet is added
 * to those before it; the journal has it too, but is too long to search at the start of every run.
 *
 * @throws OperatorError `local` when the disk fails
 */
export async function recordResume(
  folder: string,
  { fleetDigest, ...changes }: Pick<RunFile, 'settings' | 'scenario' | 'sessions'> & { readonly fleetDigest: string },
): Promise<void> {
  const before = Object(readJson(folder));
  const { fleet, addedFleetDigests } = readRunFile(folder, 'fleet', 'addedFleetDigests');
  const added = [...new Set([...addedFleetDigests, fleetDigest])].filter((digest) => digest !== fleet.digest);
  const after = { ...before, ...(added.length === 0 ? {} : { addedFleetDigests: added }), ...changes };
  const path = join(folder, RUN_FILE);
  try {
    await writeAtomically(path, (file) => file.write(runFileText(after)));
  } catch (error) {
    throw unwritable(path, error, 'Free disk space or repair the disk, then resume the run again');
  }
}

function runFileText(facts: object): string {
  return `${JSON.stringify(facts, null, 2)}\n`;
}

function unwritable(file: string, error: unknown, remedy: string): OperatorError {
  const message = `cannot be written (${messageOf(error)}); nothing was sent`;
  return new OperatorError('local', [problemIn(file, message, remedy)]);
}

/**
 * The named members of run.json; the others may be missing or have another shape.
 *
 * @throws OperatorError `usage` when the folder has no run.json that this dpsload can use
 */
function readRunFile<Member extends keyof RunFile>(
  folder: string,
  ...members: readonly Member[]
): Pick<RunFile, Member> {
  const mask = Object.fromEntries(members.map((member) => [member, true]));
  const parsed = RUN_FILE_SCHEMA.pick(mask as { [name in keyof RunFile]: true }).safeParse(readJson(folder));
  if (parsed.success) return parsed.data;
  const remedy = 'Resume the run with the version of dpsload that began it';
  throw unusable(folder, 'was written by another version of dpsload', remedy);
}

export type ResumableRun = ReturnType<typeof readResumableRun>;

/** The members from which a resumed run continues. @throws OperatorError as `readRunFile` */
export function readResumableRun(folder: string) {
  return readRunFile(folder, 'version', 'settings', 'fleet', 'selectionPins', 'sessions');
}

/** As `readRunFile`; `null` when run.json is missing, damaged or without these members. */
export function findRunFile<Member extends keyof RunFile>(
  folder: string,
  ...members: readonly Member[]
): Pick<RunFile, Member> | null {
  try {
    return readRunFile(folder, ...members);
  } catch {
    return null;
  }
}

/** The fleet of a run as its run.json names it; `null` when run.json is missing or another version's. */
export function fleetOfRun(folder: string): FleetFile | null {
  return findRunFile(folder, 'scenario')?.scenario.fleet ?? null;
}

function readJson(folder: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError) {
      const remedy =
        'Restore it from a copy. Without one, dpsload report still produces the results from the journal, and ' +
        `dpsload run FLEET.csv --exclude ${folder} registers the devices that are not assigned there`;
      throw unusable(folder, `is damaged (${message})`, remedy);
    }
    throw unusable(folder, code === 'ENOENT' ? 'does not exist' : `cannot be read (${message})`, NAME_A_RUN_FOLDER);
  }
}

function unusable(folder: string, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problemIn(join(folder, RUN_FILE), message, remedy)]);
}

export function machineFacts() {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    platform: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? null,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
