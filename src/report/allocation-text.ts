import type { CohortKind } from '../allocation/allocation-expectation.ts';
import type { AllocationVerdict } from '../allocation/allocation-verdict.ts';
import type { ChiSquareTest } from '../allocation/chi-square.ts';
import {
  type AllocationJudgement,
  type CohortVerdict,
  type MovementVerdict,
  UNASSIGNED_SHARE_MAX,
} from '../allocation/judge-allocation.ts';
import type { Movement } from '../allocation/movement.ts';
import type { Interval } from '../allocation/share-interval.ts';
import type { HubMinutes } from '../metrics/hub-timeline.ts';
import {
  ABSENT,
  formatCount,
  formatDuration,
  formatFineShare,
  formatNoun,
  formatPercent,
  formatPoints,
  formatUntrusted,
  withCommas,
} from './format.ts';
import type { Palette } from './palette.ts';
import { allocationThresholds, type Summary } from './summary.ts';
import { textTable } from './text-table.ts';

/** Cohorts listed; `summary.json` has them all. */
const COHORTS_SHOWN_MAX = 20;

/** p-values below this are not shown exactly. */
const P_VALUE_MIN = 0.0001;

/** One steady run in a thousand looks as if its shares had changed. */
const DRIFT_P_VALUE = 0.001;

const REASONS: Readonly<Record<MovementVerdict['reason'], string>> = {
  within: 'within the tolerance',
  outside: 'outside the tolerance',
  'too-few': 'too few devices to tell',
  'not-expected': 'no devices expected here',
  missing: 'no devices assigned',
  unassigned: `more than ${formatPercent(UNASSIGNED_SHARE_MAX)} of devices have no hub`,
  substatus: 'the substatus of moved devices does not match the policy',
};

const COHORT_NOUNS: Readonly<Record<CohortKind, string>> = {
  fleet: 'fleet',
  group: 'group',
  region: 'region',
  row: 'rows expecting',
};

/** The verdict, and what follows from it; empty if the scenario expects nothing. */
export function allocationVerdictLines(summary: Summary, palette: Palette): readonly string[] {
  const { allocation } = summary;
  if (allocation === null) return [];
  return [
    `${colored(allocation.verdict, palette)}: ${describeExpectation(allocation)}`,
    ...describeConsequence(summary),
  ];
}

/** Why a verdict does not fail the run, or which threshold decides; empty where the verdict says it all. */
export function describeConsequence(summary: Summary): readonly string[] {
  const { allocation } = summary;
  if (allocation === null || allocation.verdict === 'pass') return [];
  const [deciding] = allocationThresholds(summary);
  if (deciding !== undefined)
    return [`the threshold ${deciding.expression} decides: ${deciding.passed ? 'passed' : 'failed'}`];
  return allocation.verdict === 'fail'
    ? []
    : [`neither shown nor refuted, so it does not fail the run: ${describeLack(allocation)}`];
}

/** What a verdict would need. */
function describeLack({ cohorts }: AllocationJudgement): string {
  const isUnassigned = cohorts.some(({ hubs }) => hubs.some(({ reason }) => reason === 'unassigned'));
  return isUnassigned ? REASONS.unassigned : 'more devices are needed; dpsload check says how many';
}

/** Shares with their verdicts, movement and drift: blocks of lines. */
export function allocationSections(summary: Summary, palette: Palette): readonly (readonly string[])[] {
  const { allocation, hubMinutes, movement } = summary;
  const drift = describeDrift(hubMinutes);
  const cohorts = allocation?.cohorts ?? [];
  const left = cohorts.length - COHORTS_SHOWN_MAX;
  const cross = allocation === null ? null : crossTable(allocation);
  return [
    cross === null ? [] : textTable(cross),
    ...cohorts.slice(0, COHORTS_SHOWN_MAX).map((cohort) => cohortLines(cohort, allocation?.by ?? 'fleet', palette)),
    left > 0 ? [`${formatNoun(left, 'more cohort')} in summary.json`] : [],
    allocation === null ? [] : [...describeUnjudged(allocation), ...describeChance(allocation)],
    movement === null ? [] : movementLines(movement, allocation?.movement ?? null, palette),
    drift === null ? [] : [drift],
  ];
}

