import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { devicesNeeded, toleranceReached } from '../allocation/fleet-size.ts';
import { simultaneousWidth } from '../allocation/share-interval.ts';
import { formatCount, formatNoun, formatPercent, formatPoints } from '../report/format.ts';
import { type Finding, finding, ok, warning } from './finding.ts';

const SUBJECT = 'allocation';

/** Compares the devices that the verdict needs with those that the run has. @param devices new devices of the whole run */
export function allocationFindings(expectation: AllocationExpectation | null, devices: number): readonly Finding[] {
  if (expectation === null) return [];
  const { by, cohorts, tolerance, confidence, asRun, reprovision, moved } = expectation;
  const judgesMovement = reprovision !== null || moved !== null;
  const shares = cohorts.reduce((sum, { hubs }) => sum + hubs.length, judgesMovement ? 1 : 0);
  const width = simultaneousWidth(confidence, shares);
  if (by === 'row') {
    const needed = devicesNeeded(1, tolerance, simultaneousWidth(confidence, 1)) ?? 0;
    return [
      ok(SUBJECT, `each hub named in a row needs at least ${formatNoun(needed, 'device')}: ${strength(expectation)}`),
    ];
  }
  const found = cohorts.map((cohort) => ({ ...cohort, hardest: hardestShare(cohort.hubs) }));
  const needs = found.map(({ name, hardest }) => ({ name, devices: devicesNeeded(hardest, tolerance, width) }));
  if (needs.some((need) => need.devices === null)) {
    const evidence = `no fleet is large enough to show that ${strength(expectation)}`;
    return [finding('problem', SUBJECT, evidence, 'Widen allocation.tolerance')];
  }
  const needed = needs.reduce((sum, need) => sum + (need.devices ?? 0), 0);
  const each =
    needs.length < 2 ? '' : ` (${needs.map((need) => `${need.name} ${formatCount(need.devices ?? 0)}`).join(', ')})`;
  const also = asRun === null ? '' : `, and twice as many in ${asRun}`;
  const evidence = `needs ${formatNoun(needed, 'device')}${each}${also}, has ${formatCount(devices)}: ${strength(expectation)}`;
  if (needed <= devices) return [ok(SUBJECT, evidence)];
  const hardest = Math.max(...found.map((cohort) => variance(cohort.hardest)));
  const reached = toleranceReached(Math.floor(devices / needs.length), shareOf(hardest), width);
  const remedy = `Register more devices, or widen allocation.tolerance to ${formatPercent(Math.ceil(reached * 1e4) / 1e4)}`;
  return [warning(SUBJECT, evidence, remedy)];
}

/** `a policy that keeps its shares passes at ±2 percentage points and one that is 4 percentage points off fails, each with 95% confidence` */
function strength({ tolerance, confidence }: AllocationExpectation): string {
  const passes = `a policy that keeps its shares passes at ±${formatPoints(tolerance)}`;
  return `${passes} and one that is ${formatPoints(2 * tolerance)} off fails, each with ${formatPercent(confidence)} confidence`;
}

/** The share that is hardest to judge: the one nearest to one half. */
function hardestShare(hubs: readonly { readonly weight: number }[]): number {
  const sum = hubs.reduce((total, { weight }) => total + weight, 0);
  return hubs.map(({ weight }) => weight / sum).reduce((a, b) => (variance(b) > variance(a) ? b : a), 1);
}

function variance(share: number): number {
  return share * (1 - share);
}

/** The larger of the two shares with this variance. */
function shareOf(ofVariance: number): number {
  return (1 + Math.sqrt(Math.max(0, 1 - 4 * ofVariance))) / 2;
}
