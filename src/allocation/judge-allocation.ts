import type { CohortCounts } from './allocation-counts.ts';
import {
  type AllocationExpectation,
  type CohortExpectation,
  MOVED_SUBSTATUS,
  type ReprovisionPolicy,
  sharesOf,
} from './allocation-expectation.ts';
import { type AllocationVerdict, worstVerdict } from './allocation-verdict.ts';
import { type ChiSquareTest, homogeneityTest, sumOfTests, weightsTest } from './chi-square.ts';
import type { Movement } from './movement.ts';
import { judgeShare, type ShareJudgement, type ShareReason, simultaneousWidth } from './share-interval.ts';

/** With a larger part of launched devices without a hub, the shares are uncertain. */
export const UNASSIGNED_SHARE_MAX = 0.01;

export type HubVerdict = ShareJudgement & {
  readonly hub: string;
  readonly count: number;
  /** Part of the cohort's initial assignments; `null` = no assignments. */
  readonly share: number | null;
  readonly expectedShare: number;
};

export type CohortVerdict = {
  /** Group, region, or hub that rows expect; '' = the whole fleet. */
  readonly name: string;
  readonly verdict: AllocationVerdict;
  readonly initial: number;
  readonly unassigned: number;
  /** In the order of the expectation, followed by unexpected hubs. */
  readonly hubs: readonly HubVerdict[];
};

export type MovementVerdict = Omit<ShareJudgement, 'reason'> & {
  /** Devices that had a hub before and have one now. */
  readonly known: number;
  readonly moved: number;
  readonly share: number | null;
  readonly expectedShare: number;
  readonly policy: ReprovisionPolicy | null;
  readonly reason: ShareReason | 'substatus';
};

/** The verdict on the allocation policy. */
export type AllocationJudgement = Pick<
  AllocationExpectation,
  'policy' | 'by' | 'asRun' | 'tolerance' | 'confidence'
> & {
  readonly verdict: AllocationVerdict;
  readonly cohorts: readonly CohortVerdict[];
  /** Devices assigned to a first hub that belong to no expected cohort. */
  readonly unjudged: number;
  /** Part of the launched devices without a hub before that have none now; `null` = none launched. */
  readonly unassignedShare: number | null;
  /** For information; `null` = nothing to compare. */
  readonly chiSquare: ChiSquareTest | null;
  /** `null` = nothing is expected of devices that had a hub before. */
  readonly movement: MovementVerdict | null;
};

export function judgeAllocation(
  expectation: AllocationExpectation,
  counts: ReadonlyMap<string, CohortCounts>,
  movement: Movement | null,
): AllocationJudgement {
  const expected = cohortsOf(expectation, counts);
  const judgesMovement = expectation.reprovision !== null || expectation.moved !== null;
  const shares = expected.reduce((sum, { hubs }) => sum + hubs.length, judgesMovement ? 1 : 0);
  const width = simultaneousWidth(expectation.confidence, shares);
  const cohorts = expected.map((cohort) => judgeCohort(expectation, cohort, counts.get(cohort.name) ?? NOBODY, width));
  const moved = judgesMovement ? judgeMovement(expectation, movement, width) : null;
  const launched = sum(cohorts, ({ initial, unassigned }) => initial + unassigned);
  const verdicts = cohorts.map(({ verdict }) => verdict);
  return {
    verdict: worstVerdict(moved === null ? verdicts : [...verdicts, moved.verdict]),
    policy: expectation.policy,
    by: expectation.by,
    asRun: expectation.asRun,
    tolerance: expectation.tolerance,
    confidence: expectation.confidence,
    cohorts,
    unjudged: sum([...counts.values()], ({ initial }) => initial) - sum(cohorts, ({ initial }) => initial),
    unassignedShare: launched === 0 ? null : sum(cohorts, ({ unassigned }) => unassigned) / launched,
    chiSquare: sumOfTests(expected.map((cohort) => testOf(expectation, cohort, counts.get(cohort.name) ?? NOBODY))),
    movement: moved,
  };
}

const NOBODY: CohortCounts = { hubs: new Map(), initial: 0, unassigned: 0 };

/** For `row`, the rows that expect the same hub form a cohort. For `region`, only regions with a run are judged. */
function cohortsOf(
  { by, cohorts }: AllocationExpectation,
  counts: ReadonlyMap<string, CohortCounts>,
): readonly CohortExpectation[] {
  if (by === 'region') return cohorts.filter(({ name }) => counts.has(name));
  if (by !== 'row') return cohorts;
  return [...counts.keys()].filter((hub) => hub !== '').map((hub) => ({ name: hub, hubs: [{ hub, weight: 1 }] }));
}

function judgeCohort(
  { asRun, tolerance }: AllocationExpectation,
  { name, hubs }: CohortExpectation,
  counts: CohortCounts,
  width: number,
): CohortVerdict {
  const { initial, unassigned } = counts;
  const shares = sharesOf(hubs);
  const reference = hubs.reduce((total, { weight }) => total + weight, 0);
  const isUncertain = unassigned > UNASSIGNED_SHARE_MAX * (initial + unassigned);
  const all = new Set([...shares.keys(), ...[...counts.hubs.keys()].sort()]);
  const verdicts = [...all].map((hub): HubVerdict => {
    const count = counts.hubs.get(hub) ?? 0;
    const expectedShare = shares.get(hub) ?? 0;
    const sample = { count: Math.round(expectedShare * reference), of: reference };
    const expected = asRun === null ? expectedShare : sample;
    const { interval, ...judged } = judgeShare({ count, of: initial }, expected, tolerance, width);
    const unassignedHub = { verdict: 'inconclusive', reason: 'unassigned' } as const;
    const verdict = isUncertain && judged.reason !== 'not-expected' ? unassignedHub : judged;
    return { hub, count, share: initial === 0 ? null : count / initial, expectedShare, interval, ...verdict };
  });
  return { name, verdict: worstVerdict(verdicts.map(({ verdict }) => verdict)), initial, unassigned, hubs: verdicts };
}

function testOf(
  { asRun }: AllocationExpectation,
  { hubs }: CohortExpectation,
  counts: CohortCounts,
): ChiSquareTest | null {
  if (asRun === null) return weightsTest(counts.hubs, sharesOf(hubs));
  return homogeneityTest([new Map(hubs.map(({ hub, weight }) => [hub, weight])), counts.hubs]);
}

function judgeMovement(
  { reprovision, moved: expectedMoved, tolerance }: AllocationExpectation,
  movement: Movement | null,
  width: number,
): MovementVerdict {
  const { kept, moved } = movement?.changes ?? { kept: 0, moved: 0 };
  const expectedShare = expectedMoved ?? 0;
  const known = kept + moved;
  const judged = judgeShare({ count: moved, of: known }, expectedShare, tolerance, width);
  const reported = Object.keys(movement?.movedSubstatus ?? {});
  const isContradicted = reprovision !== null && reported.some((word) => word !== MOVED_SUBSTATUS[reprovision]);
  return {
    known,
    moved,
    share: known === 0 ? null : moved / known,
    expectedShare,
    policy: reprovision,
    ...judged,
    ...(isContradicted ? ({ verdict: 'fail', reason: 'substatus' } as const) : {}),
  };
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
