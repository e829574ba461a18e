import { LATENCY_METRICS, type LatencyMetric } from '../metrics/latency-metric.ts';
import { LAUNCHED_RESULTS } from '../metrics/outcome-counts.ts';
import type { Quantity } from '../metrics/threshold/threshold.ts';
import type { DeviceComparison } from './device-comparison.ts';
import { failedOf, type Summary } from './summary.ts';

/** Version of the shape below. */
const COMPARISON_SCHEMA_VERSION = 1;

/** A run to compare. */
export type ComparedRun = {
  readonly folder: string;
  readonly summary: Summary;
  /** The machine that it ran on, as run.json describes it; `null` = not known. */
  readonly machine: Readonly<Record<string, unknown>> | null;
};

export type FigureComparison = Omit<ComparedFigure, 'read'> & {
  /** One for each run, in milliseconds, parts of 1 or plain numbers; `null` = the run has none. */
  readonly values: readonly (number | null)[];
  /** Each run against the first: differences of shares, otherwise relative to the first run's value; `null` = not known. */
  readonly changes: readonly (number | null)[];
  /** (Largest − smallest) / mean; `null` with fewer than two values. */
  readonly spread: number | null;
  /** For each run: worse than the first by more than the tolerance. */
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
  /** Each later run against the first; `null` = not requested. */
  readonly devices: readonly DeviceComparison[] | null;
  readonly regressed: boolean;
};

/** Smaller changes are noise of clocks and single devices, whatever the tolerance: milliseconds, parts of 1, plain. */
const CHANGE_MIN: Readonly<Record<ComparedFigure['quantity'], number>> = Object.freeze({
  duration: 1,
  share: 0.001,
  number: 0.001,
});

/**
 * Compares every run with the first. A figure has regressed if it is worse by more than the tolerance. The tolerance is
 * relative to the first run's value for latencies, rates, counts for each device and failure shares; for hub shares it is
 * a difference in percentage points, in either direction.
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
  const { read, ...described } = figure;
  const values = summaries.map(read);
  const [base = null] = values;
  return {
    ...described,
    values,
    changes: values.map((value, run) => (run === 0 ? null : relativeChange(figure, base, value))),
    spread: spreadOf(values),
    regressed: values.map((value, run) => run > 0 && isWorse(figure, base, value, tolerance)),
  };
}

function relativeChange({ quantity }: ComparedFigure, base: number | null, value: number | null): number | null {
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
      ...(summary.loadGenerator.limited ? [`the load generator limited ${folder}`] : []),
      ...(summary.verdict === 'stopped' ? [`${folder} stopped before every device was registered`] : []),
    ]),
    ...others.flatMap((other) => differencesOf(first, other)),
  ];
}

function differencesOf(first: ComparedRun, other: ComparedRun): readonly string[] {
  const [a, b] = [first.summary, other.summary];
  const settings = ({ sessions: [session] }: Summary): unknown =>
    session && [session.workers, session.concurrency, session.loadShape, session.ratePerSecond, session.rowsMax];
  const differences: readonly (readonly [noun: string, a: unknown, b: unknown])[] = [
    ['fleets', a.fleet.digest, b.fleet.digest],
    ['targets', a.target.label, b.target.label],
    ['dpsload versions', a.dpsloadVersion, b.dpsloadVersion],
    ['machines', first.machine, other.machine],
    ['workers, concurrency, load shapes, rates or limits', settings(a), settings(b)],
    ['API versions', a.sessions[0]?.apiVersion, b.sessions[0]?.apiVersion],
  ];
  return differences
    .filter(([, of, than]) => JSON.stringify(of) !== JSON.stringify(than))
    .map(([noun]) => `${first.folder} and ${other.folder} have different ${noun}`);
}

/** One number of a run, and the direction in which it gets worse. */
type ComparedFigure = {
  readonly section: 'latency' | 'rates' | 'hubs' | 'errors';
  readonly name: string;
  readonly quantity: Exclude<Quantity, 'verdict'>;
  /** `null` = shown, not judged. */
  readonly worse: 'higher' | 'lower' | 'different' | null;
  readonly read: (summary: Summary) => number | null;
};

const PERCENTILES = { p50: 'p50Ms', p95: 'p95Ms', p99: 'p99Ms', max: 'maxMs' } as const;

/** Latencies of the service; the others belong to the load and the load generator. A maximum, a single value, is never judged. */
const JUDGED_LATENCIES: readonly LatencyMetric[] = ['response', 'service', 'accepted', 'assigned', 'allocation'];

type Rate = readonly [string, ComparedFigure['quantity'], ComparedFigure['worse'], ComparedFigure['read']];

const RATES: readonly Rate[] = [
  ['registrations/s', 'number', 'lower', ({ throughput }) => throughput.endedPerSecond],
  ['time to 99%', 'duration', 'higher', ({ recovery }) => recovery.to99PercentMs],
  ['assigned', 'share', 'lower', (summary) => ofLaunched(summary, summary.results.assigned)],
  ['failed', 'share', 'higher', (summary) => ofLaunched(summary, failedOf(summary))],
  ['registers/device', 'number', 'higher', (summary) => ofLaunched(summary, summary.requests.registersSent)],
  ['polls/device', 'number', null, (summary) => ofLaunched(summary, summary.requests.polls)],
  ['throttles/device', 'number', 'higher', (summary) => ofLaunched(summary, summary.requests.throttles)],
];

/** The figures that at least one run has: latencies, rates, hubs and error codes. */
function comparedFigures(summaries: readonly Summary[]): readonly ComparedFigure[] {
  const hubs = distinct(summaries.flatMap((summary) => summary.hubs.map(({ hub }) => hub)));
  const codes = distinct(summaries.flatMap((summary) => summary.errors.map(({ code }) => code)));
  return [
    ...LATENCY_METRICS.flatMap(latencyFigures),
    ...RATES.map(([name, quantity, worse, read]) => ({ section: 'rates', name, quantity, worse, read }) as const),
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

function ofLaunched({ results }: Summary, count: number): number | null {
  const launched = LAUNCHED_RESULTS.reduce((sum, result) => sum + results[result], 0);
  return launched === 0 ? null : count / launched;
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}
