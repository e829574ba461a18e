import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { HubExpectation } from '../allocation/hub-expectation.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { DurationSummary } from './duration-histogram.ts';
import type { Eta } from './eta.ts';
import { EtaFold, type EtaPlan } from './eta-fold.ts';
import { type ExpectedHubShare, HubDistribution, missingHubs, withExpectedShares } from './hub-distribution.ts';
import { LatencyHistograms } from './latency-histograms.ts';
import type { LatencyMetric } from './latency-metric.ts';
import { type ErrorGroup, FAILED_RESULTS, OutcomeCounts } from './outcome-counts.ts';

/** Samples, one per second, that are shown. */
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

/** Agents without which a run can launch nothing. */
export type AgentsAwaited = {
  /** `region=america` */
  readonly labels: readonly string[];
  /** When the run gives up, on the session's clock. */
  readonly giveUpAtMs: number;
};

/** What a run is doing. */
export type RunPhase =
  /** The first connection is being made. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'canary'; readonly ended: number; readonly devices: number }
  | { readonly kind: 'running' }
  | { readonly kind: 'outage'; readonly lastedMs: number; readonly held: RunOutage['held'] }
  /** Only rows are left for which there is no agent. */
  | { readonly kind: 'waiting'; readonly labels: AgentsAwaited['labels']; readonly leftMs: number }
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
  readonly eta: Eta | null;
  readonly inFlight: number;
  /** A second, as of the last sample. */
  readonly launched: number;
  readonly settledLately: number;
  /** Intended launches per second; `null` in the closed model. */
  readonly ratePerSecond: number | null;
  readonly throttles: number;
  /** Register requests beyond the first of each registration, also of those in progress. */
  readonly repeatedRegisters: number;
  /** Assigned registrations only; `null` while there are none. */
  readonly latency: Readonly<Record<WatchedMetric, DurationSummary | null>>;
  readonly hubs: readonly ExpectedHubShare[];
  /** `lately`: errors of the last ten seconds. */
  readonly errors: readonly (ErrorGroup & { readonly lately: number })[];
  /** Samples of the last minute, the oldest first. */
  readonly recent: readonly SampleRecord[];
};

type ProgressPlan = EtaPlan &
  Pick<RunProgress, 'target' | 'name' | 'ratePerSecond'> & {
    readonly before: SettledBefore;
    readonly allocation: AllocationExpectation | null;
  };

/** Folds a run in progress, at low cost for each outcome and in constant memory. */
export class ProgressFold {
  readonly #plan: ProgressPlan;
  readonly #counts = new OutcomeCounts();
  readonly #hubs = new HubDistribution();
  readonly #expectation: HubExpectation;
  readonly #latency = new LatencyHistograms();
  readonly #eta: EtaFold;
  readonly #recent: SampleRecord[] = [];
  readonly #errorCounts: ReadonlyMap<string, number>[] = [];
  #throttles = 0;
  #repeatedRegisters = 0;
  #endedAtSample = 0;
  readonly #session = {
    stage: null as RunStage | null,
    endedBeforeStage: 0,
    outage: null as RunOutage | null,
    awaited: null as AgentsAwaited | null,
    stopping: false,
  };

  constructor(plan: ProgressPlan) {
    this.#plan = plan;
    this.#expectation = new HubExpectation(plan.allocation);
    this.#eta = new EtaFold(plan);
  }

  add(outcome: RegistrationOutcome): void {
    this.#counts.add(outcome);
    this.#hubs.add(outcome);
    this.#expectation.add(outcome);
    this.#latency.add(outcome);
    this.#eta.add(outcome);
  }

  /** What registrations did since the last call. */
  count({ registersRepeated }: EventCounts): void {
    this.#repeatedRegisters += registersRepeated;
  }

  addSample(sample: SampleRecord): void {
    this.#throttles += sample.throttles;
    this.#endedAtSample = this.#ended();
    this.#eta.addSample(sample);
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

  /** @param agents `null` = the run goes on */
  awaiting(agents: AgentsAwaited | null): void {
    this.#session.awaited = agents;
  }

  /** The run ends early: no more launches. */
  stop(): void {
    this.#session.stopping = true;
  }

  /** @param nowMs on the session's clock, which starts at 0 with the run */
  at(nowMs: number): RunProgress {
    const { target, name, before, registrations, ratePerSecond } = this.#plan;
    const { awaited, outage, stopping } = this.#session;
    const isHeldUp = outage !== null || (awaited !== null && !stopping);
    const left = Math.max(0, registrations - this.#ended());
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
      // When an outage will end, or an agent join, nobody knows.
      eta: isHeldUp ? null : this.#eta.at(nowMs, left, stopping),
      inFlight: lastSample?.inFlight ?? 0,
      launched: lastSample === undefined ? 0 : perSecond(lastSample, 'launched'),
      settledLately: lastSample === undefined ? 0 : perSecond(lastSample, 'settled'),
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

  /** Once a device has a hub, also those that were expected and have none. */
  #hubShares(): RunProgress['hubs'] {
    const seen = this.#hubs.shares();
    const missing = seen.length === 0 ? [] : missingHubs(seen, this.#expectation);
    return [...withExpectedShares(seen, this.#expectation), ...missing];
  }

  #ended(): number {
    return this.#counts.of(...ENDED_RESULTS);
  }

  #phase(nowMs: number): RunPhase {
    const { stage, endedBeforeStage, outage, awaited, stopping } = this.#session;
    const inFlight = this.#recent.at(-1)?.inFlight ?? 0;
    const left = this.#plan.registrations - this.#ended();
    if (stopping) return { kind: 'stopping' };
    if (left <= 0 || (stage?.kind === 'draining' && inFlight === 0)) return { kind: 'ended' };
    if (outage !== null) {
      return { kind: 'outage', lastedMs: Math.max(0, nowMs - outage.sinceMs), held: outage.held };
    }
    if (awaited !== null) {
      return { kind: 'waiting', labels: awaited.labels, leftMs: Math.max(0, awaited.giveUpAtMs - nowMs) };
    }
    if (stage === null) return { kind: 'starting' };
    if (stage.kind === 'canary') return { ...stage, ended: this.#ended() - endedBeforeStage };
    // Compared as of one moment: what has ended since is still in the sample's number in flight.
    const allLaunched = inFlight > 0 && this.#plan.registrations - this.#endedAtSample <= inFlight;
    return { kind: stage.kind === 'draining' || allLaunched ? 'draining' : 'running' };
  }

  #growingErrors(): RunProgress['errors'] {
    const [before] = this.#errorCounts;
    return this.#counts
      .errors()
      .map((error) => ({ ...error, lately: before === undefined ? 0 : error.count - (before.get(error.code) ?? 0) }));
  }
}

/** The first and the last sample of a session cover less than a second. */
export function perSecond(sample: SampleRecord, metric: 'launched' | 'settled' | 'throttles'): number {
  return (sample[metric] * 1_000) / sample.overMs;
}

function keepLast<T>(list: T[], value: T, countMax: number): void {
  list.push(value);
  if (list.length > countMax) list.shift();
}
