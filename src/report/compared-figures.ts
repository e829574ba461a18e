import { COMPARED_LATENCIES } from '../metrics/comparison/run-blocks.ts';
import type { FigureReader } from '../metrics/comparison/run-estimate.ts';
import type { RunSample } from '../metrics/comparison/run-sample.ts';
import { LATENCY_METRICS, type LatencyMetric } from '../metrics/latency-metric.ts';
import { LAUNCHED_RESULTS } from '../metrics/outcome-counts.ts';
import type { Quantity } from '../metrics/threshold/threshold.ts';
import { LATENCY_LABELS } from './latency-text.ts';
import { failedOf, type Summary } from './summary.ts';

/** One number of a run, and the direction in which it gets worse. */
export type ComparedFigure = {
  readonly section: 'latency' | 'rates' | 'hubs' | 'errors';
  readonly name: string;
  readonly quantity: Exclude<Quantity, 'verdict'>;
  /** `null` = shown, not judged. */
  readonly worse: 'higher' | 'lower' | 'different' | null;
  readonly read: (summary: Summary) => number | null;
  /** Reads the same from a run drawn from its blocks; `null` = it has one value for a whole run, so it takes several runs to judge it. */
  readonly sample: FigureReader | null;
  /** The registrations of which a share is a part; absent if it is no share. */
  readonly outOf?: (summary: Summary) => number;
  /** A time or a rate, which says nothing about the service where the load generator was the limit. */
  readonly isLimited?: true;
};

const PERCENTILES = { p50: ['p50Ms', 50], p95: ['p95Ms', 95], p99: ['p99Ms', 99], max: ['maxMs', 100] } as const;

const RATES: readonly Omit<ComparedFigure, 'section'>[] = [
  {
    name: 'registrations/s',
    quantity: 'number',
    worse: 'lower',
    read: ({ throughput }) => throughput.endedPerSecond,
    sample: (sample) => sample.endedPerSecond(),
    isLimited: true,
  },
  {
    name: 'time to 99%',
    quantity: 'duration',
    worse: 'higher',
    read: ({ recovery }) => recovery.to99PercentMs,
    sample: null,
    isLimited: true,
  },
  {
    name: 'assigned',
    quantity: 'share',
    worse: 'lower',
    read: (summary) => ofLaunched(summary, summary.results.assigned),
    sample: (sample) => sample.perLaunched('assigned'),
    outOf: launchedOf,
  },
  {
    name: 'failed',
    quantity: 'share',
    worse: 'higher',
    read: (summary) => ofLaunched(summary, failedOf(summary)),
    sample: (sample) => sample.perLaunched('failed'),
    outOf: launchedOf,
  },
  {
    name: 'registers/device',
    quantity: 'number',
    worse: 'higher',
    read: (summary) => ofLaunched(summary, summary.requests.registersSent),
    sample: (sample) => sample.perLaunched('registersSent'),
  },
  {
    name: 'polls/device',
    quantity: 'number',
    worse: null,
    read: (summary) => ofLaunched(summary, summary.requests.polls),
    sample: null,
  },
  {
    name: 'throttles/device',
    quantity: 'number',
    worse: 'higher',
    read: (summary) => ofLaunched(summary, summary.requests.throttles),
    sample: (sample) => sample.perLaunched('throttles'),
  },
];

/** The figures that at least one run has: latencies, rates, hubs and error codes. */
export function comparedFigures(summaries: readonly Summary[]): readonly ComparedFigure[] {
  const hubs = distinct(summaries.flatMap((summary) => summary.hubs.map(({ hub }) => hub)));
  const codes = distinct(summaries.flatMap((summary) => summary.errors.map(({ code }) => code)));
  return [
    ...LATENCY_METRICS.flatMap(latencyFigures),
    ...RATES.map((rate) => ({ section: 'rates', ...rate }) as const),
    ...hubs.map(hubFigure),
    ...codes.map(errorFigure),
  ].filter(({ read }) => summaries.some((summary) => read(summary) !== null));
}

/** A maximum, a single value, is never judged. */
function latencyFigures(metric: LatencyMetric): readonly ComparedFigure[] {
  const judged = COMPARED_LATENCIES.find((each) => each === metric);
  return Object.entries(PERCENTILES).map(([name, [member, percentile]]) => ({
    section: 'latency',
    name: `${LATENCY_LABELS[metric][0]} ${name}`,
    quantity: 'duration',
    isLimited: true,
    read: ({ latency }) => latency[metric]?.[member] ?? null,
    ...(judged === undefined || name === 'max'
      ? { worse: null, sample: null }
      : { worse: 'higher', sample: (sample) => sample.percentileMs(judged, percentile) }),
  }));
}

function hubFigure(hub: string): ComparedFigure {
  const shareOf = ({ hubs }: Summary): number | null =>
    hubs.length === 0 ? null : (hubs.find((each) => each.hub === hub)?.share ?? 0);
  const sample = (run: RunSample): number | null => run.hubShare(hub);
  const outOf = ({ results }: Summary): number => results.assigned;
  return { section: 'hubs', name: hub, quantity: 'share', worse: 'different', read: shareOf, sample, outOf };
}

function errorFigure(code: string): ComparedFigure {
  const countOf = ({ errors }: Summary): number => errors.find((each) => each.code === code)?.count ?? 0;
  const read = (summary: Summary): number | null => ofLaunched(summary, countOf(summary));
  const sample = (run: RunSample): number | null => run.errorShare(code);
  return { section: 'errors', name: code, quantity: 'share', worse: 'higher', read, sample, outOf: launchedOf };
}

function ofLaunched(summary: Summary, count: number): number | null {
  const launched = launchedOf(summary);
  return launched === 0 ? null : count / launched;
}

function launchedOf({ results }: Summary): number {
  return LAUNCHED_RESULTS.reduce((sum, result) => sum + results[result], 0);
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}
