import { OperatorError, type OperatorErrorKind, type Problem, problem } from './operator-error.ts';

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
