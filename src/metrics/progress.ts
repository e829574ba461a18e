import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { HubExpectation } from '../allocation/hub-expectation.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram, type DurationSummary } from './duration-histogram.ts';
import { etaMs } from './eta.ts';
import { HubDistribution, type HubShare } from './hub-distribution.ts';
import { LatencyHistograms, type LatencyMetric } from './latency-histograms.ts';
import { type ErrorGroup, FAILED_RESULTS, OutcomeCounts } from './outcome-counts.ts';

/** Samples, one a second, over which completions are averaged: longer than a retry-after, so that the mean is steady. */
const RECENT_SAMPLES = 60;

/** Samples over which it is told how errors grow: as long as one looks at a screen. */
const GROWTH_SAMPLES = 10;

/** Those that are watched while a run goes on. */
export const WATCHED_METRICS = [
  'tcp',
  'tls',
  'connack',
  'suback',
  'accepted',
  'assigned',
  'service',
  'response',
] as const satisfies readonly LatencyMetric[];

export type WatchedMetric = (typeof WATCHED_METRICS)[number];

/** A run at one moment, as the live view shows it. */
export type RunProgress = {
  readonly target: TargetName;
  readonly name: string | null;
  /** Registrations that the run is to settle. */
  readonly total: number;
  /** Those that have ended; what a stopping run hands back as not started has not. */
  readonly settled: number;
  readonly assigned: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** `null` while it cannot be known. */
  readonly etaMs: number | null;
  readonly stopping: boolean;
  readonly inFlight: number;
  /** In the last second. */
  readonly launched: number;
  readonly settledLately: number;
  /** Launches a second that are intended; `null` in the closed model. */
  readonly ratePerSecond: number | null;
  readonly throttles: number;
  /** Register requests beyond the first of each registration that has ended. */
  readonly repeatedRegisters: number;
  /** Of assigned registrations; `null` while there are none. */
  readonly latency: Readonly<Record<WatchedMetric, DurationSummary | null>>;
  /** `expectedShare`, 0 to 1: by the allocation policy or the rows; `null` = nothing is. */
  readonly hubs: readonly (HubShare & { readonly expectedShare: number | null })[];
  /** `lately`: how many of them in the last ten seconds. */
  readonly errors: readonly (ErrorGroup & { readonly lately: number })[];
  /** Of the last minute, the oldest first. */
  readonly recent: readonly SampleRecord[];
};

export type ProgressPlan = Pick<RunProgress, 'target' | 'name' | 'total' | 'ratePerSecond'> & {
  readonly allocation: AllocationExpectation | null;
  /** Registrations that may be in flight. */
  readonly concurrency: number;
  /** By the schedule, from a launch, numbered from 0, to the last one; `null` in the closed model. */
  readonly scheduleLeftMs: (launch: number) => number | null;
};

/** Folds a run while it goes on: cheap for each outcome, and of the same size however long it takes. */
export class ProgressFold {
  readonly #plan: ProgressPlan;
  readonly #counts = new OutcomeCounts();
  readonly #hubs = new HubDistribution();
  readonly #expectation: HubExpectation;
  readonly #latency = new LatencyHistograms();
  /** Start to end of whatever has ended, pauses and holds included. */
  readonly #durations = new DurationHistogram();
  readonly #recent: SampleRecord[] = [];
  readonly #errorCounts: ReadonlyMap<string, number>[] = [];
  #settled = 0;
  #throttles = 0;
  #registers = 0;
  #repeatedRegisters = 0;
  #lastLaunchAtMs = 0;
  #stopping = false;

  constructor(plan: ProgressPlan) {
    this.#plan = plan;
    this.#expectation = new HubExpectation(plan.allocation);
  }

