import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { CohortKind } from './allocation-expectation.ts';
import type { DeviceStep } from './movement.ts';
import { tally } from './tally.ts';

/** The assignments of one cohort. */
export type CohortCounts = {
  /** Initial assignments by hub, in lower case. */
  readonly hubs: ReadonlyMap<string, number>;
  readonly initial: number;
  /** Launched devices that had no hub before and have none now. */
  readonly unassigned: number;
};

/** Counts the devices assigned to their first hub, by cohort. */
export class AllocationCounts {
  readonly #by: CohortKind;
  readonly #cohorts = new Map<string, { readonly hubs: Map<string, number>; initial: number; unassigned: number }>();

  constructor(by: CohortKind) {
    this.#by = by;
  }

  /** @param region of the run in which the device registers; `null` = not stated */
  add({ outcome, isInitial, hadHub }: DeviceStep, region: string | null): void {
    const isUnassigned = outcome.result !== 'assigned' && outcome.result !== 'not-started' && !hadHub;
    if (!isInitial && !isUnassigned) return;
    const name = this.#cohortOf(outcome, region);
    const counts = this.#cohorts.get(name) ?? { hubs: new Map(), initial: 0, unassigned: 0 };
    this.#cohorts.set(name, counts);
    counts[isUnassigned ? 'unassigned' : 'initial'] += 1;
    if (isInitial) tally(counts.hubs, (outcome.assignedHub ?? '').toLowerCase());
  }

  /** Sorted by name; '' = devices without a group, region or expected hub, or the whole fleet. */
  cohorts(): ReadonlyMap<string, CohortCounts> {
    return new Map([...this.#cohorts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #cohortOf({ group, expectedHub }: RegistrationOutcome, region: string | null): string {
    const names = { fleet: '', group, region, row: expectedHub?.toLowerCase() };
    return names[this.#by] ?? '';
  }
}
