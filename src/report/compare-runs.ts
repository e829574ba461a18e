import { LATENCY_METRICS, type LatencyMetric } from '../metrics/latency-histograms.ts';
import { FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import type { Quantity } from '../metrics/threshold/threshold.ts';
import type { DeviceComparison } from './device-comparison.ts';
import type { Summary } from './summary.ts';

/** Version of the shape below. */
const COMPARISON_SCHEMA_VERSION = 1;

/** A run as it is compared. */
export type ComparedRun = {
  readonly folder: string;
  readonly summary: Summary;
  /** What it ran on; `null` = not known. */
  readonly machine: Readonly<Record<string, unknown>> | null;
};

export type FigureComparison = Pick<ComparedFigure, 'section' | 'name' | 'quantity' | 'worse'> & {
  /** One for each run, in milliseconds, parts of 1 or plain numbers; `null` = it has none. */
  readonly values: readonly (number | null)[];
  /** Of each run against the first one: shares as a difference, all else as a part of the first one's; `null` = not known. */
  readonly changes: readonly (number | null)[];
  /** Largest less smallest, as a part of their mean; `null` with fewer than two. */
  readonly spread: number | null;
  /** For each run, whether it is worse than the first one by more than the tolerance. */
  readonly regressed: readonly boolean[];
};

export type RunComparison = {
  readonly schemaVersion: typeof COMPARISON_SCHEMA_VERSION;
  /** A part of 1. */
  readonly tolerance: number;
  readonly runs: readonly { readonly folder: string; readonly target: string; readonly startedAt: string | null }[];
  /** Why the runs may not be comparable. */
  readonly warnings: readonly string[];
  readonly figures: readonly FigureComparison[];
  /** Of each run but the first against the first; `null` = not asked for. */
  readonly devices: readonly DeviceComparison[] | null;
  readonly regressed: boolean;
};

/** Changes below these are noise of clocks and of single devices, whatever the tolerance: milliseconds, parts of 1, plain. */
const CHANGE_MIN: Readonly<Record<ComparedFigure['quantity'], number>> = Object.freeze({
  duration: 1,
  share: 0.001,
  number: 0.001,
});

/**
 * All runs against the first one. A run has regressed where a figure is worse by more than the tolerance: latencies,
 * rates and counts for each device by that part of the first one's; shares of failures by that part too; and the share of
 * a hub by as many percentage points, in either direction.
 */
export function compareRuns(
  runs: readonly ComparedRun[],
  tolerance: number,
  devices: readonly DeviceComparison[] | null,
): RunComparison {
  const summaries = runs.map(({ summary }) => summary);
  const figures = comparedFigures(summaries).map((figure) => compareFigure(figure, summaries, tolerance));
  return {
    schemaVersion: COMPARISON_SCHEMA_VERSION,
    tolerance,
    runs: runs.map(({ folder, summary }) => ({
      folder,
      target: summary.target.label,
      startedAt: summary.sessions[0]?.startedAt ?? null,
    })),
    warnings: warningsOf(runs),
    figures,
    devices,
    regressed: figures.some(({ regressed }) => regressed.includes(true)),
  };
}

function compareFigure(figure: ComparedFigure, summaries: readonly Summary[], tolerance: number): FigureComparison {
  const { section, name, quantity, worse } = figure;
  const values = summaries.map(figure.read);
  const [base = null] = values;
  return {
    section,
    name,
    quantity,
    worse,
    values,
    changes: values.map((value, run) => (run === 0 ? null : changeOf(figure, base, value))),
    spread: spreadOf(values),
    regressed: values.map((value, run) => run > 0 && isWorse(figure, base, value, tolerance)),
  };
}

function changeOf({ quantity }: ComparedFigure, base: number | null, value: number | null): number | null {
  if (base === null || value === null) return null;
  if (quantity === 'share') return value - base;
  return base === 0 ? null : (value - base) / base;
}

function isWorse(
  { worse, quantity }: ComparedFigure,
  base: number | null,
  value: number | null,
  tolerance: number,
): boolean {
  if (worse === null || base === null || value === null) return false;
  const difference = worse === 'lower' ? base - value : worse === 'higher' ? value - base : Math.abs(value - base);
  const allowed = worse === 'different' ? tolerance : tolerance * base;
  return difference > Math.max(allowed, CHANGE_MIN[quantity]);
}

function spreadOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return known.length < 2 || mean === 0 ? null : (Math.max(...known) - Math.min(...known)) / mean;
}

function warningsOf(runs: readonly ComparedRun[]): readonly string[] {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  return [
    ...runs.flatMap(({ folder, summary }) => [
      ...(summary.loadGenerator.limited ? [`${folder} was limited by the load generator`] : []),
      ...(summary.verdict === 'stopped' ? [`${folder} was stopped before all was registered`] : []),
    ]),
    ...others.flatMap((other) => differencesOf(first, other)),
  ];
}

function differencesOf(first: ComparedRun, other: ComparedRun): readonly string[] {
  const [a, b] = [first.summary, other.summary];
  const settings = ({ sessions: [session] }: Summary): unknown =>
    session && [session.workers, session.concurrency, session.loadShape, session.ratePerSecond, session.rowsMax];
  const differences: readonly (readonly [noun: string, a: unknown, b: unknown])[] = [
    ['fleet', a.fleet.digest, b.fleet.digest],
    ['target', a.target.label, b.target.label],
    ['version of dpsload', a.dpsloadVersion, b.dpsloadVersion],
    ['machine', first.machine, other.machine],
    ['workers, concurrency, load shape, rate or limit', settings(a), settings(b)],
    ['api-version', a.sessions[0]?.apiVersion, b.sessions[0]?.apiVersion],
  ];
  return differences
    .filter(([, of, than]) => JSON.stringify(of) !== JSON.stringify(than))
    .map(([noun]) => `${other.folder} has another ${noun} than ${first.folder}`);
}

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
