import { tally } from '../allocation/tally.ts';
import {
  REGISTRATION_RESULTS,
  type RegistrationOutcome,
  type RegistrationResult,
} from '../registration/registration-outcome.ts';

/** Error codes counted separately; the service has about twenty. All others form one group. */
export const ERROR_GROUPS_MAX = 100;

/** The group of all codes beyond `ERROR_GROUPS_MAX`. */
export const OTHER_ERRORS = 'other';

/** Results of registrations that ended with a fault, not because somebody stopped the run. */
export const FAILED_RESULTS: readonly RegistrationResult[] = [
  'failed',
  'disabled',
  'refused',
  'throttled',
  'timed-out',
  'disconnected',
];

export const LAUNCHED_RESULTS = REGISTRATION_RESULTS.filter((result) => result !== 'not-started');

export type ErrorGroup = {
  /** Code of the service or the client; without one, the result. */
  readonly code: string;
  readonly count: number;
  /** Message of the first registration with this code. */
  readonly message: string | null;
  readonly firstRow: number;
};

/** Counts registrations by result, and failures by error code. */
export class OutcomeCounts {
  readonly #results = new Map<RegistrationResult, number>(REGISTRATION_RESULTS.map((result) => [result, 0]));
  readonly #errors = new Map<string, ErrorGroup>();

  add(outcome: RegistrationOutcome): void {
    tally(this.#results, outcome.result);
    if (FAILED_RESULTS.includes(outcome.result)) this.#addError(outcome);
  }

  of(...results: readonly RegistrationResult[]): number {
    return results.reduce((sum, result) => sum + (this.#results.get(result) ?? 0), 0);
  }

  /** All results, including those with 0. */
  byResult(): Readonly<Record<RegistrationResult, number>> {
    return Object.fromEntries(this.#results) as Record<RegistrationResult, number>;
  }

  /** The most frequent first, ties by code. */
  errors(): readonly ErrorGroup[] {
    return [...this.#errors.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  }

  #addError(outcome: RegistrationOutcome): void {
    const code = outcome.errorCode ?? outcome.result;
    const key = this.#errors.has(code) || this.#errors.size < ERROR_GROUPS_MAX ? code : OTHER_ERRORS;
    const group = this.#errors.get(key) ?? {
      code: key,
      count: 0,
      message: outcome.errorMessage,
      firstRow: outcome.row,
    };
    this.#errors.set(key, { ...group, count: group.count + 1 });
  }
}
