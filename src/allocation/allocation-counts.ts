import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { CohortKind } from './allocation-expectation.ts';
import type { DeviceStep } from './movement.ts';
import { tally } from './tally.ts';

/** Where the devices of one cohort came to. */
export type CohortCounts = {
  /** Initial assignments by hub, in lower case. */
  readonly hubs: ReadonlyMap<string, number>;
  readonly initial: number;
  /** Launched, known to have no hub before, and without one now. */
  readonly unassigned: number;
};

type Counts = { readonly hubs: Map<string, number>; initial: number; unassigned: number };

/** Counts the devices that come to their first hub, cohort by cohort. */
export class AllocationCounts {
  readonly #by: CohortKind;
  readonly #cohorts = new Map<string, Counts>();

  constructor(by: CohortKind) {
    this.#by = by;
  }

  /** @param region of the run in which the device registers; `null` = not told */
  add({ outcome, isInitial, hadHub }: DeviceStep, region: string | null): void {
    const isUnassigned = outcome.result !== 'assigned' && outcome.result !== 'not-started' && !hadHub;
    if (!isInitial && !isUnassigned) return;
    const name = this.#cohortOf(outcome, region);
    const counts = this.#cohorts.get(name) ?? { hubs: new Map(), initial: 0, unassigned: 0 };
    this.#cohorts.set(name, counts);
    if (isUnassigned) {
      counts.unassigned += 1;
      return;
    }
    counts.initial += 1;
    tally(counts.hubs, (outcome.assignedHub ?? '').toLowerCase());
  }

  /** By name, in the order of names; '' are the devices of no group, region or row, or the whole fleet. */
  cohorts(): ReadonlyMap<string, CohortCounts> {
    return new Map([...this.#cohorts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #cohortOf({ group, expectedHub }: RegistrationOutcome, region: string | null): string {
    switch (this.#by) {
      case 'fleet':
        return '';
      case 'group':
        return group ?? '';
      case 'region':
        return region ?? '';
      case 'row':
        return expectedHub?.toLowerCase() ?? '';
    }
  }
}
