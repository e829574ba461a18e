import { type ChiSquareTest, homogeneityTest } from '../allocation/chi-square.ts';
import { tally } from '../allocation/tally.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type Mergeable, TimeSeries } from './time-series.ts';

/** Shorter periods would split the service's quota of 1,000 registrations a minute. */
const HUB_BUCKET_MS_MIN = 60_000;

/** Assignments in each period of a run. */
export type HubMinutes = {
  /** A minute; more in long runs, to limit the number of periods to what a page can show. */
  readonly bucketMs: number;
  readonly hubs: readonly string[];
  /** For each period from the first start, the registrations assigned to each of `hubs`. */
  readonly counts: readonly (readonly number[])[];
  /** Tests whether the shares are the same in all periods; `null` with fewer than two. */
  readonly drift: ChiSquareTest | null;
};

class HubBucket implements Mergeable<HubBucket> {
  readonly counts = new Map<string, number>();

  merge(later: HubBucket): void {
    for (const [hub, count] of later.counts) tally(this.counts, hub, count);
  }
}

/** Folds assigned registrations by the time they ended, in constant memory. */
export class HubTimeline {
  readonly #series = new TimeSeries(() => new HubBucket(), HUB_BUCKET_MS_MIN);

  /** @param clockOffsetMs time by which the outcome's clock is behind that of the first session */
  add({ result, assignedHub, finishedAtMs }: RegistrationOutcome, clockOffsetMs: number): void {
    if (result !== 'assigned' || assignedHub === null || finishedAtMs === null) return;
    tally(this.#series.at(clockOffsetMs + finishedAtMs).counts, assignedHub);
  }

  result(): HubMinutes {
    const buckets = this.#series.buckets();
    const hubs = [...new Set(buckets.flatMap(({ counts }) => [...counts.keys()]))].sort();
    return {
      bucketMs: this.#series.widthMs,
      hubs,
      counts: buckets.map(({ counts }) => hubs.map((hub) => counts.get(hub) ?? 0)),
      drift: homogeneityTest(buckets.map(({ counts }) => counts)),
    };
  }
}
