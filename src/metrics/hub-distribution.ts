import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

export type HubShare = {
  readonly hub: string;
  readonly count: number;
  /** Of all assigned registrations, 0 to 1. */
  readonly share: number;
};

/** Whether the device came to the hub that its row expects; `null` when it expects none, or came to none. */
export function isExpectedHub(outcome: RegistrationOutcome): boolean | null {
  const { assignedHub, expectedHub } = outcome;
  if (assignedHub === null || expectedHub === null) return null;
  // Host names have no case.
  return assignedHub.toLowerCase() === expectedHub.toLowerCase();
}

/** To which hubs the assigned registrations came. */
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
    this.#counts.set(outcome.assignedHub, (this.#counts.get(outcome.assignedHub) ?? 0) + 1);
    const expected = isExpectedHub(outcome);
    if (expected === true) this.#asExpected += 1;
    if (expected === false) this.#elsewhere += 1;
  }

  /** Assigned registrations that came to the hub of their `expected_hub`. */
  get asExpected(): number {
    return this.#asExpected;
  }

  /** Assigned registrations that came to another hub than their `expected_hub`. */
  get elsewhere(): number {
    return this.#elsewhere;
  }

  /** Rows that expect a hub, however they ended. */
  get expecting(): number {
    return this.#expecting;
  }

  /** The largest first, equal ones by name. */
  shares(): readonly HubShare[] {
    return [...this.#counts]
      .map(([hub, count]) => ({ hub, count, share: count / this.#assigned }))
      .sort((a, b) => b.count - a.count || (a.hub < b.hub ? -1 : 1));
  }
}
