import type { Interval } from '../allocation/share-interval.ts';
import { type Change, simultaneousIntervals } from '../metrics/comparison/change-interval.ts';
import type { RunBlocks } from '../metrics/comparison/run-blocks.ts';
import { BLOCKS_MIN, type DrawnFigure, estimateFigures, type RunEstimate } from '../metrics/comparison/run-estimate.ts';
import { BIN_STEP } from '../metrics/comparison/value-bins.ts';
import { jitter } from '../registration/retry-delay.ts';
import { type ComparedFigure, comparedFigures } from './compared-figures.ts';
import type { DeviceComparison } from './device-comparison.ts';
import { recordsSetup, setupDifferences } from './setup-differences.ts';
import type { Summary } from './summary.ts';

/** Version of the shape below. */
const COMPARISON_SCHEMA_VERSION = 2;

/** Probability that all intervals of a comparison hold together: at most one false alarm in a hundred comparisons. */
const CONFIDENCE = 0.99;

/** Of the drawn runs, so that comparing the same runs always gives the same result. */
const SEED = 1;

/** A run to compare. */
export type ComparedRun = {
  readonly folder: string;
  readonly summary: Summary;
  /** The machine that it ran on, as run.json describes it; `null` = not known. */
  readonly machine: Readonly<Record<string, unknown>> | null;
  /** The run second by second; `null` = its journal is not there. */
  readonly blocks: RunBlocks | null;
};

export type FigureVerdict =
  | 'worse' // with confidence, and by more than the tolerance
  | 'better' // likewise
  | 'changed' // likewise, where neither direction is worse
  | 'unchanged' // with confidence, by no more than the tolerance
  | 'inconclusive'; // the runs vary too much to tell, or are too short

export type FigureComparison = Pick<ComparedFigure, 'section' | 'name' | 'quantity' | 'worse'> & {
  /** One for each run, in milliseconds, parts of 1 or plain numbers; `null` = the run has none. */
  readonly values: readonly (number | null)[];
  /**
   * Each later run against the mean of the baseline: differences of shares, otherwise relative to that mean; `null` = not known, or
   * a run of the baseline.
   */
  readonly changes: readonly (number | null)[];
  /** Of the changes, all of which hold together with the comparison's confidence; `null` = not judged, or not known. */
  readonly intervals: readonly (Interval | null)[];
  /** `null` = not judged, or a baseline run. */
  readonly verdicts: readonly (FigureVerdict | null)[];
  /** (Largest − smallest) / mean; `null` with fewer than two values. */
  readonly spread: number | null;
  /** For each run: worse or changed. */
  readonly regressed: readonly boolean[];
};

