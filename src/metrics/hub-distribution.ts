import type { HubExpectation } from '../allocation/hub-expectation.ts';
import { tally } from '../allocation/tally.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

export type HubShare = {
  readonly hub: string;
  readonly count: number;
  /** Part of all assigned registrations, 0 to 1. */
  readonly share: number;
};

/** `expectedShare`: 0 to 1, by the allocation policy or the rows; `null` = nothing is expected of the hub. */
export type ExpectedHubShare = HubShare & { readonly expectedShare: number | null };

export function withExpectedShares(
  hubs: readonly HubShare[],
  expectation: HubExpectation,
): readonly ExpectedHubShare[] {
  const expected = expectation.shares();
  return hubs.map((hub) => ({ ...hub, expectedShare: expected.get(hub.hub.toLowerCase()) ?? null }));
}

/** Expected hubs that no device was assigned to, with their expected shares. */
export function missingHubs(hubs: readonly HubShare[], expectation: HubExpectation): readonly ExpectedHubShare[] {
  const seen = new Set(hubs.map(({ hub }) => hub.toLowerCase()));
  return [...expectation.shares()]
    .filter(([hub]) => !seen.has(hub))
    .map(([hub, expectedShare]) => ({ hub, count: 0, share: 0, expectedShare }));
}

/** Whether the device was assigned to the hub that its row expects; `null` if the row expects none or it has no hub. */
export function isExpectedHub(outcome: RegistrationOutcome): boolean | null {
  const { assignedHub, expectedHub } = outcome;
  if (assignedHub === null || expectedHub === null) return null;
  // Host names are not case-sensitive.
  return assignedHub.toLowerCase() === expectedHub.toLowerCase();
}

/** Counts assigned registrations by hub. */
export class HubDistribution {
  readonly #counts = new Map<string, number>();
  #assigned = 0;
  #asExpected = 0;
  #elsewhere = 0;
  #expecting = 0;

  add(outcome: RegistrationOutcome): void {
    if (outcome.expectedHub !== null) this.#expecting += 1;
    if (outcome.result !== 'assigned' || outcome.assignedHub === null) return;
    this.#assigned += 1;
    tally(this.#counts, outcome.assignedHub);
    const expected = isExpectedHub(outcome);
    if (expected === true) this.#asExpected += 1;
    if (expected === false) this.#elsewhere += 1;
  }

  /** Assigned registrations at their `expected_hub`. */
  get asExpected(): number {
    return this.#asExpected;
  }

  /** Assigned registrations at another hub than their `expected_hub`. */
  get elsewhere(): number {
    return this.#elsewhere;
  }

  /** Registrations whose row expects a hub, with any result. */
  get expecting(): number {
    return this.#expecting;
  }

  /** The largest first, ties by name. */
  shares(): readonly HubShare[] {
    return [...this.#counts]
      .map(([hub, count]) => ({ hub, count, share: count / this.#assigned }))
      .sort((a, b) => b.count - a.count || (a.hub < b.hub ? -1 : 1));
  }
}
