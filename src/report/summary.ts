import type { AllocationCounts } from '../allocation/allocation-counts.ts';
import { type AllocationJudgement, judgeAllocation } from '../allocation/judge-allocation.ts';
import type { Movement, MovementCounts } from '../allocation/movement.ts';
import type { EndReason, EndRecord, SessionRecord } from '../journal/journal-record.ts';
import { type TargetName, targetLabel } from '../journal/target-name.ts';
import type { DurationSummary } from '../metrics/duration-histogram.ts';
import type { HubDistribution, HubShare } from '../metrics/hub-distribution.ts';
import type { HubMinutes, HubTimeline } from '../metrics/hub-timeline.ts';
import { LATENCY_METRICS, type LatencyHistograms, type LatencyMetric } from '../metrics/latency-histograms.ts';
import type { HealthSummary, LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { type ErrorGroup, FAILED_RESULTS, type OutcomeCounts } from '../metrics/outcome-counts.ts';
import type { RecoveryCurve } from '../metrics/recovery-curve.ts';
import type { RunTotals } from '../metrics/run-totals.ts';
import { judgeThreshold, type ThresholdResult } from '../metrics/threshold/judge-threshold.ts';
import { parseThreshold } from '../metrics/threshold/parse-threshold.ts';
import { REGISTRATION_RESULTS, type RegistrationResult } from '../registration/registration-outcome.ts';
import { remedyFor } from './remedies.ts';

/** Version of the shape below; raised when a member changes its meaning or goes. */
export const SUMMARY_SCHEMA_VERSION = 1;

export const RUN_VERDICTS = [
  'all-assigned', // all that was to be registered, which `--limit` may have bounded
  'some-failed',
  'stopped', // before all was registered, or with some of which nobody knows the end
  'unfinished', // the journal has no end: the run is going on, or was killed
] as const;

export type RunVerdict = (typeof RUN_VERDICTS)[number];

/** A run in figures: what `summary.json` holds. Absent is `null`, never 0. */
export type Summary = {
  readonly schemaVersion: typeof SUMMARY_SCHEMA_VERSION;
  readonly dpsloadVersion: string;
  readonly target: TargetName & {
    /** Names the target in one line; begins with EMULATOR where it is one. */
    readonly label: string;
  };
  readonly verdict: RunVerdict;
  readonly end: { readonly reason: EndReason; readonly message: string | null } | null;
  readonly name: string | null;
  /** Where the devices are, as the operator calls it; `null` = not told. */
  readonly region: string | null;
  /** Names of the folders of the runs that were merged, in the order in which they began; `null` = it is one run. */
  readonly mergedRuns: readonly string[] | null;
  readonly sessions: readonly SessionSummary[];
  readonly fleet: {
    readonly file: string;
    /** SHA-256, hexadecimal. */
    readonly digest: string;
    readonly rows: number;
    readonly rejectedRows: number;
    readonly rounds: number;
  };
  /** Every row of every round has one result; they add up to rows × rounds. */
  readonly results: Readonly<Record<RegistrationResult, number>>;
  /** What the run set out to do: all that it launched, where it came to its end; else every row of every round. */
  readonly plannedRegistrations: number;
  /** Registrations that the service may have seen more often than the run knows. */
  readonly possiblyTwice: number;
  /** `null` = nothing was measured. */
  readonly latency: Readonly<Record<LatencyMetric, DurationSummary | null>>;
  /** From the first start of the run until so many of its registrations were assigned; `null` = they never were. */
  readonly recovery: Recovery;
  readonly hubs: readonly HubShare[];
  /** Of the rows that name an expected hub; `null` when no row does. */
  readonly expectedHubs: { readonly asExpected: number; readonly elsewhere: number } | null;
  /** What the run says of the allocation policy; `null` = nothing is expected of it. */
  readonly allocation: AllocationJudgement | null;
  /** Of the devices that had a hub before, in an earlier round or before the run, as far as the service said; `null` = of none. */
  readonly movement: Movement | null;
  readonly hubMinutes: HubMinutes;
  readonly errors: readonly (ErrorGroup & { readonly remedy: string | null })[];
  readonly requests: {
    readonly connections: number;
    /** Billed by the service. */
    readonly registersSent: number;
    readonly polls: number;
    readonly throttles: number;
    readonly serverErrors: number;
    readonly staleAnswers: number;
    readonly retryAftersClamped: number;
  };
  readonly throughput: {
    /** First start to last end, summed over the sessions. */
    readonly activeMs: number;
    readonly ended: number;
    readonly endedPerSecond: number | null;
  };
  readonly loadGenerator: HealthSummary;
  /** In the order in which they were given. */
  readonly thresholds: readonly ThresholdResult[];
  /** SHA-256, hexadecimal, of the files beside this one but report.html, which is made of it; `null` = none are written. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[] | null;
  readonly warnings: readonly string[];
};

export type Recovery = {
  readonly to50PercentMs: number | null;
  readonly to95PercentMs: number | null;
  readonly to99PercentMs: number | null;
  readonly to100PercentMs: number | null;
};

export type SessionSummary = {
  readonly session: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly apiVersion: string;
  readonly attestation: string;
  readonly workers: number;
  readonly concurrency: number;
  /** `null` = a journal of a dpsload that did not tell. */
  readonly loadShape: SessionRecord['loadShape'];
  readonly ratePerSecond: number | null;
  readonly rowsMax: number | null;
};

/** A run, folded. */
export type RunFacts = {
  /** At least one. */
  readonly sessions: readonly SessionRecord[];
  /** Of the last session; `null` = it has none. */
  readonly end: EndRecord | null;
  readonly counts: OutcomeCounts;
  readonly possiblyTwice: number;
  readonly latency: LatencyHistograms;
  readonly recovery: RecoveryCurve;
  readonly hubs: HubDistribution;
  readonly allocationCounts: AllocationCounts;
  readonly movementCounts: MovementCounts;
  readonly hubTimeline: HubTimeline;
  readonly totals: RunTotals;
  readonly health: LoadGeneratorHealth;
  readonly files: Summary['files'];
  readonly mergedRuns: readonly string[] | null;
  readonly warnings: readonly string[];
};

export function summarize(facts: RunFacts): Summary {
  const { sessions, end, counts, latency, hubs } = facts;
  const last = sessions.at(-1);
  if (last === undefined) throw new Error('a run has at least one session');
  const health = facts.health.summary(isOpenModel(sessions) ? latency.of('startLag') : null);
  const plannedRegistrations = plannedRegistrationsOf(counts, end);
  const movement = facts.movementCounts.result();
  const allocation =
    last.allocation === null ? null : judgeAllocation(last.allocation, facts.allocationCounts.cohorts(), movement);
  return {
    schemaVersion: SUMMARY_SCHEMA_VERSION,
    dpsloadVersion: last.dpsloadVersion,
    target: { label: targetLabel(last.target), ...last.target },
    verdict: verdictOf(end, counts),
    end: end === null ? null : { reason: end.reason, message: end.message },
    name: last.name,
    region: last.region,
    mergedRuns: facts.mergedRuns,
    sessions: sessions.map(summarizeSession),
    fleet: {
      file: last.fleet.file,
      digest: last.fleet.digest,
      rows: last.fleet.rows,
      rejectedRows: last.fleet.rejectedRows,
      rounds: last.rounds,
    },
    results: counts.byResult(),
    plannedRegistrations,
    possiblyTwice: facts.possiblyTwice,
    latency: summarizeLatency(latency),
    recovery: summarizeRecovery(facts.recovery, plannedRegistrations),
    hubs: hubs.shares(),
    expectedHubs: hubs.expecting === 0 ? null : { asExpected: hubs.asExpected, elsewhere: hubs.elsewhere },
    allocation,
    movement,
    hubMinutes: facts.hubTimeline.result(),
    errors: counts.errors().map((group) => ({ ...group, remedy: remedyFor(group.code) })),
    ...summarizeTotals(facts.totals),
    loadGenerator: health,
    thresholds: last.thresholds.map((expression) =>
      judgeThreshold(
        parseThreshold(expression),
        { ...facts, plannedRegistrations, rejectedRows: last.fleet.rejectedRows, health, allocation, movement },
        last.allowLimited,
      ),
    ),
    files: facts.files,
    warnings: facts.warnings,
  };
}

/** What a run is judged by; exit codes follow it. */
function verdictOf(end: EndRecord | null, counts: OutcomeCounts): RunVerdict {
  if (end === null) return 'unfinished';
  if (!reachedPlannedEnd(end) || counts.of('cancelled', 'unknown') > 0) return 'stopped';
  return counts.of(...FAILED_RESULTS) > 0 ? 'some-failed' : 'all-assigned';
}

/** It did all that it was to do. */
export function reachedPlannedEnd(end: Summary['end']): boolean {
  return end?.reason === 'completed' || end?.reason === 'limit';
}

/** Registrations that are left to do: in a run that completed, what never started was not selected. */
export function leftOf({ results, end }: Pick<Summary, 'results' | 'end'>): number {
  const notStarted = end?.reason === 'completed' ? 0 : results['not-started'];
  return notStarted + results.cancelled + results.unknown;
}

/**
 * Launches have a schedule, to which they can be late; at once too, where fewer slots than devices mean that the storm that
 * was asked for was not made. In the closed model a registration is intended for the moment in which it starts.
 */
function isOpenModel(sessions: readonly SessionRecord[]): boolean {
  return sessions.some(({ loadShape, ratePerSecond }) =>
    loadShape === null ? ratePerSecond !== null : loadShape !== 'closed',
  );
}

/** A limit or a selection may have left rows out: those that it was to settle are known when it has settled them. */
function plannedRegistrationsOf(counts: OutcomeCounts, end: EndRecord | null): number {
  const launched = counts.of(...REGISTRATION_RESULTS.filter((result) => result !== 'not-started'));
  return reachedPlannedEnd(end) ? launched : counts.of(...REGISTRATION_RESULTS);
}

function summarizeRecovery(recovery: RecoveryCurve, plannedRegistrations: number): Recovery {
  const timeToMs = (share: number): number | null => recovery.timeToMs(share, plannedRegistrations);
  return {
    to50PercentMs: timeToMs(0.5),
    to95PercentMs: timeToMs(0.95),
    to99PercentMs: timeToMs(0.99),
    to100PercentMs: timeToMs(1),
  };
}

function summarizeSession(session: SessionRecord): SessionSummary {
  return {
    session: session.session,
    startedAt: new Date(session.startedAtEpochMs).toISOString(),
    apiVersion: session.apiVersion,
    attestation: session.attestation,
    workers: session.workers,
    concurrency: session.concurrency,
    loadShape: session.loadShape,
    ratePerSecond: session.ratePerSecond,
    rowsMax: session.rowsMax,
  };
}

function summarizeLatency(latency: LatencyHistograms): Summary['latency'] {
  const summaries = LATENCY_METRICS.map((metric) => [metric, latency.of(metric).summary()]);
  return Object.fromEntries(summaries) as Summary['latency'];
}

function summarizeTotals(totals: RunTotals): Pick<Summary, 'requests' | 'throughput'> {
  const { activeMs, ended, endedPerSecond, ...requests } = totals.values();
  return { requests, throughput: { activeMs, ended, endedPerSecond } };
}

/** The text of `summary.json`. */
export function summaryJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
