import type { DurationHistogram } from './duration-histogram.ts';
import type { LatencyHistograms } from './latency-histograms.ts';
import type { LatencyMetric } from './latency-metric.ts';

/** Times that the load generator can falsify. The start lag and the time held show what it did; waits and allocation are the service's. */
export const JUDGED_METRICS = [
  'response',
  'service',
  'accepted',
  'assigned',
  'dns',
  'tcp',
  'tls',
  'connack',
  'suback',
  'responseNotAssigned',
] as const satisfies readonly LatencyMetric[];

export const JUDGED_PERCENTILES = [50, 95, 99] as const;

/** If a percentile is lower by this part without the load generator's delays, it reflects the load generator as much as the service. */
export const TIME_SHARE_MAX = 0.05;

/** Less than this is no more than a client's usual work for a registration, whatever part of a short phase it is. */
const TIME_MIN_MS = 5;

/** Fewer durations beyond a percentile say nothing: the p99 of 100 is the bad luck of one, that of 500 reflects a single pause of 10 ms. */
const BEYOND_MIN = 10;

/** A percentile that the load generator may have raised. */
export type AffectedPercentile = {
  readonly metric: (typeof JUDGED_METRICS)[number];
  readonly percentile: (typeof JUDGED_PERCENTILES)[number];
  readonly measuredMs: number;
  /** Without all that the load generator may have caused: the true value lies between the two. */
  readonly withoutMs: number;
};

/** The percentiles that would be lower by more than 5% and 5 ms without the load generator's delays. */
export function affectedPercentiles(
  measured: LatencyHistograms,
  without: LatencyHistograms,
): readonly AffectedPercentile[] {
  return JUDGED_METRICS.flatMap((metric) => {
    const [all, least] = [measured.of(metric), without.of(metric)];
    return JUDGED_PERCENTILES.flatMap((percentile) => {
      const [measuredMs, withoutMs] = [percentileOf(all, percentile), least.percentileMs(percentile)];
      if (measuredMs === null || withoutMs === null || !counts(measuredMs, withoutMs)) return [];
      return [{ metric, percentile, measuredMs, withoutMs }];
    });
  });
}

/** The part of a duration that goes when it is `withoutMs` instead. */
export function shareOf({ measuredMs, withoutMs }: Pick<AffectedPercentile, 'measuredMs' | 'withoutMs'>): number {
  return measuredMs === 0 ? 0 : (measuredMs - withoutMs) / measuredMs;
}

/** Whether so many milliseconds are too large a part of a duration to be overlooked. */
export function counts(measuredMs: number, withoutMs: number): boolean {
  return measuredMs - withoutMs > Math.max(TIME_MIN_MS, TIME_SHARE_MAX * measuredMs);
}

function percentileOf(histogram: DurationHistogram, percentile: number): number | null {
  const beyond = histogram.count * (1 - percentile / 100);
  return beyond < BEYOND_MIN ? null : histogram.percentileMs(percentile);
}
