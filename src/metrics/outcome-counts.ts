import {
  REGISTRATION_RESULTS,
  type RegistrationOutcome,
  type RegistrationResult,
} from '../registration/registration-outcome.ts';

/** Error codes that are told apart; the service knows about twenty. The rest is one group. */
export const ERROR_GROUPS_MAX = 100;

/** Name of the group that holds what is over `ERROR_GROUPS_MAX`. */
const OTHER_ERRORS = 'other';

/** Registrations that ended without being assigned, by a fault and not because somebody stopped the run. */
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
  /** The service's code or the client's own; the result where there is none. */
  readonly code: string;
  readonly count: number;
  /** Of the first one. */
  readonly message: string | null;
  readonly firstRow: number;
};

/** How registrations ended: counts by result, and the errors of those that failed by code. */
export class OutcomeCounts {
  readonly #results = new Map<RegistrationResult, number>(REGISTRATION_RESULTS.map((result) => [result, 0]));
  readonly #errors = new Map<string, ErrorGroup>();

  add(outcome: RegistrationOutcome): void {
    this.#results.set(outcome.result, this.of(outcome.result) + 1);
    if (FAILED_RESULTS.includes(outcome.result)) this.#addError(outcome);
  }

  of(...results: readonly RegistrationResult[]): number {
    return results.reduce((sum, result) => sum + (this.#results.get(result) ?? 0), 0);
  }

  /** All results, also those with 0. */
  byResult(): Readonly<Record<RegistrationResult, number>> {
    return Object.fromEntries(this.#results) as Record<RegistrationResult, number>;
  }

  /** The most frequent first, equal ones by code. */
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