  add(outcome: RegistrationOutcome): void {
    const { result, registersSent, startedAtMs, finishedAtMs } = outcome;
    if (result !== 'not-started') this.#settled += 1;
    this.#counts.add(outcome);
    this.#hubs.add(outcome);
    this.#expectation.add(outcome);
    this.#latency.add(outcome);
    this.#registers += registersSent;
    this.#repeatedRegisters += Math.max(0, registersSent - 1);
    if (startedAtMs !== null && finishedAtMs !== null) this.#durations.recordMs(finishedAtMs - startedAtMs);
  }

  addSample(sample: SampleRecord): void {
    this.#throttles += sample.throttles;
    if (sample.launched > 0) this.#lastLaunchAtMs = sample.atMs;
    keepLast(this.#recent, sample, RECENT_SAMPLES);
    const counts = new Map(this.#counts.errors().map(({ code, count }) => [code, count]));
    keepLast(this.#errorCounts, counts, GROWTH_SAMPLES);
  }

  /** Nothing is launched any more. */
  stop(): void {
    this.#stopping = true;
  }

  /** @param nowMs of the session's clock, whose 0 is the start of the run */
  at(nowMs: number): RunProgress {
    const { target, name, total, ratePerSecond } = this.#plan;
    const lastSample = this.#recent.at(-1);
    return {
      target,
      name,
      total,
      ratePerSecond,
      settled: this.#settled,
      assigned: this.#counts.of('assigned'),
      failed: this.#counts.of(...FAILED_RESULTS),
      elapsedMs: nowMs,
      etaMs: this.#etaMs(nowMs),
      stopping: this.#stopping,
      inFlight: lastSample?.inFlight ?? 0,
      launched: lastSample?.launched ?? 0,
      settledLately: lastSample?.settled ?? 0,
      throttles: this.#throttles,
      repeatedRegisters: this.#repeatedRegisters,
      latency: this.#latencies(),
      hubs: this.#hubShares(),
      errors: this.#growingErrors(),
      recent: [...this.#recent],
    };
  }

  #latencies(): RunProgress['latency'] {
    const summaries = WATCHED_METRICS.map((metric) => [metric, this.#latency.of(metric).summary()] as const);
    return Object.fromEntries(summaries) as RunProgress['latency'];
  }

  #hubShares(): RunProgress['hubs'] {
    const expected = this.#expectation.shares();
    return this.#hubs.shares().map((hub) => ({ ...hub, expectedShare: expected.get(hub.hub.toLowerCase()) ?? null }));
  }

  #growingErrors(): RunProgress['errors'] {
    const [before] = this.#errorCounts;
    return this.#counts
      .errors()
      .map((error) => ({ ...error, lately: before === undefined ? 0 : error.count - (before.get(error.code) ?? 0) }));
  }

  #etaMs(nowMs: number): number | null {
    const { total, concurrency, scheduleLeftMs } = this.#plan;
    const lastSample = this.#recent.at(-1);
    if (this.#durations.count === 0 || lastSample === undefined) return null;
    const left = Math.max(0, total - this.#settled);
    const toLaunch = this.#stopping ? 0 : Math.max(0, left - lastSample.inFlight);
    return etaMs({
      toLaunch,
      inFlight: this.#stopping ? lastSample.inFlight : left - toLaunch,
      slotsAreFull: lastSample.outstanding >= concurrency,
      scheduleLeftMs: scheduleLeftMs(total - toLaunch),
      startLagMs: lastSample.startLagMaxMs,
      // One sample a second.
      endedPerSecond: this.#recent.reduce((sum, { settled }) => sum + settled, 0) / this.#recent.length,
      allowedPerSecond: lastSample.rateAllowedPerSecond,
      registersPerDevice: Math.max(1, this.#registers / Math.max(1, this.#settled)),
      durations: this.#durations,
      sinceLastLaunchMs: nowMs - this.#lastLaunchAtMs,
    });
  }
}

function keepLast<T>(list: T[], value: T, countMax: number): void {
  list.push(value);
  if (list.length > countMax) list.shift();
}
