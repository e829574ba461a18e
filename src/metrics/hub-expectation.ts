import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** How many of the assigned registrations were to come to which hub, by the `expected_hub` of their rows. */
export class HubExpectation {
  readonly #counts = new Map<string, number>();
  #expecting = 0;

  add({ result, expectedHub }: RegistrationOutcome): void {
    if (result !== 'assigned' || expectedHub === null) return;
    // Host names have no case.
    const hub = expectedHub.toLowerCase();
    this.#counts.set(hub, (this.#counts.get(hub) ?? 0) + 1);
    this.#expecting += 1;
  }

  /** Expected part of the assigned registrations whose rows expect a hub, 0 to 1, by hub in lower case. */
  shares(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hub, count]) => [hub, count / this.#expecting]),
    );
  }
}
