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

type CohortFold = { readonly hubs: Map<string, number>; initial: number; unassigned: number };

/** Counts the devices assigned to their first hub, by cohort; takes registrations in the order of the fleet, then of rounds. */
export class AllocationCounts {
  readonly #by: CohortKind;
  readonly #cohorts = new Map<string, CohortFold>();
  /** The latest device, if it counts as unassigned so far. */
  #unassigned: { readonly row: number; readonly cohort: CohortFold } | null = null;

  constructor(by: CohortKind) {
    this.#by = by;
  }

  /** @param region of the run in which the device registers; `null` = not stated */
  add({ outcome, isInitial, hadHub }: DeviceStep, region: string | null): void {
    const { result, row, assignedHub } = outcome;
    if (result === 'not-started') return;
    // A later round decides for a device that got no hub in an earlier one.
    if (this.#unassigned?.row === row) this.#unassigned.cohort.unassigned -= 1;
    this.#unassigned = null;
    if (isInitial) {
      const cohort = this.#cohortOf(outcome, region);
      cohort.initial += 1;
      tally(cohort.hubs, (assignedHub ?? '').toLowerCase());
    } else if (result !== 'assigned' && !hadHub) {
      const cohort = this.#cohortOf(outcome, region);
      cohort.unassigned += 1;
      this.#unassigned = { row, cohort };
    }
  }

  /** Sorted by name; '' = devices without a group, region or expected hub, or the whole fleet. */
  cohorts(): ReadonlyMap<string, CohortCounts> {
    const counted = [...this.#cohorts].filter(([, { initial, unassigned }]) => initial + unassigned > 0);
    return new Map(counted.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #cohortOf({ group, expectedHub }: RegistrationOutcome, region: string | null): CohortFold {
    const names = { fleet: '', group, region, row: expectedHub?.toLowerCase() };
    const name = names[this.#by] ?? '';
    const cohort = this.#cohorts.get(name) ?? { hubs: new Map(), initial: 0, unassigned: 0 };
    this.#cohorts.set(name, cohort);
    return cohort;
  }
}
