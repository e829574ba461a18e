import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { HubExpectation } from '../allocation/hub-expectation.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram, type DurationSummary } from './duration-histogram.ts';
import { etaMs } from './eta.ts';
import { type ExpectedHubShare, HubDistribution, withExpectedShares } from './hub-distribution.ts';
import { LatencyHistograms } from './latency-histograms.ts';
import type { LatencyMetric } from './latency-metric.ts';
import { type ErrorGroup, FAILED_RESULTS, OutcomeCounts } from './outcome-counts.ts';

/** Samples, one per second, over which completions are averaged: longer than a retry-after, so that the mean is steady. */
const RECENT_SAMPLES = 60;

/** Samples over which the growth of errors is shown: about as long as a glance at the screen. */
const GROWTH_SAMPLES = 10;

/** Metrics shown while a run is in progress. */
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

/** Results of registrations that are over. A cancelled one is left to the next session. */
const ENDED_RESULTS = ['assigned', ...FAILED_RESULTS] as const;

/** What a session does next; an outage may interrupt each stage. */
export type RunStage =
  | { readonly kind: 'canary'; readonly devices: number }
  | { readonly kind: 'launching' }
  /** Nothing more will be launched. */
  | { readonly kind: 'draining' };

/** An outage of the target. */
export type RunOutage = {
  /** On the session's clock. */
  readonly sinceMs: number;
  /** Registrations in progress that wait for its end. */
  readonly held: number;
};

/** What a run is doing. */
export type RunPhase =
  /** The first connection is being made. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'canary'; readonly ended: number; readonly devices: number }
  | { readonly kind: 'running' }
  | { readonly kind: 'outage'; readonly lastedMs: number; readonly held: RunOutage['held'] }
  /** All are launched; some are still in progress. */
  | { readonly kind: 'draining' }
  /** The run ends early. */
  | { readonly kind: 'stopping' }
  /** Every registration has ended; the results are being written. */
  | { readonly kind: 'ended' };

/** Registrations that earlier sessions of the run settled, and this one does not repeat. */
export type SettledBefore = { readonly settled: number; readonly assigned: number; readonly failed: number };

/** The state of a run at one moment, for the live view. */
export type RunProgress = {
  readonly target: TargetName;
  readonly name: string | null;
  readonly phase: RunPhase;
  /** Registrations of the whole run, those of earlier sessions included; so are `settled`, `assigned` and `failed`. */
  readonly total: number;
  /** Registrations that have ended, without those that a stopping run cancels or hands back. */
  readonly settled: number;
  readonly settledBefore: number;
  readonly assigned: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** `null` while unknown. */
  readonly etaMs: number | null;
  readonly inFlight: number;
  /** A second, as of the last sample. */
  readonly launched: number;
  readonly settledLately: number;
  /** Intended launches per second; `null` in the closed model. */
  readonly ratePerSecond: number | null;
  readonly throttles: number;
  /** Register requests beyond the first of each registration that has ended. */
  readonly repeatedRegisters: number;
  /** Assigned registrations only; `null` while there are none. */
  readonly latency: Readonly<Record<WatchedMetric, DurationSummary | null>>;
  readonly hubs: readonly ExpectedHubShare[];
  /** `lately`: errors of the last ten seconds. */
  readonly errors: readonly (ErrorGroup & { readonly lately: number })[];
  /** Samples of the last minute, the oldest first. */
  readonly recent: readonly SampleRecord[];
};

export type ProgressPlan = Pick<RunProgress, 'target' | 'name' | 'ratePerSecond'> & {
  /** To settle in this session. */
  readonly registrations: number;
  readonly before: SettledBefore;
  readonly allocation: AllocationExpectation | null;
  /** Limit of registrations in flight. */
  readonly concurrency: number;
  /** Scheduled time from a launch, numbered from 0, to the last launch; `null` in the closed model. */
  readonly scheduleLeftMs: (launch: number) => number | null;
  /** The whole run as estimated before it began; stands in until something can be measured. */
  readonly estimateMs: number;
};

