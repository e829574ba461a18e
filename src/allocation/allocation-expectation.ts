/** Allocation policies, as the Azure portal names them. */
export const ALLOCATION_POLICIES = ['even', 'weighted', 'lowest-latency', 'static', 'custom'] as const;

export type AllocationPolicy = (typeof ALLOCATION_POLICIES)[number];

/** Reprovisioning policies for a device that registers again: move it with its data, move it without, or leave it. */
export const REPROVISION_POLICIES = ['migrate', 'reset', 'never'] as const;

export type ReprovisionPolicy = (typeof REPROVISION_POLICIES)[number];

/** The substatus that each policy gives moved devices. */
export const MOVED_SUBSTATUS = {
  migrate: 'deviceDataMigrated',
  reset: 'deviceDataReset',
  never: null,
} as const satisfies Readonly<Record<ReprovisionPolicy, string | null>>;

/** The cohorts whose shares are judged: the whole fleet, each group, each region, or the rows that expect the same hub. */
export type CohortKind = 'fleet' | 'group' | 'region' | 'row';

/** A hub and its weight; its share of the cohort is weight / sum of the cohort's weights. */
export type HubWeight = {
  /** Lower case, because host names are not case-sensitive. */
  readonly hub: string;
  readonly weight: number;
};

export type CohortExpectation = {
  /** Group or region; '' = the whole fleet. */
  readonly name: string;
  readonly hubs: readonly HubWeight[];
};

/** What the operator expects of the allocation policy. */
export type AllocationExpectation = {
  /** `null` = not stated. */
  readonly policy: AllocationPolicy | null;
  readonly by: CohortKind;
  /** Empty for `row`, whose rows state everything, and if nothing is expected of shares. */
  readonly cohorts: readonly CohortExpectation[];
  /** Folder of the run whose counts are the weights; `null` = stated weights. */
  readonly asRun: string | null;
  /** A part of 1, to either side of an expected share. */
  readonly tolerance: number;
  /** Probability that all intervals hold simultaneously; a part of 1. */
  readonly confidence: number;
  /** For devices that had a hub before; `null` = not stated. */
  readonly reprovision: ReprovisionPolicy | null;
  /** Part of them expected at another hub; `null` = not stated. */
  readonly moved: number | null;
};

/** Expected movement, in parts of all devices. */
export type ExpectedMovement = {
  /** Minimum to reach the shares: half the sum of their differences. Consistent hashing moves no more. */
  readonly least: number;
  /** If every device is reallocated regardless of its hub: 1 − Σ before · after. */
  readonly redrawn: number;
};

/** Movement after hubs are added, removed or re-weighted and every device registers again. */
export function expectedMovement(before: readonly HubWeight[], after: readonly HubWeight[]): ExpectedMovement {
  const [sharesBefore, sharesAfter] = [sharesOf(before), sharesOf(after)];
  let [least, stay] = [0, 0];
  for (const hub of new Set([...sharesBefore.keys(), ...sharesAfter.keys()])) {
    const [was, is] = [sharesBefore.get(hub) ?? 0, sharesAfter.get(hub) ?? 0];
    least += Math.abs(is - was) / 2;
    stay += was * is;
  }
  return { least, redrawn: 1 - stay };
}

/** Weight / sum of weights, by hub. */
export function sharesOf(weights: readonly HubWeight[]): ReadonlyMap<string, number> {
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  return new Map(weights.map(({ hub, weight }) => [hub, sum === 0 ? 0 : weight / sum]));
}
