import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { devicesNeeded, toleranceReached, type VerdictAim } from '../allocation/fleet-size.ts';
import { simultaneousWidth } from '../allocation/share-interval.ts';
import { formatCount, formatNoun, formatPercent, formatPoints } from '../report/format.ts';
import { type Finding, finding, ok, warning } from './finding.ts';

const SUBJECT = 'allocation';

/** Compares the devices that the verdict needs with those that the run has. @param devices new devices of the whole run */
export function allocationFindings(expectation: AllocationExpectation | null, devices: number): readonly Finding[] {
  if (expectation === null) return [];
  if (expectation.by === 'row') {
    const needed = devicesNeeded(aimOf(expectation, [1], 1)) ?? 0;
    return [
      ok(SUBJECT, `each hub named in a row needs at least ${formatNoun(needed, 'device')}: ${strength(expectation)}`),
    ];
  }
  const { asRun } = expectation;
  const cohorts = cohortAims(expectation);
  // Groups often have the same shares.
  const aims = new Map(cohorts.map(({ aim }) => [aim.shares.join(), aim]));
  const sizes = new Map([...aims].map(([shares, aim]) => [shares, devicesNeeded(aim)]));
  const needs = cohorts.map(({ name, aim }) => ({ name, devices: sizes.get(aim.shares.join()) ?? null }));
  if (needs.some((need) => need.devices === null)) {
    const larger = asRun === null ? '' : `, or compare with a run that has more initial assignments than ${asRun}`;
    const evidence = `no fleet is large enough to show that ${strength(expectation)}`;
    return [finding('problem', SUBJECT, evidence, `Widen allocation.tolerance${larger}`)];
  }
  const needed = needs.reduce((sum, need) => sum + (need.devices ?? 0), 0);
  const each =
    needs.length < 2 ? '' : ` (${needs.map((need) => `${need.name} ${formatCount(need.devices ?? 0)}`).join(', ')})`;
  const evidence = `needs ${formatNoun(needed, 'device')}${each}, has ${formatCount(devices)}: ${strength(expectation)}`;
  if (needed <= devices) return [ok(SUBJECT, evidence)];
  const ofCohort = Math.max(1, Math.floor(devices / needs.length));
  const reached = Math.max(...[...aims.values()].map((aim) => toleranceReached(ofCohort, aim)));
  const remedy = `Register more devices, or widen allocation.tolerance to ${formatPercent(reached)}`;
  return [warning(SUBJECT, evidence, remedy)];
}

type CohortAim = { readonly name: string; readonly aim: VerdictAim };

function cohortAims(expectation: AllocationExpectation): readonly CohortAim[] {
  const { cohorts, reprovision, moved } = expectation;
  const judgesMovement = reprovision !== null || moved !== null;
  const shares = cohorts.reduce((sum, { hubs }) => sum + hubs.length, judgesMovement ? 1 : 0);
  return cohorts.map(({ name, hubs }) => ({
    name,
    aim: aimOf(
      expectation,
      hubs.map(({ weight }) => weight),
      shares,
    ),
  }));
}

/** @param shares judged at once, in all cohorts */
function aimOf(
  { cohorts, tolerance, confidence, asRun }: AllocationExpectation,
  weights: readonly number[],
  shares: number,
): VerdictAim {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return {
    shares: weights.map((weight) => weight / sum),
    tolerance,
    width: simultaneousWidth(confidence, shares),
    // All cohorts have to pass, independently of each other.
    passes: confidence ** (1 / Math.max(1, cohorts.length)),
    fails: confidence,
    reference: asRun === null ? null : sum,
  };
}

/** `a policy that keeps its shares passes at ±2 percentage points and one that is 4 percentage points off fails, each with 95% confidence` */
function strength({ tolerance, confidence }: AllocationExpectation): string {
  const passes = `a policy that keeps its shares passes at ±${formatPoints(tolerance)}`;
  return `${passes} and one that is ${formatPoints(2 * tolerance)} off fails, each with ${formatPercent(confidence)} confidence`;
}
