import type { CohortKind } from '../allocation/allocation-expectation.ts';
import type { ChiSquareTest } from '../allocation/chi-square.ts';
import {
  type AllocationJudgement,
  type CohortVerdict,
  type MovementVerdict,
  UNASSIGNED_SHARE_MAX,
} from '../allocation/judge-allocation.ts';
import type { Interval } from '../allocation/share-interval.ts';
import type { HubMinutes } from '../metrics/hub-timeline.ts';
import { formatCount, formatDuration, formatNoun, formatUntrusted } from './format.ts';

const NAME_CHARACTERS_MAX = 100;

/** Below this a p-value is not told exactly. */
const P_VALUE_MIN = 0.0001;

const REASONS: Readonly<Record<MovementVerdict['reason'], string>> = {
  within: 'within the tolerance',
  outside: 'outside the tolerance',
  'too-few': 'too few devices to tell',
  'not-expected': 'none is to be here',
  missing: 'none came',
  unassigned: `over ${UNASSIGNED_SHARE_MAX * 100}% came to no hub`,
  substatus: 'movers were told another substatus than the policy means',
};

const COHORT_NOUNS: Readonly<Record<CohortKind, string>> = {
  fleet: 'fleet',
  group: 'group',
  region: 'region',
  row: 'rows that expect',
};

export function describeReason(reason: MovementVerdict['reason']): string {
  return REASONS[reason];
}

/** `weighted, shares within ±2.00% of the stated ones, confidence 95%` */
export function describeExpectation({
  policy,
  by,
  asRun,
  tolerance,
  confidence,
  cohorts,
}: AllocationJudgement): string {
  const shares =
    cohorts.length === 0 && by !== 'row'
      ? 'movement alone'
      : `shares within ±${formatPoints(tolerance)} of ${expectedOf(by, asRun)}`;
  return [...(policy === null ? [] : [policy]), shares, `confidence ${formatPercent(confidence)}`].join(', ');
}

function expectedOf(by: CohortKind, asRun: string | null): string {
  if (asRun !== null) return `those of ${formatUntrusted(asRun, NAME_CHARACTERS_MAX)}`;
  return by === 'row' ? 'what the rows name' : by === 'fleet' ? 'the stated ones' : `those stated by ${by}`;
}

/** `initial assignments of group line-a: 3,000 devices, 2 of them without a hub` */
export function cohortTitle({ name, initial, unassigned }: CohortVerdict, by: CohortKind): string {
  const of = by === 'fleet' ? '' : ` of ${COHORT_NOUNS[by]} ${formatUntrusted(name, NAME_CHARACTERS_MAX)}`;
  const without = unassigned === 0 ? '' : `, and ${formatCount(unassigned)} without a hub`;
  return `initial assignments${of}: ${formatNoun(initial, 'device')}${without}`;
}

/** Hubs against groups or regions: devices and their share of the cohort. `null` = there are not two to put side by side. */
export function crossTable({ by, cohorts }: AllocationJudgement): readonly (readonly string[])[] | null {
  if ((by !== 'region' && by !== 'group') || cohorts.length < 2) return null;
  const hubs = [...new Set(cohorts.flatMap((cohort) => cohort.hubs.map(({ hub }) => hub)))].sort();
  const cell = ({ hubs: judged }: CohortVerdict, hub: string): string => {
    const found = judged.find((each) => each.hub === hub);
    return found === undefined || found.share === null
      ? '0'
      : `${formatCount(found.count)} (${formatPoints(found.share)})`;
  };
  const shown = (name: string): string => formatUntrusted(name, NAME_CHARACTERS_MAX);
  return [
    [`hub by ${by}`, ...cohorts.map(({ name }) => shown(name))],
    ...hubs.map((hub) => [shown(hub), ...cohorts.map((cohort) => cell(cohort, hub))]),
    ['verdict', ...cohorts.map(({ verdict }) => verdict)],
  ];
}

export function describeInterval({ lower, upper }: Interval): string {
  return `${formatPoints(lower)} to ${formatPoints(upper)}`;
}

export function describeUnjudged({ unjudged, by }: AllocationJudgement): readonly string[] {
  if (unjudged === 0) return [];
  return [
    `${formatNoun(unjudged, 'device')} of no ${by === 'row' ? 'expected hub' : by} that the scenario names: not judged`,
  ];
}

export function describeChance({ chiSquare }: AllocationJudgement): readonly string[] {
  if (chiSquare === null) return [];
  return [`${describeTest(chiSquare)}: for information, the verdict comes from intervals and tolerance`];
}

/** `null` where there is but one stretch of time. */
export function describeDrift({ drift, bucketMs, counts }: HubMinutes): string | null {
  if (drift === null) return null;
  const stretches = `${counts.length} stretches of ${formatDuration(bucketMs)}`;
  return `shares over time, ${stretches}: ${describeTest(drift)}; a small p-value means that they drift`;
}

function describeTest({ statistic, degreesOfFreedom, pValue }: ChiSquareTest): string {
  const p = pValue < P_VALUE_MIN ? `p < ${P_VALUE_MIN}` : `p = ${pValue.toFixed(4)}`;
  return `chi-square ${statistic.toFixed(2)} with ${degreesOfFreedom} degrees of freedom, ${p}`;
}

/** Of 1, to a hundredth of a per cent, since tolerances are that fine: `33.33%` */
export function formatPoints(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function formatPercent(part: number): string {
  return `${Number((part * 100).toFixed(4))}%`;
}
