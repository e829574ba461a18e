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
