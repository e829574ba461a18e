import { AllocationCounts } from '../../src/allocation/allocation-counts.ts';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import { judgeAllocation } from '../../src/allocation/judge-allocation.ts';
import { DeviceHistory, MovementCounts } from '../../src/allocation/movement.ts';
import type { EndReason, OutcomeRecord, SampleRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { AgentResults } from '../../src/metrics/agent-results.ts';
import { AgentsFold } from '../../src/metrics/agents-fold.ts';
import { AccountFold, type FleetAccount } from '../../src/metrics/fleet-account.ts';
import { FleetBreakdown } from '../../src/metrics/fleet-breakdown.ts';
import { HubDistribution } from '../../src/metrics/hub-distribution.ts';
import { HubTimeline } from '../../src/metrics/hub-timeline.ts';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { type HealthBasis, LoadGeneratorHealth } from '../../src/metrics/load-generator-health.ts';
import { OutcomeCounts } from '../../src/metrics/outcome-counts.ts';
import { withoutStalls } from '../../src/metrics/outcome-times.ts';
import { RecoveryCurve } from '../../src/metrics/recovery-curve.ts';
import { RunTotals } from '../../src/metrics/run-totals.ts';
import type { RunMeasures } from '../../src/metrics/threshold/threshold-metrics.ts';
import { type RunFacts, type Summary, summarize } from '../../src/report/summary.ts';
import { HUBS, sampleRecord, sessionOf, sessionRecord } from './sample-journal.ts';

/** What the sample outcomes fit. */
export const EVEN_THIRDS: AllocationExpectation = {
  policy: 'even',
  by: 'fleet',
  cohorts: [{ name: '', hubs: HUBS.map((hub) => ({ hub, weight: 1 })) }],
  asRun: null,
  tolerance: 0.02,
  confidence: 0.95,
  reprovision: null,
  moved: null,
};

/** What a summary is made of beside what thresholds are judged by. */
type MoreFolds = Pick<RunFacts, 'allocationCounts' | 'movementCounts' | 'hubTimeline'>;

function allocationFolds(outcomes: readonly OutcomeRecord[], region: string | null = null): MoreFolds {
  const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
  const allocationCounts = new AllocationCounts('fleet');
  const movementCounts = new MovementCounts();
  const hubTimeline = new HubTimeline();
  for (const outcome of outcomes) {
    const step = history.step(outcome);
    allocationCounts.add(step, region);
    movementCounts.add(step);
    hubTimeline.add(outcome, 0);
  }
  return { allocationCounts, movementCounts, hubTimeline };
}

/** The account of these outcomes, of which no selection is recorded. */
function accountOf(outcomes: readonly OutcomeRecord[], end: EndReason | null, leftOut = 0): FleetAccount {
  const isDone = end === 'completed' || end === 'limit';
  const fold = new AccountFold({ wasSelected: () => null, isDone, rounds: 1, leftOut });
  for (const outcome of outcomes) fold.add(outcome);
  return fold.result();
}

/** Of assigned and failed devices. */
function breakdownOf(outcomes: readonly OutcomeRecord[]): FleetBreakdown {
  const breakdown = new FleetBreakdown(sessionRecord().fleet.otherColumns);
  for (const { group, otherValues, result, errorCode } of outcomes) {
    const isAssigned = result === 'assigned';
    breakdown.add({
      group,
      otherValues,
      state: isAssigned ? 'assigned' : 'failed',
      code: isAssigned ? null : (errorCode ?? result),
    });
  }
  return breakdown;
}

/** Whose only sample is this. */
export function healthOf(
  sample: Partial<SampleRecord> = {},
  outcomes: readonly OutcomeRecord[] = [],
): LoadGeneratorHealth {
  const health = new LoadGeneratorHealth();
  for (const outcome of outcomes) health.addOutcome(outcome, 0);
  health.add(sampleRecord(1000, sample), 0);
  return health;
}

/** The folds of a run with these outcomes. */
export function runMeasures(
  outcomes: readonly OutcomeRecord[],
): RunMeasures &
  MoreFolds &
  Pick<RunFacts, 'totals' | 'recovery' | 'registersOfLast' | 'breakdown' | 'columns' | 'withoutStalls'> {
  const folds = allocationFolds(outcomes);
  const movement = folds.movementCounts.result();
  const [counts, hubs, measured, best] = [new OutcomeCounts(), new HubDistribution(), timesOf(), timesOf()];
  for (const outcome of outcomes) {
    for (const fold of [counts, hubs, measured.latency, measured.totals]) fold.add(outcome);
    measured.recovery.add(outcome, 0);
    for (const fold of [best.latency, best.totals]) fold.add(withoutStalls(outcome));
    best.recovery.add(withoutStalls(outcome), 0);
  }
  return {
    plannedRegistrations: outcomes.length,
    rejectedRows: 0,
    registersUncounted: 0,
    registersOfLast: measured.totals.values().registersSent,
    possiblyTwice: outcomes.filter(({ possiblyTwice }) => possiblyTwice).length,
    health: healthOf().summary(CLOSED_MODEL),
    counts,
    hubs,
    ...measured,
    withoutStalls: best,
    ...folds,
    breakdown: breakdownOf(outcomes),
    columns: [],
    movement,
    allocation: judgeAllocation(EVEN_THIRDS, folds.allocationCounts.cohorts(), movement),
  };
}

function timesOf() {
  return { latency: new LatencyHistograms(), recovery: new RecoveryCurve(), totals: new RunTotals() };
}

/** A load without a schedule, of which nothing was measured. */
export const CLOSED_MODEL: HealthBasis = {
  latency: new LatencyHistograms(),
  withoutStalls: new LatencyHistograms(),
  measuresStalls: true,
  isOpenModel: false,
  isPaced: false,
  ratePerSecond: null,
};

/** The summary of one session with these outcomes that completed, unless `facts` say otherwise. */
export function summaryFrom(
  outcomes: readonly OutcomeRecord[],
  session: Partial<SessionRecord> = {},
  facts: Partial<RunFacts> = {},
): Summary {
  const only = sessionOf(outcomes.length, session);
  const { end = { kind: 'end', atMs: 5000, reason: 'completed', message: null } } = facts;
  return summarize({
    ...runMeasures(outcomes),
    account: accountOf(outcomes, end?.reason ?? null, only.fleet.rejectedRows),
    sessions: [only],
    health: healthOf({}, outcomes),
    agents: new AgentsFold(),
    agentResults: new AgentResults([]),
    mergedRuns: null,
    audit: null,
    wrongHubs: null,
    files: null,
    journalDigests: null,
    warnings: [],
    ...facts,
    end,
  });
}
