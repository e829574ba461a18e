import { LATENCY_METRICS, type LatencyMetric } from '../metrics/latency-metric.ts';
import { FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import type { Quantity } from '../metrics/threshold/threshold.ts';
import type { Summary } from './summary.ts';

/** One number of a run, and which way it is worse. */
export type ComparedFigure = {
  readonly section: 'latency' | 'rates' | 'hubs' | 'errors';
  readonly name: string;
  readonly quantity: Exclude<Quantity, 'verdict'>;
  /** `higher`, `lower` or `different` is worse; `null` = shown and not judged. */
  readonly worse: 'higher' | 'lower' | 'different' | null;
  /** `null` = the run has none. */
  readonly read: (summary: Summary) => number | null;
};

const PERCENTILES = { p50: 'p50Ms', p95: 'p95Ms', p99: 'p99Ms', max: 'maxMs' } as const;

/** Times that are the service's; the others are the load's or the load generator's own, and a maximum is a single value. */
const JUDGED_LATENCIES: readonly LatencyMetric[] = ['response', 'service', 'accepted', 'assigned', 'allocation'];

const RATES: readonly Omit<ComparedFigure, 'section'>[] = [
  { name: 'registrations/s', quantity: 'number', worse: 'lower', read: ({ throughput }) => throughput.endedPerSecond },
  { name: 'time to 99%', quantity: 'duration', worse: 'higher', read: ({ recovery }) => recovery.to99PercentMs },
  {
    name: 'assigned',
    quantity: 'share',
    worse: 'lower',
    read: (summary) => ofLaunched(summary, summary.results.assigned),
  },
  { name: 'failed', quantity: 'share', worse: 'higher', read: (summary) => ofLaunched(summary, failedOf(summary)) },
  {
    name: 'registers/device',
    quantity: 'number',
    worse: 'higher',
    read: (summary) => ofLaunched(summary, summary.requests.registersSent),
  },
  {
    name: 'polls/device',
    quantity: 'number',
    worse: null,
    read: (summary) => ofLaunched(summary, summary.requests.polls),
  },
  {
    name: 'throttles/device',
    quantity: 'number',
    worse: 'higher',
    read: (summary) => ofLaunched(summary, summary.requests.throttles),
  },
];

/** Every figure that any of the runs has: latencies, rates, hubs and error codes. */
export function comparedFigures(summaries: readonly Summary[]): readonly ComparedFigure[] {
  const hubs = distinct(summaries.flatMap((summary) => summary.hubs.map(({ hub }) => hub)));
  const codes = distinct(summaries.flatMap((summary) => summary.errors.map(({ code }) => code)));
  return [
    ...LATENCY_METRICS.flatMap(latencyFigures),
    ...RATES.map((figure) => ({ section: 'rates', ...figure }) as const),
    ...hubs.map(hubFigure),
    ...codes.map(errorFigure),
  ].filter(({ read }) => summaries.some((summary) => read(summary) !== null));
}

function latencyFigures(metric: LatencyMetric): readonly ComparedFigure[] {
  return Object.entries(PERCENTILES).map(([name, member]) => ({
    section: 'latency',
    name: `${metric} ${name}`,
    quantity: 'duration',
    worse: JUDGED_LATENCIES.includes(metric) && name !== 'max' ? 'higher' : null,
    read: ({ latency }) => latency[metric]?.[member] ?? null,
  }));
}

function hubFigure(hub: string): ComparedFigure {
  const shareOf = ({ hubs }: Summary): number | null =>
    hubs.length === 0 ? null : (hubs.find((each) => each.hub === hub)?.share ?? 0);
  return { section: 'hubs', name: hub, quantity: 'share', worse: 'different', read: shareOf };
}

function errorFigure(code: string): ComparedFigure {
  const countOf = ({ errors }: Summary): number => errors.find((each) => each.code === code)?.count ?? 0;
  const read = (summary: Summary): number | null => ofLaunched(summary, countOf(summary));
  return { section: 'errors', name: code, quantity: 'share', worse: 'higher', read };
}

function failedOf({ results }: Summary): number {
  return FAILED_RESULTS.reduce((sum, result) => sum + results[result], 0);
}

function ofLaunched({ results }: Summary, count: number): number | null {
  const all = Object.values(results).reduce((sum, each) => sum + each, 0);
  const launched = all - results['not-started'];
  return launched === 0 ? null : count / launched;
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}
