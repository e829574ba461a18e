/** One mistake in the operator's input, with its place and remedy. */
export type Problem = {
  /** As the operator named it; `null` = the command line or the environment. */
  readonly file: string | null;
  /** 1-based; `null` where lines do not apply. */
  readonly line: number | null;
  readonly column: number | null;
  /** What is wrong: one sentence without a full stop. Never quotes a secret. */
  readonly message: string;
  /** What to do: an imperative sentence without a full stop; `null` where the message says it. */
  readonly remedy: string | null;
  /** Lines that show the place, printed below the message. */
  readonly excerpt?: string;
  /** Further lines with the same problem. */
  readonly otherLines?: OtherLines;
};

/** The first of these lines, in the order in which they were found, and the number of all. */
type OtherLines = { readonly first: readonly number[]; readonly count: number };

/** A problem with the command line or the environment. */
export function problem(message: string, remedy: string | null = null): Problem {
  return { file: null, line: null, column: null, message, remedy };
}

/** A problem with a file, or with one line of it. */
export function problemIn(
  file: string | null,
  message: string,
  remedy: string | null,
  line: number | null = null,
): Problem {
  return { file, line, column: null, message, remedy };
}

/** What an error of the system says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `usage`: command line, environment, scenario, fleet or key file. `unreachable`: the target. `local`: disk, folder. */
export type OperatorErrorKind = 'usage' | 'unreachable' | 'local';

/** Input that the operator must correct. Carries every problem found, not just the first. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly kind: OperatorErrorKind;
  readonly problems: readonly Problem[];

  constructor(kind: OperatorErrorKind, problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.kind = kind;
    this.problems = problems;
  }
}

/** `fleet.csv:17:3: message. Remedy.`, or `fleet.csv: lines 4, 9, 12 and 47 more: message. Remedy.` */
function describeProblem({ message, remedy, excerpt = '', ...where }: Problem): string {
  return `${describePlace(where)}${message}.${remedy === null ? '' : ` ${remedy}.`}${excerpt === '' ? '' : `\n${excerpt}`}`;
}

/** Lines of a shared problem that are all named. */
const LINES_NAMED_MAX = 10;

/** Lines that are named where there are more than `LINES_NAMED_MAX`. */
const LINES_NAMED_OF_MANY = 3;

function describePlace({
  file,
  line,
  column,
  otherLines,
}: Pick<Problem, 'file' | 'line' | 'column' | 'otherLines'>): string {
  if (file === null) return '';
  if (line === null || otherLines === undefined) {
    return `${[file, line, column].filter((part) => part !== null).join(':')}: `;
  }
  const count = 1 + otherLines.count;
  const named = [line, ...otherLines.first].slice(0, count > LINES_NAMED_MAX ? LINES_NAMED_OF_MANY : LINES_NAMED_MAX);
  const last = count > named.length ? `${(count - named.length).toLocaleString('en-US')} more` : `${named.pop()}`;
  return `${file}: lines ${named.join(', ')} and ${last}: `;
}

/** Different problems listed in one error: a fleet with a million bad rows has one mistake, not a million. */
export const PROBLEMS_LISTED_MAX = 50;

/**
 * Collects problems. Those of one file that differ only in their line become one; keeps the first `PROBLEMS_LISTED_MAX`, and
 * counts the rest.
 */
export class ProblemList {
  readonly #listed = new Map<string, Problem>();
  #unlisted = 0;

  add(...problems: readonly Problem[]): void {
    for (const each of problems) {
      const { file, line, column, message, remedy, excerpt } = each;
      const key = JSON.stringify([file, message, remedy, column, excerpt, line === null ? this.#listed.size : '']);
      const same = this.#listed.get(key);
      if (same !== undefined) this.#listed.set(key, withLine(same, each));
      else if (this.#listed.size < PROBLEMS_LISTED_MAX) this.#listed.set(key, each);
      else this.#unlisted += 1 + (each.otherLines?.count ?? 0);
    }
  }

  /** Counts problems without listing them. */
  addUnlisted(count: number): void {
    this.#unlisted += count;
  }

  /** Of problems in one file, that with the first line comes first. */
  sortByLine(): void {
    const entries = [...this.#listed].sort(([, a], [, b]) => (a.line ?? 0) - (b.line ?? 0));
    this.#listed.clear();
    for (const [key, each] of entries) this.#listed.set(key, each);
  }

  /**
   * @param closing to add to the problems, if there are any
   * @throws OperatorError if any problem was added
   */
  throwIfAny(kind: OperatorErrorKind, closing: Problem | null = null): void {
    const listed = [...this.#listed.values()];
    if (this.#unlisted > 0) listed.push(problem(`and ${this.#unlisted} more`));
    if (listed.length > 0 && closing !== null) listed.push(closing);
    if (listed.length > 0) throw new OperatorError(kind, listed);
  }
}

function withLine(known: Problem, { line, otherLines: further = NO_LINES }: Problem): Problem {
  const { first, count } = known.otherLines ?? NO_LINES;
  const found = line === null ? [] : [line, ...further.first];
  const lines = first.length < LINES_NAMED_MAX - 1 ? [...first, ...found].slice(0, LINES_NAMED_MAX - 1) : first;
  return { ...known, otherLines: { first: lines, count: count + 1 + further.count } };
}

const NO_LINES: OtherLines = { first: [], count: 0 };

const REASONS: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  ENOENT: ['no such file', 'Check the path'],
  ENOTDIR: ['no such file', 'Check the path'],
  EISDIR: ['is a folder', 'Name a file inside it'],
};

/** Returns what to throw when reading `file` failed: an `OperatorError` for an error of the file system, else the error itself. */
export function unreadableFile(file: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === undefined) return error;
  const { message, remedy } = unreadableReason(error);
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}

/** Why a file could not be read, for people. */
export function unreadableReason(error: unknown): { readonly message: string; readonly remedy: string } {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const [message, remedy] = REASONS[code] ?? [`cannot be read (${code})`, 'Check the path and its permissions'];
  return { message, remedy };
}
