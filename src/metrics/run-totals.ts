import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

export type RunTotalsValues = {
  readonly connections: number;
  /** Register requests: what the service bills. */
  readonly registersSent: number;
  readonly polls: number;
  readonly throttles: number;
  readonly serverErrors: number;
  readonly staleAnswers: number;
  readonly retryAftersClamped: number;
  /** Registrations that started and ended. */
  readonly ended: number;
  /** First start to last end, summed over the sessions. */
  readonly activeMs: number;
  /** Ended registrations a second of the active time; `null` without any. */
  readonly endedPerSecond: number | null;
};

/** What a run sent, met and took, over all its sessions. Also counts outcomes that a later session replaced. */
export class RunTotals {
  #connections = 0;
  #registersSent = 0;
  #polls = 0;
  #throttles = 0;
  #serverErrors = 0;
  #staleAnswers = 0;
  #retryAftersClamped = 0;
  #ended = 0;
  #earlierActiveMs = 0;
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastFinishMs = Number.NEGATIVE_INFINITY;

  /** The times of what follows are of another clock. */
  beginSession(): void {
    this.#earlierActiveMs = this.#activeMs();
    this.#firstStartMs = Number.POSITIVE_INFINITY;
    this.#lastFinishMs = Number.NEGATIVE_INFINITY;
  }

  add(outcome: RegistrationOutcome): void {
    this.#connections += outcome.attempts;
    this.#registersSent += outcome.registersSent;
    this.#polls += outcome.polls;
    this.#throttles += outcome.throttles;
    this.#serverErrors += outcome.serverErrors;
    this.#staleAnswers += outcome.staleAnswers;
    this.#retryAftersClamped += outcome.retryAftersClamped;
    if (outcome.startedAtMs === null || outcome.finishedAtMs === null) return;
    this.#ended += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, outcome.startedAtMs);
    this.#lastFinishMs = Math.max(this.#lastFinishMs, outcome.finishedAtMs);
  }

  values(): RunTotalsValues {
    const activeMs = this.#activeMs();
    return {
      connections: this.#connections,
      registersSent: this.#registersSent,
      polls: this.#polls,
      throttles: this.#throttles,
      serverErrors: this.#serverErrors,
      staleAnswers: this.#staleAnswers,
      retryAftersClamped: this.#retryAftersClamped,
      ended: this.#ended,
      activeMs: roundToThousandth(activeMs),
      endedPerSecond: activeMs === 0 ? null : roundToThousandth((this.#ended * 1000) / activeMs),
    };
  }

  #activeMs(): number {
    return this.#earlierActiveMs + Math.max(0, this.#lastFinishMs - this.#firstStartMs);
  }
}

function roundToThousandth(value: number): number {
  return Math.round(value * 1000) / 1000;
}
