import { type Mergeable, TimeSeries } from './time-series.ts';

/** A period of a run, from its first start. */
export type Period = { readonly fromMs: number; readonly toMs: number };

/** Periods shown: enough to find them in the plots, few enough to read. */
const PERIODS_MAX = 5;

/** Delays below this part of the longest one are not what made the difference. */
const SHARE_MIN = 0.1;

class Delay implements Mergeable<Delay> {
  longestMs = 0;

  merge(later: Delay): void {
    this.longestMs = Math.max(this.longestMs, later.longestMs);
  }
}

/** When the load generator delayed registrations, in a bounded number of periods. */
export class LimitedPeriods {
  readonly #series = new TimeSeries(() => new Delay());
  #longestMs = 0;

  /** Up to `atMs` a registration, or the whole run, was delayed for so long. */
  add(atMs: number, delayMs: number): void {
    if (delayMs <= 0) return;
    this.#longestMs = Math.max(this.#longestMs, delayMs);
    for (let markMs = atMs; markMs > atMs - delayMs && markMs >= 0; markMs -= this.#series.widthMs)
      this.#mark(markMs, delayMs);
    this.#mark(Math.max(0, atMs - delayMs), delayMs);
  }

  /** In order; if there are many, those with the longest delays. What was over before the first start delayed nothing. */
  periods(firstStartMs: number): readonly Period[] {
    const { widthMs } = this.#series;
    const found: { fromMs: number; toMs: number; longestMs: number }[] = [];
    for (const [index, { longestMs }] of this.#series.buckets().entries()) {
      if (longestMs === 0 || longestMs < this.#longestMs * SHARE_MIN) continue;
      const fromMs = index * widthMs;
      const last = found.at(-1);
      if (last?.toMs === fromMs) {
        last.toMs += widthMs;
        last.longestMs = Math.max(last.longestMs, longestMs);
      } else found.push({ fromMs, toMs: fromMs + widthMs, longestMs });
    }
    return found
      .filter(({ toMs }) => toMs > firstStartMs)
      .toSorted((a, b) => b.longestMs - a.longestMs)
      .slice(0, PERIODS_MAX)
      .toSorted((a, b) => a.fromMs - b.fromMs)
      .map(({ fromMs, toMs }) => ({ fromMs: Math.max(0, fromMs - firstStartMs), toMs: toMs - firstStartMs }));
  }

  #mark(atMs: number, delayMs: number): void {
    const bucket = this.#series.at(atMs);
    bucket.longestMs = Math.max(bucket.longestMs, delayMs);
  }
}