/** Folds a run in progress, at low cost for each outcome and in constant memory. */
export class ProgressFold {
  readonly #plan: ProgressPlan;
  readonly #counts = new OutcomeCounts();
  readonly #hubs = new HubDistribution();
  readonly #expectation: HubExpectation;
  readonly #latency = new LatencyHistograms();
  /** Start to end of all ended registrations, pauses and holds included. */
  readonly #durations = new DurationHistogram();
  readonly #recent: SampleRecord[] = [];
  readonly #errorCounts: ReadonlyMap<string, number>[] = [];
  #throttles = 0;
  readonly #registers = { sent: 0, repeated: 0 };
  /** As of the last sample. */
  readonly #sampled = { ended: 0, lastLaunchAtMs: 0 };
  readonly #session = {
    stage: null as RunStage | null,
    endedBeforeStage: 0,
    outage: null as RunOutage | null,
    stopping: false,
  };

  constructor(plan: ProgressPlan) {
    this.#plan = plan;
    this.#expectation = new HubExpectation(plan.allocation);
  }

  add(outcome: RegistrationOutcome): void {
    const { registersSent, startedAtMs, finishedAtMs } = outcome;
    this.#counts.add(outcome);
    this.#hubs.add(outcome);
    this.#expectation.add(outcome);
    this.#latency.add(outcome);
    this.#registers.sent += registersSent;
    this.#registers.repeated += Math.max(0, registersSent - 1);
    if (startedAtMs !== null && finishedAtMs !== null) this.#durations.recordMs(finishedAtMs - startedAtMs);
  }

  addSample(sample: SampleRecord): void {
    this.#throttles += sample.throttles;
    if (sample.launched > 0) this.#sampled.lastLaunchAtMs = sample.atMs;
    this.#sampled.ended = this.#ended();
    keepLast(this.#recent, sample, RECENT_SAMPLES);
    const counts = new Map(this.#counts.errors().map(({ code, count }) => [code, count]));
    keepLast(this.#errorCounts, counts, GROWTH_SAMPLES);
  }

  enter(stage: RunStage): void {
    this.#session.stage = stage;
    this.#session.endedBeforeStage = this.#ended();
  }

  /** @param outage `null` = it is over */
  outage(outage: RunOutage | null): void {
    this.#session.outage = outage;
  }

  /** The run ends early: no more launches. */
  stop(): void {
    this.#session.stopping = true;
  }

  /** @param nowMs on the session's clock, which starts at 0 with the run */
  at(nowMs: number): RunProgress {
    const { target, name, before, registrations, ratePerSecond } = this.#plan;
    const lastSample = this.#recent.at(-1);
    return {
      target,
      name,
      phase: this.#phase(nowMs),
      total: before.settled + registrations,
      ratePerSecond,
      settled: before.settled + this.#ended(),
      settledBefore: before.settled,
      assigned: before.assigned + this.#counts.of('assigned'),
      failed: before.failed + this.#counts.of(...FAILED_RESULTS),
      elapsedMs: nowMs,
      // When an outage will end, nobody knows.
      etaMs: this.#session.outage === null ? this.#etaMs(nowMs) : null,
      inFlight: lastSample?.inFlight ?? 0,
      launched: lastSample === undefined ? 0 : perSecond(lastSample, 'launched'),
      settledLately: lastSample === undefined ? 0 : perSecond(lastSample, 'settled'),
      throttles: this.#throttles,
      repeatedRegisters: this.#registers.repeated,
      latency: this.#latencies(),
      hubs: withExpectedShares(this.#hubs.shares(), this.#expectation),
      errors: this.#growingErrors(),
      recent: [...this.#recent],
    };
  }

  #latencies(): RunProgress['latency'] {
    const summaries = WATCHED_METRICS.map((metric) => [metric, this.#latency.of(metric).summary()] as const);
    return Object.fromEntries(summaries) as RunProgress['latency'];
  }

  #ended(): number {
    return this.#counts.of(...ENDED_RESULTS);
  }

  #phase(nowMs: number): RunPhase {
    const { stage, endedBeforeStage, outage, stopping } = this.#session;
    const inFlight = this.#recent.at(-1)?.inFlight ?? 0;
    const left = this.#plan.registrations - this.#ended();
    if (stopping) return { kind: 'stopping' };
    if (left <= 0 || (stage?.kind === 'draining' && inFlight === 0)) return { kind: 'ended' };
    if (outage !== null) {
      return { kind: 'outage', lastedMs: Math.max(0, nowMs - outage.sinceMs), held: outage.held };
    }
    if (stage === null) return { kind: 'starting' };
    if (stage.kind === 'canary') return { ...stage, ended: this.#ended() - endedBeforeStage };
    // Compared as of one moment: what has ended since is still in the sample's number in flight.
    const allLaunched = inFlight > 0 && this.#plan.registrations - this.#sampled.ended <= inFlight;
    return { kind: stage.kind === 'draining' || allLaunched ? 'draining' : 'running' };
  }

  #growingErrors(): RunProgress['errors'] {
    const [before] = this.#errorCounts;
    return this.#counts
      .errors()
      .map((error) => ({ ...error, lately: before === undefined ? 0 : error.count - (before.get(error.code) ?? 0) }));
  }

  /** `null` once the run is stopping, or has outlasted its estimate. */
  #estimateLeftMs(nowMs: number): number | null {
    const { estimateMs } = this.#plan;
    return this.#session.stopping || nowMs >= estimateMs ? null : estimateMs - nowMs;
  }

  #etaMs(nowMs: number): number | null {
    const { registrations, concurrency, scheduleLeftMs } = this.#plan;
    const lastSample = this.#recent.at(-1);
    if (this.#durations.count === 0 || lastSample === undefined) return this.#estimateLeftMs(nowMs);
    const ended = this.#ended();
    const left = Math.max(0, registrations - ended);
    const toLaunch = this.#session.stopping ? 0 : Math.max(0, left - lastSample.inFlight);
    return etaMs({
      toLaunch,
      inFlight: this.#session.stopping ? lastSample.inFlight : left - toLaunch,
      slotsAreFull: lastSample.outstanding >= concurrency,
      scheduleLeftMs: scheduleLeftMs(registrations - toLaunch),
      startLagMs: lastSample.startLagMaxMs,
      endedPerSecond: meanPerSecond(this.#recent),
      allowedPerSecond: lastSample.rateAllowedPerSecond,
      registersPerDevice: Math.max(1, this.#registers.sent / Math.max(1, ended)),
      durations: this.#durations,
      sinceLastLaunchMs: nowMs - this.#sampled.lastLaunchAtMs,
    });
  }
}

/** The first and the last sample of a session cover less than a second. */
export function perSecond(sample: SampleRecord, metric: 'launched' | 'settled' | 'throttles'): number {
  return (sample[metric] * 1_000) / sample.overMs;
}

function meanPerSecond(samples: readonly SampleRecord[]): number {
  const [ended, overMs] = samples.reduce(([sum, ms], { settled, overMs: more }) => [sum + settled, ms + more], [0, 0]);
  return (ended * 1_000) / Math.max(1, overMs);
}

function keepLast<T>(list: T[], value: T, countMax: number): void {
  list.push(value);
  if (list.length > countMax) list.shift();
}
