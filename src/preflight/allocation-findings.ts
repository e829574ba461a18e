import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { devicesNeeded, toleranceReached, type VerdictAim } from '../allocation/fleet-size.ts';
import { simultaneousWidth } from '../allocation/share-interval.ts';
import { formatCount, formatNoun, formatPercent, formatPoints } from '../report/format.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type Finding, finding, ok, warning } from './finding.ts';

const SUBJECT = 'allocation';

/** What is judged: the first hubs of new devices, and where devices that had a hub end up. */
export type JudgedDevices = {
  /** Of the whole run. */
  readonly devices: number;
  readonly rounds: number;
  /** What the service knows of them. */
  readonly expected: Scenario['expectation']['devices'];
};

/** Compares the devices that the verdict needs with those that the run has. */
export function allocationFindings(
  expectation: AllocationExpectation | null,
  judged: JudgedDevices,
): readonly Finding[] {
  if (expectation === null) return [];
  return [...shareFindings(expectation, judged.devices), ...movementFindings(expectation, judged)];
}

function shareFindings(expectation: AllocationExpectation, devices: number): readonly Finding[] {
  if (expectation.by === 'row') {
    const needed = devicesNeeded(aimOf(expectation, [1], 1)) ?? 0;
    return [
      ok(SUBJECT, `each hub named in a row needs at least ${formatNoun(needed, 'device')}: ${strength(expectation)}`),
    ];
  }
  if (expectation.cohorts.length === 0) return [];
  const { asRun } = expectation;
  const cohorts = cohortAims(expectation);
  // Groups often have the same shares.
  const aims = new Map(cohorts.map(({ aim }) => [aim.shares.join(), aim]));
  const sizes = new Map([...aims].map(([shares, aim]) => [shares, devicesNeeded(aim)]));
  const needs = cohorts.map(({ name, aim }) => ({ name, devices: sizes.get(aim.shares.join()) ?? null }));
  if (needs.some((need) => need.devices === null)) {
    const larger = asRun === null ? '' : `, or compare with a run that has more initial assignments than ${asRun}`;
    return [neverEnough(expectation, larger)];
  }
  const needed = needs.reduce((sum, need) => sum + (need.devices ?? 0), 0);
  const each =
    needs.length < 2 ? '' : ` (${needs.map((need) => `${need.name} ${formatCount(need.devices ?? 0)}`).join(', ')})`;
  const evidence = `needs ${formatNoun(needed, 'device')}${each}, has ${formatCount(devices)}: ${strength(expectation)}`;
  if (needed <= devices) return [ok(SUBJECT, evidence)];
  const ofCohort = Math.max(1, Math.floor(devices / needs.length));
  return [tooFew(evidence, ofCohort, [...aims.values()])];
}

/** Devices that the service does not know, and that register once, cannot move. */
function movementFindings(
  expectation: AllocationExpectation,
  { devices, rounds, expected }: JudgedDevices,
): readonly Finding[] {
  if (!judgesMovement(expectation)) return [];
  if (rounds === 1 && expected === 'new') {
    const evidence = 'no device can show whether it moves: all are expected to be new, and register once';
    return [warning(SUBJECT, evidence, 'Register them in rounds, or leave out --expect new')];
  }
  const share = expectation.moved ?? 0;
  const stated = { shares: [share], strangersFail: false, reference: null };
  const aim = { ...aimOf(expectation, [1], judgedShares(expectation)), ...stated };
  const needed = devicesNeeded(aim);
  if (needed === null) return [neverEnough(expectation)];
  const has = rounds === 1 && expected === 'any' ? `at most ${formatCount(devices)}` : formatCount(devices);
  const evidence = `movement needs ${formatNoun(needed, 'device')} that had a hub before, has ${has}: ${strength(expectation, `moves ${formatPercent(share)} of them`)}`;
  return [needed <= devices ? ok(SUBJECT, evidence) : tooFew(evidence, Math.max(1, devices), [aim])];
}

function neverEnough(expectation: AllocationExpectation, orElse = ''): Finding {
  const evidence = `no fleet is large enough to show that ${strength(expectation)}`;
  return finding('problem', SUBJECT, evidence, `Widen allocation.tolerance${orElse}`);
}

function tooFew(evidence: string, devices: number, aims: readonly VerdictAim[]): Finding {
  const reached = Math.max(...aims.map((aim) => toleranceReached(devices, aim)));
  return warning(
    SUBJECT,
    evidence,
    `Register more devices, or widen allocation.tolerance to ${formatPercent(reached)}`,
  );
}

type CohortAim = { readonly name: string; readonly aim: VerdictAim };

function cohortAims(expectation: AllocationExpectation): readonly CohortAim[] {
  const shares = judgedShares(expectation);
  return expectation.cohorts.map(({ name, hubs }) => ({
    name,
    aim: aimOf(
      expectation,
      hubs.map(({ weight }) => weight),
      shares,
    ),
  }));
}

function judgesMovement({ reprovision, moved }: AllocationExpectation): boolean {
  return reprovision !== null || moved !== null;
}

/** At once, in all cohorts. */
function judgedShares(expectation: AllocationExpectation): number {
  return expectation.cohorts.reduce((sum, { hubs }) => sum + hubs.length, judgesMovement(expectation) ? 1 : 0);
}

/** @param shares judged at once, in all cohorts */
function aimOf(expectation: AllocationExpectation, weights: readonly number[], shares: number): VerdictAim {
  const { cohorts, tolerance, confidence, asRun } = expectation;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const verdicts = cohorts.length + (judgesMovement(expectation) ? 1 : 0);
  return {
    shares: weights.map((weight) => weight / sum),
    strangersFail: true,
    tolerance,
    width: simultaneousWidth(confidence, shares),
    // All verdicts have to pass, independently of each other.
    passes: confidence ** (1 / Math.max(1, verdicts)),
    fails: confidence,
    reference: asRun === null ? null : sum,
  };
}

/** `a policy that keeps its shares passes at ±2 percentage points and one that is 4 percentage points off fails, each with 95% confidence` */
function strength({ tolerance, confidence }: AllocationExpectation, does = 'keeps its shares'): string {
  const passes = `a policy that ${does} passes at ±${formatPoints(tolerance)}`;
  return `${passes} and one that is ${formatPoints(2 * tolerance)} off fails, each with ${formatPercent(confidence)} confidence`;
}