export type RunComparison = {
  readonly schemaVersion: typeof COMPARISON_SCHEMA_VERSION;
  readonly verdict: 'worse' | 'inconclusive' | 'not-worse';
  /** The smallest change that counts, a part of 1. */
  readonly tolerance: number;
  /** A part of 1. */
  readonly confidence: number;
  /** The first of the runs, with which the others are compared. */
  readonly baselines: number;
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

type Compared = { readonly runs: readonly ComparedRun[]; readonly baselines: number; readonly tolerance: number };

/**
 * Compares runs with the first of them, which are the baseline. The tolerance is relative to the baseline's value for latencies,
 * rates, counts for each device and failure shares; for hub shares it is a difference in percentage points, in either direction.
 *
 * A figure changed if the whole interval of its change lies beyond the tolerance, and is unchanged if the whole interval lies
 * within. All intervals hold together, so a false alarm over all figures is rarer than 1 − `CONFIDENCE`.
 */
export function compareRuns(compared: Compared, devices: readonly DeviceComparison[] | null): RunComparison {
  const { runs, baselines, tolerance } = compared;
  const measured = measureFigures(comparedFigures(runs.map(({ summary }) => summary)), runs);
  const intervals = judge(measured, baselines);
  const figures = measured.map((figure) => compareFigure(figure, intervals, compared));
  const verdicts = figures.flatMap((figure) => figure.verdicts);
  const regressed = figures.some((figure) => figure.regressed.includes(true));
  return {
    schemaVersion: COMPARISON_SCHEMA_VERSION,
    verdict: regressed ? 'worse' : verdicts.includes('inconclusive') ? 'inconclusive' : 'not-worse',
    tolerance,
    confidence: CONFIDENCE,
    baselines,
    runs: runs.map(({ folder, summary }) => ({
      folder,
      target: summary.target.label,
      startedAt: summary.sessions[0]?.startedAt ?? null,
    })),
    warnings: warningsOf(runs),
    figures,
    devices,
    regressed,
  };
}

type MeasuredFigure = {
  readonly figure: ComparedFigure;
  readonly values: readonly (number | null)[];
  /** For each run; `null` = the run has none. */
  readonly estimates: readonly (RunEstimate | null)[];
};

function measureFigures(figures: readonly ComparedFigure[], runs: readonly ComparedRun[]): readonly MeasuredFigure[] {
  const readers = figures.flatMap(({ sample }) => sample ?? []);
  const drawn = runs.map(({ blocks }, run) => {
    const found = blocks === null ? [] : estimateFigures(blocks, readers, (draw) => jitter(SEED, String(run), draw));
    return new Map(readers.map((reader, index) => [reader, found[index] ?? null]));
  });
  return figures.map((figure) => {
    const values = runs.map(({ summary }) => figure.read(summary));
    const estimates = values.map((value, run) => {
      const summary = runs[run]?.summary;
      if (value === null || summary === undefined) return null;
      const known = figure.sample === null ? undefined : drawn[run]?.get(figure.sample);
      return { ...(known ?? nothingDrawn(value)), outOf: figure.outOf?.(summary) ?? null };
    });
    return { figure, values, estimates };
  });
}

/** Only other runs of the baseline can tell how much such a figure varies. */
function nothingDrawn(value: number): DrawnFigure {
  return { value, sampled: new Float64Array(), blocks: 0, dependence: 1, halves: { lower: value, upper: value } };
}

/** For each figure and each later run that has a verdict: its interval, `null` = not known. */
type Judged = ReadonlyMap<ComparedFigure, ReadonlyMap<number, Interval | null>>;

function judge(measured: readonly MeasuredFigure[], baselines: number): Judged {
  const due = measured.flatMap((each) => dueChanges(each, baselines));
  const intervals = simultaneousIntervals(due, CONFIDENCE);
  const judged = new Map<ComparedFigure, Map<number, Interval | null>>();
  for (const [index, { figure, run }] of due.entries()) {
    const ofFigure = judged.get(figure) ?? new Map<number, Interval | null>();
    judged.set(figure, ofFigure.set(run, intervals[index] ?? null));
  }
  return judged;
}

function dueChanges(
  { figure, estimates }: MeasuredFigure,
  baselines: number,
): readonly (Change & { readonly figure: ComparedFigure; readonly run: number })[] {
  const before = estimates.slice(0, baselines).filter((estimate) => estimate !== null);
  const isJudged = figure.worse !== null && before.length === baselines && (figure.sample !== null || baselines > 1);
  if (!isJudged) return [];
  return estimates.flatMap((candidate, run) =>
    run < baselines || candidate === null ? [] : [{ figure, run, baselines: before, candidate }],
  );
}

function compareFigure(
  { figure, values }: MeasuredFigure,
  judged: Judged,
  { runs, baselines, tolerance }: Compared,
): FigureComparison {
  const { section, name, quantity, worse } = figure;
  const base = meanOf(values.slice(0, baselines));
  const intervals = values.map((_, run) => judged.get(figure)?.get(run));
  const limited = runs.map(({ summary }) => figure.isLimited === true && summary.loadGenerator.limited);
  const isBaseLimited = limited.slice(0, baselines).includes(true);
  const verdicts = intervals.map((interval, run) => {
    if (interval === undefined || base === null) return null;
    if (interval === null || isBaseLimited || limited[run]) return 'inconclusive';
    return verdictOf(figure, interval, allowedChange(figure, base, tolerance));
  });
  return {
    section,
    name,
    quantity,
    worse,
    values,
    changes: values.map((value, run) => (run < baselines ? null : relativeChange(figure, base, value))),
    intervals: intervals.map((interval) => relativeInterval(figure, base, interval ?? null)),
    verdicts,
    spread: spreadOf(values),
    regressed: verdicts.map((verdict) => verdict === 'worse' || verdict === 'changed'),
  };
}

function relativeChange({ quantity }: ComparedFigure, base: number | null, value: number | null): number | null {
  if (base === null || value === null) return null;
  if (quantity === 'share') return value - base;
  return base === 0 ? null : (value - base) / base;
}

/** Relative: no time, rate or number per device falls below 0. */
const LARGEST_DECREASE = -1;

function relativeInterval(
  { quantity }: ComparedFigure,
  base: number | null,
  interval: Interval | null,
): Interval | null {
  if (interval === null || quantity === 'share') return interval;
  if (base === null || base === 0) return null;
  return { lower: Math.max(LARGEST_DECREASE, interval.lower / base), upper: interval.upper / base };
}

/** The largest difference that does not count. */
function allowedChange({ worse, quantity }: ComparedFigure, base: number, tolerance: number): number {
  const resolution = quantity === 'duration' ? BIN_STEP * base : 0;
  return Math.max(worse === 'different' ? tolerance : tolerance * base, CHANGE_MIN[quantity], resolution);
}

function verdictOf({ worse }: ComparedFigure, { lower, upper }: Interval, allowed: number): FigureVerdict {
  if (lower >= -allowed && upper <= allowed) return 'unchanged';
  if (lower <= allowed && upper >= -allowed) return 'inconclusive';
  if (worse === 'different') return 'changed';
  return (worse === 'higher') === lower > allowed ? 'worse' : 'better';
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function spreadOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  const mean = meanOf(values);
  return known.length < 2 || mean === null || mean === 0 ? null : (Math.max(...known) - Math.min(...known)) / mean;
}

function warningsOf(runs: readonly ComparedRun[]): readonly string[] {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  return [
    ...runs.flatMap(({ folder, summary, blocks }) => [
      ...(summary.loadGenerator.limited
        ? [`the load generator limited ${folder}, so its times and rates are not judged`]
        : []),
      ...(summary.verdict === 'stopped' ? [`${folder} stopped before every device was registered`] : []),
      ...shortcomingOf(folder, blocks),
    ]),
    ...others.flatMap((other) => differencesOf(first, other)),
  ];
}

/** Why the run alone cannot tell how much its figures vary. */
function shortcomingOf(folder: string, blocks: RunBlocks | null): readonly string[] {
  const consequence = 'its latencies and rates can be judged only with several baseline runs (--baseline)';
  if (blocks === null) return [`${folder} has no journal, so ${consequence}`];
  if (blocks.launches.length >= BLOCKS_MIN) return [];
  return [`${folder} launched devices in fewer than ${BLOCKS_MIN} different seconds, so ${consequence}`];
}

function differencesOf(first: ComparedRun, other: ComparedRun): readonly string[] {
  const [a, b] = [first.summary, other.summary];
  const isMachineNamed = recordsSetup(a) && recordsSetup(b);
  const machines = isMachineNamed || first.machine === null || other.machine === null ? null : [first, other];
  const differences: readonly (readonly [noun: string, a: unknown, b: unknown])[] = [
    ['fleets', a.fleet.digest, b.fleet.digest],
    ['targets', a.target.label, b.target.label],
    ['machines', machines?.[0]?.machine, machines?.[1]?.machine],
  ];
  const setups = setupDifferences(a, b);
  return [
    ...differences
      .filter(([, of, than]) => JSON.stringify(of) !== JSON.stringify(than))
      .map(([noun]) => `${first.folder} and ${other.folder} have different ${noun}`),
    ...(setups.length === 0 ? [] : [`${other.folder} was run differently from ${first.folder}: ${setups.join('; ')}`]),
  ];
}
