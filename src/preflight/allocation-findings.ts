import type { AllocationExpectation } from '../allocation/allocation-expectation.ts';
import { devicesNeeded, toleranceReached } from '../allocation/fleet-size.ts';
import { simultaneousWidth } from '../allocation/share-interval.ts';
import { type Finding, finding, ok, warning } from './finding.ts';

const SUBJECT = 'allocation';

/** How many devices the verdict needs, against those that there are. @param devices new ones, of the whole run */
export function allocationFindings(expectation: AllocationExpectation | null, devices: number): readonly Finding[] {
  if (expectation === null) return [];
  const { by, cohorts, tolerance, confidence, asRun, reprovision, moved } = expectation;
  const judgesMovement = reprovision !== null || moved !== null;
  const shares = cohorts.reduce((sum, { hubs }) => sum + hubs.length, judgesMovement ? 1 : 0);
  const width = simultaneousWidth(confidence, shares);
  if (by === 'row') {
    const needed = devicesNeeded(1, tolerance, simultaneousWidth(confidence, 1)) ?? 0;
    return [ok(SUBJECT, `each hub that rows name needs at least ${formatDevices(needed)}: ${strength(expectation)}`)];
  }
  const found = cohorts.map((cohort) => ({ ...cohort, hardest: hardestShare(cohort.hubs) }));
  const needs = found.map(({ name, hardest }) => ({ name, devices: devicesNeeded(hardest, tolerance, width) }));
  if (needs.some((need) => need.devices === null)) {
    const evidence = `no fleet is large enough for ${strength(expectation)}`;
    return [finding('problem', SUBJECT, evidence, 'Widen allocation.tolerance')];
  }
  const needed = needs.reduce((sum, need) => sum + (need.devices ?? 0), 0);
  const each = needs.length < 2 ? '' : ` (${needs.map((need) => `${need.name} ${need.devices}`).join(', ')})`;
  const also = asRun === null ? '' : `, and as many in ${asRun} twice over`;
  const evidence = `${formatDevices(needed)} needed${each}${also}, ${devices} there: ${strength(expectation)}`;
  if (needed <= devices) return [ok(SUBJECT, evidence)];
  const hardest = Math.max(...found.map((cohort) => variance(cohort.hardest)));
  const reached = toleranceReached(Math.floor(devices / needs.length), shareOf(hardest), width);
  const remedy = `Register more devices, or widen allocation.tolerance to ${formatPoints(Math.ceil(reached * 1e4) / 1e4)}`;
  return [warning(SUBJECT, evidence, remedy)];
}

/** `a policy that keeps to it passes, and one that is 4 points off fails, each with 95%` */
function strength({ tolerance, confidence }: AllocationExpectation): string {
  const passes = `a policy that keeps its shares passes at ±${formatPoints(tolerance)}`;
  return `${passes}, one that is ${formatPoints(2 * tolerance)} off fails, each with ${formatPoints(confidence)} confidence`;
}

/** The share that is the hardest to tell: the one nearest to a half. */
function hardestShare(hubs: readonly { readonly weight: number }[]): number {
  const sum = hubs.reduce((total, { weight }) => total + weight, 0);
  return hubs.map(({ weight }) => weight / sum).reduce((a, b) => (variance(b) > variance(a) ? b : a), 1);
}

function variance(share: number): number {
  return share * (1 - share);
}

/** The larger share of that variance. */
function shareOf(ofVariance: number): number {
  return (1 + Math.sqrt(Math.max(0, 1 - 4 * ofVariance))) / 2;
}

function formatDevices(devices: number): string {
  return `${devices} ${devices === 1 ? 'device' : 'devices'}`;
}

function formatPoints(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