function cohortLines(cohort: CohortVerdict, by: CohortKind, palette: Palette): string[] {
  const [, ...columns] = COHORT_COLUMNS;
  const rows = cohortRows(cohort, (verdict) => colored(verdict, palette));
  const [first = '', ...lines] = textTable([['', ...columns], ...rows]);
  return [palette.bold(cohortTitle(cohort, by)), palette.dim(first), ...lines];
}

export const COHORT_COLUMNS = ['hub', 'devices', 'share', 'interval', 'expected', 'verdict'] as const;

/** A row of `COHORT_COLUMNS` for each hub. */
export function cohortRows(
  { hubs }: CohortVerdict,
  written: (verdict: AllocationVerdict) => string = String,
): readonly (readonly string[])[] {
  return hubs.map(({ hub, count, share, interval, expectedShare, verdict, reason }) => [
    formatUntrusted(hub),
    formatCount(count),
    share === null ? ABSENT : formatFineShare(share),
    describeInterval(interval),
    formatFineShare(expectedShare),
    `${written(verdict)}: ${describeReason(reason)}`,
  ]);
}

/** What became of the devices that had a hub before. */
export function movementRows({ changes, changedDeviceId, substatus }: Movement): readonly (readonly string[])[] {
  return [
    ['kept their hub', formatCount(changes.kept)],
    ['moved to another hub', formatCount(changes.moved)],
    ['no longer assigned', formatCount(changes.lost)],
    ['changed device ID', formatCount(changedDeviceId)],
    ...Object.entries(substatus).map(([word, count]) => [
      word === '' ? 'no substatus' : formatUntrusted(word),
      formatCount(count),
    ]),
  ];
}

function movementLines(movement: Movement, judged: MovementVerdict | null, palette: Palette): readonly string[] {
  return [
    palette.bold('previously assigned devices'),
    ...textTable(movementRows(movement), 'left'),
    ...(judged === null ? [] : [movementVerdictLine(judged, palette)]),
  ];
}

function movementVerdictLine({ share, interval, expectedShare, verdict, reason }: MovementVerdict, palette: Palette) {
  const moved = share === null ? 'no previously assigned devices' : `${formatFineShare(share)} moved`;
  const range = `(${describeInterval(interval)}), ${formatFineShare(expectedShare)} expected`;
  return `${colored(verdict, palette)}: ${moved} ${range}; ${describeReason(reason)}`;
}

function colored(verdict: AllocationVerdict, { good, warning, bad }: Palette): string {
  return { pass: good, inconclusive: warning, fail: bad }[verdict](verdict);
}

export function describeReason(reason: MovementVerdict['reason']): string {
  return REASONS[reason];
}

/** `weighted, shares within ±2 percentage points of the stated shares, 95% confidence` */
export function describeExpectation(judgement: AllocationJudgement): string {
  const { policy, by, tolerance, confidence, cohorts } = judgement;
  const shares =
    cohorts.length === 0 && by !== 'row'
      ? 'movement only'
      : `shares within ±${formatPoints(tolerance)} of ${expectedShares(judgement)}`;
  return [...(policy === null ? [] : [policy]), shares, `${formatPercent(confidence)} confidence`].join(', ');
}

function expectedShares({ by, asRun }: AllocationJudgement): string {
  if (asRun !== null) return `the shares in ${formatUntrusted(asRun)}`;
  if (by === 'row') return 'the expected hubs of the rows';
  return by === 'fleet' ? 'the stated shares' : `the shares stated for each ${by}`;
}

