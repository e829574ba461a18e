import type { AllocationPolicy, ReprovisionPolicy } from '../dps/allocation-policy.ts';

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
