import type { AllocationExpectation, CohortExpectation, CohortKind } from '../../allocation/allocation-expectation.ts';
import type { Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { type GatheredSettings, givenOrigins, listGiven } from './gather-settings.ts';
import { problemAt } from './origin.ts';

/** Each says where devices should go; one of them is enough. */
const EXPECTATIONS: readonly SettingName[] = [
  'allocationExpected',
  'allocationGroups',
  'allocationRegions',
  'allocationByRow',
  'allocationAsRun',
];

/** Without an expectation they mean nothing. */
export const ALLOCATION_DETAILS: readonly SettingName[] = [
  'allocationPolicy',
  'allocationTolerance',
  'allocationConfidence',
];

const MOVEMENTS: readonly SettingName[] = ['reprovision', 'moved'];

/** `null` = nothing is expected. */
export function toAllocation(values: SettingValues): AllocationExpectation | null {
  const { allocationTolerance: tolerance, allocationConfidence: confidence, reprovision, moved } = values;
  const isGiven = [...EXPECTATIONS, ...MOVEMENTS].some((name) => values[name] !== null && values[name] !== false);
  if (!isGiven || tolerance === null || confidence === null) return null;
  return {
    policy: values.allocationPolicy,
    ...cohortsOf(values),
    asRun: values.allocationAsRun,
    tolerance,
    confidence,
    reprovision,
    moved,
  };
}

function cohortsOf(values: SettingValues): { readonly by: CohortKind; readonly cohorts: readonly CohortExpectation[] } {
  const { allocationExpected, allocationGroups, allocationRegions } = values;
  if (values.allocationByRow) return { by: 'row', cohorts: [] };
  if (allocationGroups !== null) return { by: 'group', cohorts: allocationGroups };
  if (allocationRegions !== null) return { by: 'region', cohorts: allocationRegions };
  return { by: 'fleet', cohorts: allocationExpected === null ? [] : [{ name: '', hubs: allocationExpected }] };
}

/** Adds what contradicts itself, or would judge nothing. */
export function checkAllocation({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const given = EXPECTATIONS.filter((name) => origins[name].source !== 'default' && values[name] !== false);
  const [, second] = givenOrigins(origins, given);
  if (second !== undefined) {
    const message = `several expectations of the allocation are given: ${listGiven(origins, given)}`;
    problems.push(problemAt(second, message, 'Remove all but one'));
  }
  const expectation = toAllocation(values);
  const policy = origins.allocationPolicy;
  if (expectation === null) {
    const [useless] = givenOrigins(origins, ALLOCATION_DETAILS);
    if (useless === undefined || given.length > 0) return;
    const remedy = 'Say what is expected: expected, groups, regions, byRow, asRun or reprovision';
    problems.push(problemAt(useless, `${useless.name} stands alone: nothing is expected`, remedy));
    return;
  }
  if (expectation.policy !== null && expectation.cohorts.some((cohort) => !fits(expectation.policy, cohort))) {
    const wants = expectation.policy === 'even' ? 'equal weights' : 'one hub';
    const remedy = `Write ${wants}, or another policy`;
    problems.push(
      problemAt(policy, `the policy ${expectation.policy} means ${wants}, and others are expected`, remedy),
    );
  }
  checkConfidence({ values, origins }, problems);
  checkMovement({ values, origins }, problems);
  checkRegion({ values, origins }, problems);
}

function fits(policy: AllocationExpectation['policy'], { hubs }: CohortExpectation): boolean {
  const weights = hubs.map(({ weight }) => weight).filter((weight) => weight > 0);
  if (policy === 'static') return weights.length === 1;
  return policy !== 'even' || new Set(weights).size === 1;
}

function checkConfidence({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (values.allocationConfidence !== 1) return;
  const message = 'no number of devices gives a confidence of 100%';
  problems.push(problemAt(origins.allocationConfidence, message, 'Write less, for example 99.9%'));
}

function checkMovement({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (values.reprovision !== 'never' || values.moved === null || values.moved === 0) return;
  const message = 'the re-provisioning policy never moves no device, and some are expected to move';
  problems.push(problemAt(origins.moved, message, 'Write 0%, or another policy'));
}

function checkRegion({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const { allocationRegions: regions, region } = values;
  if (regions === null) return;
  const names = regions.map(({ name }) => name).join(', ');
  if (region === null) {
    const message = 'there are expectations for each region, and the run has none';
    problems.push(problemAt(origins.allocationRegions, message, `Give --region, one of ${names}`));
  } else if (!regions.some(({ name }) => name === region)) {
    const message = `nothing is expected of the region ${quoteValue(region)}`;
    problems.push(problemAt(origins.region, message, `Write one of ${names}`));
  }
}
