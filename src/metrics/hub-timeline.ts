import { type ChiSquareTest, homogeneityTest } from '../allocation/chi-square.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type Mergeable, TimeSeries } from './time-series.ts';

/** Finer than this, a minute's quota of 1,000 registrations would be torn apart. */
const HUB_BUCKET_MS_MIN = 60_000;

/** Where devices came to in each stretch of a run. */
export type HubMinutes = {
  /** A minute, or in long runs as many as make no more stretches than a page can show. */
  readonly bucketMs: number;
  readonly hubs: readonly string[];
  /** For each stretch from the first start on, the registrations assigned to each of `hubs`. */
  readonly counts: readonly (readonly number[])[];
  /** How often chance alone would let the shares differ as much between the stretches; `null` with fewer than two. */
  readonly drift: ChiSquareTest | null;
};

class HubBucket implements Mergeable<HubBucket> {
  readonly counts = new Map<string, number>();

  add(hub: string, count: number): void {
    this.counts.set(hub, (this.counts.get(hub) ?? 0) + count);
  }

  merge(later: HubBucket): void {
    for (const [hub, count] of later.counts) this.add(hub, count);
  }
}

/** Folds assigned registrations by when they ended; of the same size however long the run takes. */
export class HubTimeline {
  readonly #series = new TimeSeries(() => new HubBucket(), HUB_BUCKET_MS_MIN);

  /** @param clockOffsetMs what the outcome's clock is behind that of the first session */
  add({ result, assignedHub, finishedAtMs }: RegistrationOutcome, clockOffsetMs: number): void {
    if (result !== 'assigned' || assignedHub === null || finishedAtMs === null) return;
    this.#series.at(clockOffsetMs + finishedAtMs).add(assignedHub, 1);
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
