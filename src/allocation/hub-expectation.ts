import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type AllocationExpectation, sharesOf } from './allocation-expectation.ts';
import { tally } from './tally.ts';

/**
 * The expected share of each hub: stated for the whole fleet or, without a statement, counted from the `expected_hub` of the
 * assigned rows.
 */
export class HubExpectation {
  readonly #stated: ReadonlyMap<string, number> | null;
  readonly #counts = new Map<string, number>();
  #expecting = 0;

  constructor(allocation: AllocationExpectation | null) {
    const [fleet] = allocation?.by === 'fleet' ? allocation.cohorts : [];
    this.#stated = fleet === undefined || fleet.hubs.length === 0 ? null : sharesOf(fleet.hubs);
  }

  add({ result, expectedHub }: RegistrationOutcome): void {
    if (result !== 'assigned' || expectedHub === null) return;
    tally(this.#counts, expectedHub.toLowerCase());
    this.#expecting += 1;
  }

  /** Expected share, 0 to 1, by hub in lower case. */
  shares(): ReadonlyMap<string, number> {
    if (this.#stated !== null) return this.#stated;
    const counts = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(counts.map(([hub, count]) => [hub, count / this.#expecting]));
  }
}