/** `initial assignments, group line-a: 3,000 devices, plus 2 without a hub` */
export function cohortTitle({ name, initial, unassigned }: CohortVerdict, by: CohortKind): string {
  const cohort = by === 'fleet' ? '' : `, ${COHORT_NOUNS[by]} ${formatUntrusted(name)}`;
  const without = unassigned === 0 ? '' : `, plus ${formatCount(unassigned)} without a hub`;
  return `initial assignments${cohort}: ${formatNoun(initial, 'device')}${without}`;
}

/** Hubs by groups or regions: devices and their share of the cohort. `null` with fewer than two cohorts. */
export function crossTable({ by, cohorts }: AllocationJudgement): readonly (readonly string[])[] | null {
  if ((by !== 'region' && by !== 'group') || cohorts.length < 2) return null;
  const hubs = [...new Set(cohorts.flatMap((cohort) => cohort.hubs.map(({ hub }) => hub)))].sort();
  const cell = ({ hubs: judged }: CohortVerdict, hub: string): string => {
    const found = judged.find((each) => each.hub === hub);
    return found === undefined || found.share === null
      ? '0'
      : `${formatCount(found.count)} (${formatFineShare(found.share)})`;
  };
  return [
    [`hub by ${by}`, ...cohorts.map(({ name }) => formatUntrusted(name))],
    ...hubs.map((hub) => [formatUntrusted(hub), ...cohorts.map((cohort) => cell(cohort, hub))]),
    ['verdict', ...cohorts.map(({ verdict }) => verdict)],
  ];
}

export function describeInterval({ lower, upper }: Interval): string {
  return `${formatFineShare(lower)} to ${formatFineShare(upper)}`;
}

function describeUnjudged({ unjudged, by }: AllocationJudgement): readonly string[] {
  if (unjudged === 0) return [];
  const why = by === 'row' ? 'without an expected hub' : `whose ${by} is not in the scenario`;
  return [`not judged: ${formatNoun(unjudged, 'device')} ${why}`];
}

function describeChance({ chiSquare }: AllocationJudgement): readonly string[] {
  if (chiSquare === null) return [];
  return [`${describeTest(chiSquare)} (for information; the verdict uses the intervals and the tolerance)`];
}

/** `null` if the run spans a single period. */
export function describeDrift({ drift, bucketMs, counts }: HubMinutes): string | null {
  if (drift === null) return null;
  const periods = `${counts.length} periods of ${formatDuration(bucketMs)}`;
  return `shares over time, ${periods}: ${judgeDrift(drift, counts)}`;
}

function judgeDrift(drift: ChiSquareTest, counts: HubMinutes['counts']): string {
  if (!isTestable(counts)) return 'too few devices in some periods to compare';
  if (drift.pValue >= DRIFT_P_VALUE) return `steady (${describeTest(drift)})`;
  return (
    `they differ by more than chance (${describeTest(drift)}). That alone is no fault: it is so wherever the order of the fleet ` +
    'decides the hub, for example group by group. The verdict does not depend on it'
  );
}

/** W. G. Cochran's rule (Biometrics 10 (1954), 417–451): no expected count under 1, and at most a fifth of them under 5. */
function isTestable(counts: HubMinutes['counts']): boolean {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const ofPeriods = counts.map(sum).filter((devices) => devices > 0);
  const ofHubs = (counts[0] ?? []).map((_, hub) => sum(counts.map((period) => period[hub] ?? 0)));
  const all = sum(ofPeriods);
  const expected = ofPeriods.flatMap((devices) => ofHubs.map((count) => (devices * count) / all));
  return expected.every((count) => count >= 1) && expected.filter((count) => count < 5).length <= expected.length / 5;
}

function describeTest({ statistic, degreesOfFreedom, pValue }: ChiSquareTest): string {
  const p = pValue < P_VALUE_MIN ? `p < ${P_VALUE_MIN}` : `p = ${pValue.toFixed(4)}`;
  return `chi-square ${withCommas(statistic.toFixed(2))} with ${formatNoun(degreesOfFreedom, 'degree')} of freedom, ${p}`;
}
