import { COUNTED, type Counted, noCounts } from '../registration/event-counts.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { AchievedRates, type AchievedRateValues } from './achieved-rates.ts';
import { roundToThousandth } from './round.ts';

export type RunTotalsValues = Readonly<Omit<Counted, 'attempts'>> & {
  readonly connections: number;
  /** Registrations that started and ended, without those that were cancelled. */
  readonly ended: number;
  /** First start to last end, summed over the sessions. */
  readonly activeMs: number;
  /** Ended registrations per second of the active time; `null` without any. */
  readonly endedPerSecond: number | null;
};

/** Totals over all sessions of a run. Also counts outcomes that a later session replaced. */
export class RunTotals {
  readonly #sums = noCounts();
  readonly #rates = new AchievedRates();
  #ended = 0;
  #earlierActiveMs = 0;
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastFinishMs = Number.NEGATIVE_INFINITY;

  /** The outcomes that follow have times of another clock. */
  beginSession(): void {
    this.#rates.beginSession();
    this.#earlierActiveMs = this.#activeMs();
    this.#firstStartMs = Number.POSITIVE_INFINITY;
    this.#lastFinishMs = Number.NEGATIVE_INFINITY;
  }

  add(outcome: RegistrationOutcome): void {
    for (const name of COUNTED) this.#sums[name] += outcome[name];
    this.#rates.add(outcome);
    if (outcome.startedAtMs === null || outcome.finishedAtMs === null) return;
    if (outcome.result !== 'cancelled') this.#ended += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, outcome.startedAtMs);
    this.#lastFinishMs = Math.max(this.#lastFinishMs, outcome.finishedAtMs);
  }

  /** @param lostMs time that does not count as active */
  values(lostMs = 0): RunTotalsValues {
    const activeMs = Math.max(0, this.#activeMs() - lostMs);
    const { attempts: connections, ...sums } = this.#sums;
    return {
      connections,
      ...sums,
      ended: this.#ended,
      activeMs: roundToThousandth(activeMs),
      endedPerSecond: activeMs === 0 ? null : roundToThousandth((this.#ended * 1000) / activeMs),
    };
  }

  rates(): AchievedRateValues {
    return this.#rates.values();
  }

  #activeMs(): number {
    return this.#earlierActiveMs + Math.max(0, this.#lastFinishMs - this.#firstStartMs);
  }
}
