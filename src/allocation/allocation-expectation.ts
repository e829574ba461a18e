/** How the service chooses hubs, in the words of its portal. */
export const ALLOCATION_POLICIES = ['even', 'weighted', 'lowest-latency', 'static', 'custom'] as const;

export type AllocationPolicy = (typeof ALLOCATION_POLICIES)[number];

/** What the service does with a device that registers again: move it with its data, move it without, leave it where it is. */
export const REPROVISION_POLICIES = ['migrate', 'reset', 'never'] as const;

export type ReprovisionPolicy = (typeof REPROVISION_POLICIES)[number];

/** What is shared out: the whole fleet, the devices of each group, or region, or those whose rows name one hub. */
export type CohortKind = 'fleet' | 'group' | 'region' | 'row';

/** A hub and its part of a cohort's devices: of the sum of all weights there. */
export type HubWeight = {
  /** Lower case, since host names have no case. */
  readonly hub: string;
  readonly weight: number;
};

export type CohortExpectation = {
  /** Of the group or region; '' = the whole fleet. */
  readonly name: string;
  readonly hubs: readonly HubWeight[];
};

/** What the operator says that the allocation policy should do. */
export type AllocationExpectation = {
  /** As the operator calls it; `null` = not told. */
  readonly policy: AllocationPolicy | null;
  readonly by: CohortKind;
  /** Empty by row, where the rows say it all, and where nothing is said of shares. */
  readonly cohorts: readonly CohortExpectation[];
  /** Folder of the run whose counts the weights are; `null` = they are stated. */
  readonly asRun: string | null;
  /** A part of 1, to either side of an expected share. */
  readonly tolerance: number;
  /** With which all intervals hold at once; a part of 1. */
  readonly confidence: number;
  /** Of devices that were known before; `null` = not told. */
  readonly reprovision: ReprovisionPolicy | null;
  /** Part of them that should come to another hub; `null` = not told. */
  readonly moved: number | null;
};

/** Parts of 1 of all devices. */
export type ExpectedMovement = {
  /** What has to move so that the shares come true: half the sum of their differences. A policy that hashes devices consistently moves no more. */
  readonly least: number;
  /** What moves when every device is given a hub anew, regardless of where it was: 1 − Σ before · after. */
  readonly redrawn: number;
};

/** When hubs are added, removed or re-weighted, and every device registers again. */
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

/** Each weight as a part of their sum, by hub. */
export function sharesOf(weights: readonly HubWeight[]): ReadonlyMap<string, number> {
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  return new Map(weights.map(({ hub, weight }) => [hub, sum === 0 ? 0 : weight / sum]));
}
