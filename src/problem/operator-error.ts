/** One mistake in what the operator gave, with the place where it stands and what to do about it. */
export type Problem = {
  /** File in which it stands, as the operator named it; `null` = the command line or the environment. */
  readonly file: string | null;
  /** 1-based; `null` where a line means nothing. */
  readonly line: number | null;
  readonly column: number | null;
  /** What is wrong, one sentence without a full stop; never quotes a secret. */
  readonly message: string;
  /** What to do, an imperative sentence without a full stop; `null` where the message says it. */
  readonly remedy: string | null;
  /** Lines that show the place, below the message. */
  readonly excerpt?: string;
};

/** A problem of the command line or the environment, which have no file and line. */
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

/** `usage`: command line, environment, scenario, fleet or key file. `unreachable`: the target. `local`: disk, folder. */
export type OperatorErrorKind = 'usage' | 'unreachable' | 'local';

/** What the operator must put right; carries every problem that was found, not the first alone. */
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

/** `fleet.csv:17:3: message. Remedy.` */
function describeProblem({ file, line, column, message, remedy, excerpt = '' }: Problem): string {
  const place = file === null ? '' : `${[file, line, column].filter((part) => part !== null).join(':')}: `;
  return `${place}${message}.${remedy === null ? '' : ` ${remedy}.`}${excerpt === '' ? '' : `\n${excerpt}`}`;
}

/** Problems that one error spells out; a fleet with a million bad rows has one mistake, not a million. */
export const PROBLEMS_LISTED_MAX = 50;

/** Collects problems, keeps the first `PROBLEMS_LISTED_MAX` of them and counts the rest. */
export class ProblemList {
  readonly #listed: Problem[] = [];
  #count = 0;

  add(...problems: readonly Problem[]): void {
    for (const each of problems) {
      this.#count += 1;
      if (this.#listed.length < PROBLEMS_LISTED_MAX) this.#listed.push(each);
    }
  }

  /** Counts problems that are known to be there, but not spelled out. */
  addUnlisted(count: number): void {
    this.#count += count;
  }

  /** @throws OperatorError when there is any problem. */
  throwIfAny(kind: OperatorErrorKind): void {
    if (this.#count === 0) return;
    const unlisted = this.#count - this.#listed.length;
    throw new OperatorError(kind, unlisted === 0 ? this.#listed : [...this.#listed, problem(`and ${unlisted} more`)]);
  }
}

const REASONS: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  ENOENT: ['there is no such file', 'Check the path'],
  ENOTDIR: ['there is no such file', 'Check the path'],
  EISDIR: ['is a folder', 'Name the file in it'],
};

/**
 * What to throw for an error that reading `file` ended with: an `OperatorError` when the file system refused it, else the
 * error itself.
 */
export function unreadableFile(file: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === undefined) return error;
  return new OperatorError('usage', [{ file, line: null, column: null, ...unreadableReason(error) }]);
}

/** What to say of a file that reading ended with `error`. */
export function unreadableReason(error: unknown): { readonly message: string; readonly remedy: string } {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const [message, remedy] = REASONS[code] ?? [`cannot be read (${code})`, 'Check the path and its permissions'];
  return { message, remedy };
}
