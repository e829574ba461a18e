import type { AllocationExpectation, CohortKind } from './allocation-expectation.ts';
import type { DeviceStep } from './movement.ts';

/** The hubs that may have a device: the one that its row expects, else those that its cohort names with a weight. */
export class PermittedHubs {
  readonly #by: CohortKind;
  readonly #ofCohort: ReadonlyMap<string, readonly string[]>;

  constructor(allocation: AllocationExpectation | null) {
    this.#by = allocation?.by ?? 'fleet';
    // The hubs of an earlier run are a sample: one that is missing there may have devices.
    const cohorts = allocation === null || allocation.asRun !== null ? [] : allocation.cohorts;
    const permitted = cohorts.map(({ name, hubs }) => {
      return [name, hubs.filter(({ weight }) => weight > 0).map(({ hub }) => hub)] as const;
    });
    this.#ofCohort = new Map(permitted.filter(([, hubs]) => hubs.length > 0));
  }

  /**
   * The hubs that a device should have gone to, if it went elsewhere; `null` otherwise. A cohort is judged by first assignments, as in
   * `AllocationCounts`.
   *
   * @param region of the run in which the device registers
   */
  missedBy({ outcome, isInitial }: DeviceStep, region: string | null): readonly string[] | null {
    const { assignedHub, expectedHub, group, result } = outcome;
    if (result !== 'assigned' || assignedHub === null) return null;
    const hub = assignedHub.toLowerCase();
    // Host names are not case-sensitive.
    if (expectedHub !== null && expectedHub.toLowerCase() !== hub) return [expectedHub.toLowerCase()];
    const names = { fleet: '', group, region, row: null };
    const permitted = isInitial ? this.#ofCohort.get(names[this.#by] ?? '') : undefined;
    return permitted === undefined || permitted.includes(hub) ? null : permitted;
  }
}
