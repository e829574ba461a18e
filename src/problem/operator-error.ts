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
};

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

/** `fleet.csv:17:3: message. Remedy.` */
function describeProblem({ file, line, column, message, remedy, excerpt = '' }: Problem): string {
  const place = file === null ? '' : `${[file, line, column].filter((part) => part !== null).join(':')}: `;
  return `${place}${message}.${remedy === null ? '' : ` ${remedy}.`}${excerpt === '' ? '' : `\n${excerpt}`}`;
}

/** Problems listed in one error: a fleet with a million bad rows has one mistake, not a million. */
export const PROBLEMS_LISTED_MAX = 50;

/** Collects problems: keeps the first `PROBLEMS_LISTED_MAX` and counts the rest. */
export class ProblemList {
  readonly #listed: Problem[] = [];
  #count = 0;

  add(...problems: readonly Problem[]): void {
    for (const each of problems) {
      this.#count += 1;
      if (this.#listed.length < PROBLEMS_LISTED_MAX) this.#listed.push(each);
    }
  }

  /** Counts problems without listing them. */
  addUnlisted(count: number): void {
    this.#count += count;
  }

  /** @throws OperatorError if any problem was added */
  throwIfAny(kind: OperatorErrorKind): void {
    if (this.#count === 0) return;
    const unlisted = this.#count - this.#listed.length;
    throw new OperatorError(kind, unlisted === 0 ? this.#listed : [...this.#listed, problem(`and ${unlisted} more`)]);
  }
}

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
