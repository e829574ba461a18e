import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { roundToThousandth } from './round.ts';
import { TimeSeries } from './time-series.ts';

/** Whatever is launched within less than this is a burst, which has no rate. */
const LAUNCHING_MS_MIN = 1_000;

/** Initial width of the buckets that count completions. Later they are at most 1/120 of the time of launching. */
const BUCKET_MS = 50;

export type AchievedRateValues = {
  /** `null` = nothing was launched, or all of it in a burst. */
  readonly launchedPerSecond: number | null;
  /** `null` also if nothing has ended. */
  readonly steadyEndedPerSecond: number | null;
};

/**
 * The rates of a run while it launches, without the tail in which the last registrations end:
 *
 *     launched = (launches − 1) ÷ (last start − first start)
 *     steady   = ends between (first start + d) and (last start + d) ÷ (last start − first start)
 *
 * where d is the median time from start to end. At a rate that is kept, both are that rate. Several sessions add up above and below the
 * line. Cancelled registrations are launched, but do not end. Takes constant memory.
 */
export class AchievedRates {
  #earlier: SessionSums = NOTHING;
  #session = new SessionRates();

  /** The outcomes that follow have times of another clock. */
  beginSession(): void {
    this.#earlier = this.#sums();
    this.#session = new SessionRates();
  }

  add(outcome: RegistrationOutcome): void {
    this.#session.add(outcome);
  }

  values(): AchievedRateValues {
    const { intervals, steadyEnded, launchingMs } = this.#sums();
    const rate = (count: number): number | null => (count === 0 ? null : perSecond(count, launchingMs));
    return { launchedPerSecond: rate(intervals), steadyEndedPerSecond: rate(steadyEnded) };
  }

  #sums(): SessionSums {
    const [earlier, session] = [this.#earlier, this.#session.sums()];
    return {
      intervals: earlier.intervals + session.intervals,
      steadyEnded: earlier.steadyEnded + session.steadyEnded,
      launchingMs: earlier.launchingMs + session.launchingMs,
    };
  }
}

/** `intervals` between launches, one fewer than launches. */
type SessionSums = { readonly intervals: number; readonly steadyEnded: number; readonly launchingMs: number };

const NOTHING: SessionSums = { intervals: 0, steadyEnded: 0, launchingMs: 0 };

class SessionRates {
  readonly #ends = new TimeSeries(() => new Ends(), BUCKET_MS);
  readonly #durations = new DurationHistogram(2);
  #launches = 0;
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastStartMs = Number.NEGATIVE_INFINITY;

  add({ startedAtMs, finishedAtMs, result }: RegistrationOutcome): void {
    if (startedAtMs === null) return;
    this.#launches += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, startedAtMs);
    this.#lastStartMs = Math.max(this.#lastStartMs, startedAtMs);
    if (finishedAtMs === null || result === 'cancelled') return;
    this.#durations.recordMs(finishedAtMs - startedAtMs);
    this.#ends.at(finishedAtMs).count += 1;
  }

  sums(): SessionSums {
    const launchingMs = this.#lastStartMs - this.#firstStartMs;
    if (this.#launches === 0 || launchingMs < LAUNCHING_MS_MIN) return NOTHING;
    const medianMs = this.#durations.percentileMs(50) ?? 0;
    const steadyEnded = this.#endsBetween(this.#firstStartMs + medianMs, this.#lastStartMs + medianMs);
    return { intervals: this.#launches - 1, steadyEnded, launchingMs };
  }

  /** Of a bucket that is partly within, that part. */
  #endsBetween(fromMs: number, toMs: number): number {
    const { widthMs } = this.#ends;
    return this.#ends.buckets().reduce((sum, { count }, index) => {
      const [startMs, endMs] = [index * widthMs, (index + 1) * widthMs];
      const withinMs = Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs));
      return sum + (count * withinMs) / widthMs;
    }, 0);
  }
}

class Ends {
  count = 0;

  merge(later: Ends): void {
    this.count += later.count;
  }
}

function perSecond(count: number, durationMs: number): number {
  return roundToThousandth((count * 1_000) / durationMs);
}
