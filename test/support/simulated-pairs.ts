import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { RunBlocksFold } from '../../src/metrics/comparison/run-blocks.ts';
import {
  type ComparedRun,
  compareRuns,
  type FigureVerdict,
  type RunComparison,
} from '../../src/report/compare-runs.ts';
import { summaryFrom } from './run-measures.ts';
import { HUBS, notAssigned, outcomeRecord } from './sample-journal.ts';
import { SimulatedRandom } from './simulated-random.ts';

/** A service whose latencies depend on each other, in ways that make two runs differ by chance. */
export type SimulatedService = {
  readonly devices: number;
  readonly ratePerSecond: number;
  /** Correlation of the logarithm of a latency with that of the device before: AR(1). */
  readonly correlation: number;
  /** The same for the level of each second; `drift` is its standard deviation. */
  readonly driftCorrelation: number;
  readonly drift: number;
  /** During a stall, nothing is answered. */
  readonly stallsPerMinute: number;
  /** Factor of every latency. */
  readonly slowdown: number;
};

const MEDIAN_MS = 150;
const SPREAD = 0.3;
const STALL_MS_MIN = 300;
const STALL_MS_MAX = 2_500;
const FAILED_SHARE = 0.01;
const THROTTLED_SHARE = 0.02;

const STEADY = {
  ratePerSecond: 50,
  correlation: 0,
  driftCorrelation: 0,
  drift: 0,
  stallsPerMinute: 0,
  slowdown: 1,
};

/** From one that a comparison finds easy to one that it finds hard. */
export const SERVICES: Readonly<Record<string, Omit<SimulatedService, 'devices'>>> = {
  'independent latencies': STEADY,
  'AR(1), 0.5': { ...STEADY, correlation: 0.5 },
  'AR(1), 0.9': { ...STEADY, correlation: 0.9 },
  stalls: { ...STEADY, correlation: 0.5, stallsPerMinute: 3 },
  'stalls, seconds AR(1)': { ...STEADY, correlation: 0.5, stallsPerMinute: 3, drift: 0.1, driftCorrelation: 0.7 },
};

function normal(random: SimulatedRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** A stationary AR(1) process with the given standard deviation. */
function autoregression(random: SimulatedRandom, correlation: number, deviation: number): () => number {
  let value = normal(random);
  return () => {
    value = correlation * value + Math.sqrt(1 - correlation ** 2) * normal(random);
    return deviation * value;
  };
}

type Stall = { readonly fromMs: number; readonly toMs: number };

function stallsOf({ stallsPerMinute, devices, ratePerSecond }: SimulatedService, random: SimulatedRandom): Stall[] {
  const stalls: Stall[] = [];
  if (stallsPerMinute === 0) return stalls;
  const endMs = (devices / ratePerSecond) * 1000;
  for (let atMs = 0; ; ) {
    atMs += (-Math.log(1 - random.next()) * 60_000) / stallsPerMinute;
    if (atMs > endMs) return stalls;
    stalls.push({ fromMs: atMs, toMs: atMs + random.whole(STALL_MS_MIN, STALL_MS_MAX) });
  }
}

export function simulatedOutcomes(service: SimulatedService, random: SimulatedRandom): OutcomeRecord[] {
  const { devices, ratePerSecond, correlation, driftCorrelation, drift, slowdown } = service;
  const stalls = stallsOf(service, random);
  const own = autoregression(random, correlation, SPREAD);
  const nextLevel = autoregression(random, driftCorrelation, drift);
  const levels = Array.from({ length: Math.ceil(devices / ratePerSecond) }, () => nextLevel());
  return Array.from({ length: devices }, (_, row) => {
    const startedAtMs = (row * 1000) / ratePerSecond;
    const level = levels[Math.floor(startedAtMs / 1000)] ?? 0;
    const answeredMs = startedAtMs + MEDIAN_MS * slowdown * Math.exp(own() + level);
    const stall = stalls.find(({ fromMs, toMs }) => answeredMs >= fromMs && answeredMs < toMs);
    const finishedAtMs =
      stall === undefined ? answeredMs : stall.toMs + answeredMs - Math.max(startedAtMs, stall.fromMs);
    const serviceMs = finishedAtMs - startedAtMs;
    const phases = { dnsMs: null, tcpMs: 1, tlsMs: 5, connackMs: 2, subackMs: 2 };
    const times = { intendedAtMs: startedAtMs, startedAtMs, finishedAtMs, waitedMs: 0, serviceCreatedAt: null };
    if (random.chance(FAILED_SHARE)) {
      return outcomeRecord(row, notAssigned({ ...times, result: 'failed', errorCode: '500000' }));
    }
    return outcomeRecord(row, {
      ...times,
      phases: { ...phases, acceptedMs: serviceMs * 0.4, assignedMs: serviceMs * 0.6 },
      assignedHub: random.pick(HUBS),
      throttles: random.chance(THROTTLED_SHARE) ? 1 : 0,
    });
  });
}

export function comparedRun(folder: string, outcomes: readonly OutcomeRecord[]): ComparedRun {
  const fold = new RunBlocksFold();
  fold.beginSession();
  for (const outcome of outcomes) fold.add(outcome, true);
  return { folder, summary: summaryFrom(outcomes), machine: null, blocks: fold.blocks() };
}

export type SimulatedPair = {
  /** Two runs of the same service. */
  readonly unchanged: () => RunComparison;
  /** The same run, with one of a service that takes so many times as long. */
  readonly slower: () => RunComparison;
};

export function simulatedPair(
  service: SimulatedService,
  seed: number,
  { slowdown, tolerance = 0.1, baselines = 1 }: { slowdown: number; tolerance?: number; baselines?: number },
): SimulatedPair {
  const random = new SimulatedRandom(seed);
  const runOf = (folder: string, changed: Partial<SimulatedService>): ComparedRun =>
    comparedRun(folder, simulatedOutcomes({ ...service, ...changed }, random));
  const before = Array.from({ length: baselines }, (_, run) => runOf(`before-${run}`, {}));
  const compare = (after: ComparedRun): RunComparison =>
    compareRuns({ runs: [...before, after], baselines, tolerance }, null);
  const [same, slower] = [runOf('same', {}), runOf('slower', { slowdown })];
  return { unchanged: () => compare(same), slower: () => compare(slower) };
}

/** Any verdict that something changed, for better or worse. */
export function isAlarm({ figures }: RunComparison): boolean {
  return figures.some(({ verdicts }) => verdicts.some((verdict) => verdict !== null && ALARMS.includes(verdict)));
}

const ALARMS: readonly FigureVerdict[] = ['worse', 'better', 'changed'];

/** Some interval does not hold the truth, no change: the alarms without any tolerance. */
export function missesTruth({ figures }: RunComparison): boolean {
  return figures.some(({ intervals }) =>
    intervals.some((interval) => interval !== null && (interval.lower > 0 || interval.upper < 0)),
  );
}
