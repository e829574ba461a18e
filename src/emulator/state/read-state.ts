import { fileChunks, readLines } from '../../files/read-lines.ts';
import { messageOf, OperatorError, problemIn } from '../../problem/operator-error.ts';
import { keptText } from '../service/kept-text.ts';
import { type StateKind, StateLineError } from '../service/state-kind.ts';

/*
 * One JSON object a line, UTF-8. The first says what the file is; each other line takes the place of earlier ones about the same
 * thing. Kinds are added without a new version: a file with an unknown kind is refused.
 *
 * {"kind":"state","version":1,"idScopes":["0ne0000E000"]}
 * {"kind":"registration","idScope":"0ne0000E000","registrationId":"dev-1","result":{"hub":"hub-a.azure-devices.net",…},…}
 * {"kind":"operation","idScope":"0ne0000E000","operationId":"5.…","registrationId":"dev-1",…}
 * {"kind":"registration-deleted","idScope":"0ne0000E000","registrationId":"dev-1"}
 * {"kind":"enrollment","idScope":"0ne0000E000","of":"individual","id":"dev-1","configured":null,"stored":{"enrollment":{…},…},…}
 * {"kind":"identity","idScope":null,"hub":"hub-a.azure-devices.net","deviceId":"dev-1","identity":{"twin":{…},…}}
 */

export const STATE_VERSION = 1;

/** The first line of a state file. */
export type StateHeader = {
  readonly kind: 'state';
  readonly version: number;
  /** Of the instances that were configured when the emulator was started, and of those whose lines it only keeps. For people. */
  readonly idScopes: readonly string[];
};

/** Longest line, in bytes. A registration has at most a payload and a twin from a webhook, and those are bounded by nothing but this. */
const STATE_LINE_BYTES_MAX = 16 * 1024 * 1024;

export type ReadState = {
  /** Lines that were entered. */
  readonly entered: number;
  /** Lines of ID scopes that are not configured, by ID scope, as they were. */
  readonly foreign: ReadonlyMap<string, readonly string[]>;
  /** The last line was torn: what it tells had not been answered yet. */
  readonly torn: boolean;
};

/**
 * Enters the lines of a state file; a file that is missing or empty has none.
 *
 * @param idScopes of the configured instances
 * @throws OperatorError for a line that says nothing: skipping it could lose what a device was told
 */
export async function readState(
  file: string,
  kinds: readonly StateKind[],
  idScopes: ReadonlySet<string>,
): Promise<ReadState> {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  const foreign = new Map<string, string[]>();
  const linesOf = (idScope: string): string[] => {
    const lines = foreign.get(idScope) ?? [];
    foreign.set(idScope, lines);
    return lines;
  };
  let line = 0;
  let entered = 0;
  const enter = (text: string): void => {
    line += 1;
    try {
      if (line === 1) {
        requireHeader(file, text);
        return;
      }
      const parsed = parseObject(text);
      const { idScope } = parsed;
      if (idScope !== null && typeof idScope !== 'string') throw new StateLineError('names no ID scope');
      if (idScope !== null && !idScopes.has(idScope)) {
        linesOf(idScope).push(text);
        return;
      }
      kindOf(parsed, byName).apply(parsed);
      entered += 1;
    } catch (error) {
      if (error instanceof UnknownKind) throw unknownKind(file, error.message, line);
      throw error instanceof StateLineError ? damaged(file, error.message, line) : error;
    }
  };
  const tooLong = (): Error => damaged(file, 'is longer than any that the emulator writes', line + 1);
  const chunks = fileChunks(file, (error) => unreadable(file, error));
  const { torn } = await readLines(chunks, enter, { bytesMax: STATE_LINE_BYTES_MAX, tooLong });
  if (torn && line === 0) throw noState(file);
  return { entered, foreign, torn };
}

/** `null` = there is no file yet. */
function unreadable(file: string, error: NodeJS.ErrnoException): OperatorError | null {
  if (error.code === 'ENOENT') return null;
  const remedy = 'Name a file that you may read and write, or a new one in a folder that exists';
  return new OperatorError('usage', [problemIn(file, `the state cannot be read (${messageOf(error)})`, remedy)]);
}

function kindOf(line: Readonly<Record<string, unknown>>, kinds: ReadonlyMap<string, StateKind>): StateKind {
  const name = String(line['kind']);
  const kind = kinds.get(name);
  if (kind === undefined) throw new UnknownKind(name);
  return kind;
}

/** The message is the name of the kind. */
class UnknownKind extends Error {
  override readonly name = 'UnknownKind';
}

function unknownKind(file: string, kind: string, line: number): OperatorError {
  const named = JSON.stringify(keptText(kind));
  const message = `the line is of the kind ${named}, which this dpsload does not know: a newer one may have written it`;
  return new OperatorError('local', [
    problemIn(file, message, 'Use the dpsload that wrote it, or name a new file', line),
  ]);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new StateLineError('is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null) throw new StateLineError('is not a JSON object');
  return parsed as Readonly<Record<string, unknown>>;
}

function requireHeader(file: string, text: string): void {
  let header: Partial<StateHeader> | null = null;
  try {
    header = JSON.parse(text) as Partial<StateHeader> | null;
  } catch {
    // Reported below.
  }
  if (header?.kind !== 'state') throw noState(file);
  if (header.version === STATE_VERSION) return;
  const message = `has version ${header.version} of the state; this dpsload reads version ${STATE_VERSION}`;
  throw new OperatorError('local', [problemIn(file, message, 'Use the dpsload that wrote it, or name a new file')]);
}

function noState(file: string): OperatorError {
  const message = 'is not the state of an emulator, and was left as it is';
  return new OperatorError('usage', [problemIn(file, message, 'Name a new file, or one that --state has written')]);
}

function damaged(file: string, message: string, line: number): OperatorError {
  const remedy =
    'Restore the file from a copy, use the dpsload that wrote it, or remove this line, which loses what it says';
  return new OperatorError('local', [problemIn(file, `the line ${message}`, remedy, line)]);
}
