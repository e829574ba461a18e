import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { AllocationCounts } from '../allocation/allocation-counts.ts';
import { judgeAllocation } from '../allocation/judge-allocation.ts';
import type { MovementCounts } from '../allocation/movement.ts';
import { checksumsText } from '../files/checksum-list.ts';
import type { EndRecord, SessionRecord } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-name.ts';
import type { AgentResults } from '../metrics/agent-results.ts';
import type { AgentsFold } from '../metrics/agents-fold.ts';
import type { ColumnBreakdown } from '../metrics/column-breakdown.ts';
import type { FleetAccount } from '../metrics/fleet-account.ts';
import type { FleetBreakdown } from '../metrics/fleet-breakdown.ts';
import type { HubTimeline } from '../metrics/hub-timeline.ts';
import type { LatencyHistograms } from '../metrics/latency-histograms.ts';
import { LATENCY_METRICS } from '../metrics/latency-metric.ts';
import type { HealthSummary, LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { FAILED_RESULTS, LAUNCHED_RESULTS, type OutcomeCounts } from '../metrics/outcome-counts.ts';
import type { RecoveryCurve } from '../metrics/recovery-curve.ts';
import type { RunTotals } from '../metrics/run-totals.ts';
import { judgeThreshold } from '../metrics/threshold/judge-threshold.ts';
import { parseThreshold } from '../metrics/threshold/parse-threshold.ts';
import { LEFT_OUT_WORD, type RunMeasures } from '../metrics/threshold/threshold-metrics.ts';
import { REGISTRATION_RESULTS } from '../registration/registration-outcome.ts';
import type { AuditSummary } from './audit-schema.ts';
import { remedyFor } from './remedies.ts';
import type { SUMMARY_SHAPE } from './summary-schema.ts';

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** A run in figures: what `summary.json` holds, as its schema describes it. */
export type Summary = DeepReadonly<z.infer<typeof SUMMARY_SHAPE>>;

export type SessionSummary = Summary['sessions'][number];

export const SUMMARY_SCHEMA_VERSION: Summary['schemaVersion'] = 2;

/** The folds of a run. */
export type RunFacts = Pick<RunMeasures, 'counts' | 'possiblyTwice' | 'registersUncounted' | 'latency' | 'hubs'> & {
  readonly totals: RunTotals;
  /** Without the delays that the load generator may have caused. */
  readonly withoutStalls: {
    readonly latency: LatencyHistograms;
    readonly recovery: RecoveryCurve;
    readonly totals: RunTotals;
  };
  /** Register requests of the outcomes that count. */
  readonly registersOfLast: number;
  /** At least one. */
  readonly sessions: readonly SessionRecord[];
  /** End of the last session; `null` = it has not ended. */
  readonly end: EndRecord | null;
  readonly account: FleetAccount;
  readonly breakdown: FleetBreakdown;
  /** Of the columns that --by names. */
  readonly columns: readonly ColumnBreakdown[];
  readonly recovery: RecoveryCurve;
  readonly allocationCounts: AllocationCounts;
  readonly movementCounts: MovementCounts;
  readonly hubTimeline: HubTimeline;
  readonly health: LoadGeneratorHealth;
  readonly agents: AgentsFold;
  readonly agentResults: AgentResults;
  readonly wrongHubs: Summary['wrongHubs'];
  /** `null` = none was made. */
  readonly audit: AuditSummary | null;
  readonly journalDigests: Summary['journals'];
  readonly files: Summary['files'];
  readonly mergedRuns: readonly string[] | null;
  readonly warnings: readonly string[];
};

export function summarize(facts: RunFacts): Summary {
  const { sessions, end, counts, latency, hubs } = facts;
  const last = sessions.at(-1);
  if (last === undefined) throw new Error('a run has at least one session');
  const { file, digest, rows, rejectedRows } = last.fleet;
  const health = healthOf(facts, last);
  const plannedRegistrations = plannedRegistrationsOf(counts, end);
  const movement = facts.movementCounts.result();
  const allocation =
    last.allocation === null ? null : judgeAllocation(last.allocation, facts.allocationCounts.cohorts(), movement);
  return {
    schemaVersion: SUMMARY_SCHEMA_VERSION,
    dpsloadVersion: last.dpsloadVersion,
    target: { label: targetLabel(last.target), ...last.target },
    account: facts.account,
    verdict: verdictOf(end, counts, facts.account),
    end: end === null ? null : { reason: end.reason, message: end.message },
    name: last.name,
    notes: Object.assign({}, ...sessions.map(({ notes }) => notes)),
    region: last.region,
    mergedRuns: facts.mergedRuns,
    sessions: sessions.map(summarizeSession),
    fleet: { file, digest, rows, rejectedRows, rounds: last.rounds },
    results: counts.byResult(),
    plannedRegistrations,
    possiblyTwice: facts.possiblyTwice,
    latency: summarizeLatency(latency),
    recovery: summarizeRecovery(facts.recovery, plannedRegistrations),
    hubs: hubs.shares(),
    expectedHubs: hubs.expecting === 0 ? null : { asExpected: hubs.asExpected, elsewhere: hubs.elsewhere },
    wrongHubs: facts.wrongHubs,
    allocation,
    movement,
    hubMinutes: facts.hubTimeline.result(),
    ...summarizeColumns(facts),
    errors: counts.errors().map((group) => ({ ...group, remedy: remedyFor(group.code) })),
    ...summarizeTotals(facts),
    ...summarizeGenerators(facts, health),
    thresholds: last.thresholds.map((expression) =>
      judgeThreshold(
        parseThreshold(expression),
        { ...measuresOf(facts), plannedRegistrations, rejectedRows, health, allocation, movement },
        last.allowLimited,
      ),
    ),
    ...summarizeFolder(facts),
    warnings: facts.warnings,
  };
}

/** What else is in the folder. */
function summarizeFolder({
  audit,
  journalDigests: journals,
  files,
}: Pick<RunFacts, 'audit' | 'journalDigests' | 'files'>): Pick<Summary, 'audit' | 'journals' | 'files'> {
  return { ...(audit === null ? {} : { audit }), journals, files };
}

/** No agents where the workers were threads. */
function summarizeGenerators(
  { agents, agentResults }: Pick<RunFacts, 'agents' | 'agentResults'>,
  health: HealthSummary,
): Pick<Summary, 'loadGenerator' | 'agents'> {
  const measured = agents.result(health);
  if (measured.length === 0) return { loadGenerator: health };
  const uncertainties = measured.flatMap(({ offsetUncertaintyMs }) => offsetUncertaintyMs ?? []);
  return {
    loadGenerator: health,
    agents: {
      clockUncertaintyMs: uncertainties.length === 0 ? null : Math.max(...uncertainties),
      agents: measured.map((agent) => ({ ...agent, ...agentResults.countsOf(agent.name) })),
      byLabel: agentResults.byLabel(),
    },
  };
}

function healthOf({ sessions, latency, withoutStalls, health }: RunFacts, last: SessionRecord): HealthSummary {
  return health.summary({
    latency,
    withoutStalls: withoutStalls.latency,
    measuresStalls: sessions.every(({ measuresStalls }) => measuresStalls),
    isOpenModel: isOpenModel({ sessions }),
    isPaced: sessions.some(({ loadShape }) => loadShape !== null && PACED_SHAPES.includes(loadShape)),
    ratePerSecond: last.ratePerSecond,
  });
}

/** A suspension of the process delayed all that followed, though each registration then started when it was due. */
function measuresOf(
  facts: RunFacts,
): Omit<RunMeasures, 'plannedRegistrations' | 'rejectedRows' | 'health' | 'allocation' | 'movement'> {
  const { withoutStalls, health } = facts;
  const { suspendedMs } = health;
  const timeToMs: RecoveryCurve['timeToMs'] = (share, registrations) => {
    const atMs = withoutStalls.recovery.timeToMs(share, registrations);
    return atMs === null ? null : Math.max(0, atMs - suspendedMs);
  };
  const totals = { values: () => withoutStalls.totals.values(suspendedMs) };
  return { ...facts, withoutStalls: { latency: withoutStalls.latency, recovery: { timeToMs }, totals } };
}

function verdictOf(end: EndRecord | null, counts: OutcomeCounts, account: FleetAccount): Summary['verdict'] {
  if (end === null) return 'unfinished';
  if (!reachedPlannedEnd(end) || counts.of('cancelled', 'unknown') > 0) return 'stopped';
  if (counts.of(...FAILED_RESULTS) > 0) return 'some-failed';
  return account.assigned === account.fileRows ? 'all-assigned' : 'part-assigned';
}

/** Returns whether the run reached its planned end. */
export function reachedPlannedEnd(end: Summary['end']): boolean {
  return end?.reason === 'completed' || end?.reason === 'limit';
}

/** Registrations that ended with a fault. */
export function failedOf({ results }: Pick<Summary, 'results'>): number {
  return FAILED_RESULTS.reduce((sum, result) => sum + results[result], 0);
}

/** Returns whether rows were left out and no threshold says how many may be. */
export function leavesRowsOutUnjudged({ account, thresholds }: Pick<Summary, 'account' | 'thresholds'>): boolean {
  const isJudged = thresholds
    .map(({ expression }) => parseThreshold(expression))
    .some(({ metric, argument }) => metric === 'rejected_rows' || (metric === 'count' && argument === LEFT_OUT_WORD));
  return account.leftOut > 0 && !isJudged;
}

/** Thresholds that speak of the verdict on the allocation policy. Where there is one, they decide what the verdict means. */
export function allocationThresholds({ thresholds }: Pick<Summary, 'thresholds'>): Summary['thresholds'] {
  return thresholds.filter(({ expression }) => parseThreshold(expression).metric === 'allocation');
}

/** Returns whether the allocation policy fails the run: an inconclusive verdict refutes nothing, so it does only by a threshold. */
export function failsByAllocation(summary: Pick<Summary, 'allocation' | 'thresholds'>): boolean {
  const deciding = allocationThresholds(summary);
  if (deciding.length > 0) return deciding.some(({ passed }) => !passed);
  return summary.allocation?.verdict === 'fail';
}

/** Registrations that the run was to do and did not, by result. A row that was not selected has never started in any round. */
export function leftByResult({
  results,
  account,
  fleet,
}: LeftBasis): Readonly<Record<'not-started' | 'cancelled' | 'unknown', number>> {
  const { cancelled, unknown } = results;
  return { 'not-started': results['not-started'] - account.notSelected * fleet.rounds, cancelled, unknown };
}

export function leftOf(summary: LeftBasis): number {
  return Object.values(leftByResult(summary)).reduce((sum, count) => sum + count, 0);
}

type LeftBasis = Pick<Summary, 'results' | 'account'> & { readonly fleet: Pick<Summary['fleet'], 'rounds'> };

/** Shapes of a load that have a rate of their own, at which launches can fall behind. */
const PACED_SHAPES: readonly LoadShapeName[] = ['rate', 'stages', 'batches'];

type LoadShapeName = NonNullable<SessionRecord['loadShape']>;

/**
 * Returns whether launches have a schedule for which they can be late. `at-once` has one too: with fewer slots than devices,
 * the requested storm did not happen. In the closed model, the intended start is the actual start.
 */
export function isOpenModel({
  sessions,
}: {
  readonly sessions: readonly Pick<SessionRecord, 'loadShape' | 'ratePerSecond'>[];
}): boolean {
  return sessions.some(({ loadShape, ratePerSecond }) =>
    loadShape === null ? ratePerSecond !== null : loadShape !== 'closed',
  );
}

/** A limit or a selection may leave rows out, so the planned number is known only at the planned end. */
function plannedRegistrationsOf(counts: OutcomeCounts, end: EndRecord | null): number {
  return counts.of(...(reachedPlannedEnd(end) ? LAUNCHED_RESULTS : REGISTRATION_RESULTS));
}

function summarizeRecovery(recovery: RecoveryCurve, plannedRegistrations: number): Summary['recovery'] {
  const timeToMs = (share: number): number | null => recovery.timeToMs(share, plannedRegistrations);
  return {
    to50PercentMs: timeToMs(0.5),
    to95PercentMs: timeToMs(0.95),
    to99PercentMs: timeToMs(0.99),
    to100PercentMs: timeToMs(1),
  };
}

function summarizeSession(record: SessionRecord): SessionSummary {
  const { session, apiVersion, attestation, workers, concurrency, loadShape, ratePerSecond, rowsMax, notes, setup } =
    record;
  const { agents } = record;
  const startedAt = new Date(record.startedAtEpochMs).toISOString();
  return {
    session,
    startedAt,
    apiVersion,
    attestation,
    workers,
    concurrency,
    loadShape,
    ratePerSecond,
    rowsMax,
    notes,
    setup,
    ...(agents.length === 0 ? {} : { agents }),
  };
}

function summarizeLatency(latency: LatencyHistograms): Summary['latency'] {
  const summaries = LATENCY_METRICS.map((metric) => [metric, latency.of(metric).summary()]);
  return Object.fromEntries(summaries) as Summary['latency'];
}

function summarizeColumns({
  breakdown,
  columns,
}: Pick<RunFacts, 'breakdown' | 'columns'>): Pick<Summary, 'groups' | 'breakdowns' | 'sharedValues'> {
  return {
    groups: breakdown.groups(),
    breakdowns: columns.map((column) => column.result()),
    sharedValues: breakdown.sharedValues(),
  };
}

function summarizeTotals({
  totals,
  registersUncounted,
  registersOfLast,
}: Pick<RunFacts, 'totals' | 'registersUncounted' | 'registersOfLast'>): Pick<Summary, 'requests' | 'throughput'> {
  const { activeMs, ended, endedPerSecond, connections, registersSent, ...others } = totals.values();
  const registersReplaced = registersSent - registersOfLast;
  return {
    requests: { connections, registersSent, registersUncounted, registersReplaced, ...others },
    throughput: { activeMs, ended, endedPerSecond, ...totals.rates() },
  };
}

/**
 * SHA-256 of the lines that SHA256SUMS has for the journal and the data files: all that the figures were made from or that was made
 * with them, but not summary.json and report.html, which show it. `null` = no files were made.
 */
export function dataSha256({ journals, files }: Pick<Summary, 'journals' | 'files'>): string | null {
  if (journals === null || files === null) return null;
  return createHash('sha256')
    .update(checksumsText([...journals, ...files]))
    .digest('hex');
}

/** The text of `summary.json`. */
export function summaryJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
