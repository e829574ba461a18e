import type { AllocationExpectation, CohortExpectation, CohortKind } from '../../allocation/allocation-expectation.ts';
import type { Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { checkAtMostOne, type GatheredSettings, givenOrigins } from './gather-settings.ts';
import { problemAt } from './origin.ts';

/** The ways to say where devices should go; one is enough. */
const EXPECTATIONS: readonly SettingName[] = [
  'allocationExpected',
  'allocationGroups',
  'allocationRegions',
  'allocationByRow',
  'allocationAsRun',
];

/** They have no effect without an expectation. */
export const ALLOCATION_DETAILS: readonly SettingName[] = [
  'allocationPolicy',
  'allocationTolerance',
  'allocationConfidence',
];

const MOVEMENTS: readonly SettingName[] = ['reprovision', 'moved'];

/** `null` = no expectation is given. */
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

/** Adds a problem for each expectation that contradicts another, or could not be judged. */
export function checkAllocation(settings: GatheredSettings, problems: Problem[]): void {
  const { values, origins } = settings;
  const given = checkAtMostOne(settings, EXPECTATIONS, 'allocation expectation', problems);
  const expectation = toAllocation(values);
  if (expectation === null) {
    const [useless] = givenOrigins(origins, ALLOCATION_DETAILS);
    if (useless === undefined || given > 0) return;
    const remedy = 'Add expected, groups, regions, byRow, asRun or reprovision';
    problems.push(problemAt(useless, `${useless.name} has no effect without an expectation`, remedy));
    return;
  }
  const { policy, cohorts, confidence, reprovision, moved } = expectation;
  if (cohorts.some((cohort) => !fits(policy, cohort))) {
    const need = policy === 'even' ? 'equal weights' : 'one hub';
    const message = `the policy ${policy} requires ${need}`;
    problems.push(problemAt(origins.allocationPolicy, message, `Expect ${need}, or choose another policy`));
  }
  if (confidence === 1) {
    const message = 'no number of devices can give 100% confidence';
    problems.push(problemAt(origins.allocationConfidence, message, 'Choose a lower one, for example 99.9%'));
  }
  if (reprovision === 'never' && moved !== null && moved > 0) {
    const message = 'with reprovision never, no device moves, but some are expected to';
    problems.push(problemAt(origins.moved, message, 'Write 0%, or choose another policy'));
  }
  checkRegion(settings, problems);
}

function fits(policy: AllocationExpectation['policy'], { hubs }: CohortExpectation): boolean {
  const weights = hubs.map(({ weight }) => weight).filter((weight) => weight > 0);
  if (policy === 'static') return weights.length === 1;
  return policy !== 'even' || new Set(weights).size === 1;
}

function checkRegion({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const { allocationRegions: regions, region, agents } = values;
  // Agents say where they are by their labels, which are known when they are there.
  if (regions === null || (region === null && agents !== null)) return;
  const names = regions.map(({ name }) => name).join(', ');
  if (region === null) {
    const message = 'hubs are expected by region, but the run has no region';
    problems.push(problemAt(origins.allocationRegions, message, `Give --region, one of ${names}`));
  } else if (!regions.some(({ name }) => name === region)) {
    const message = `no hubs are expected for the region ${quoteValue(region)}`;
    problems.push(problemAt(origins.region, message, `Write one of ${names}`));
  }
}
