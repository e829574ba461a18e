/** This many failed connections in a row, over all devices and without a sign of life in between, are an outage. */
const FAILURES_IN_A_ROW = 20;

/**
 * Tells an outage from failures of single devices: only transport failures, and no sign of life between them. Before the first
 * sign of life there is no outage: a target that was never reached is another matter.
 */
export class OutageWatch {
  #everAlive = false;
  #failuresInARow = 0;
  #firstFailureAtMs = 0;
  #sinceMs: number | null = null;

  /** When the outage began; `null` = no outage. */
  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  /** Adds what was seen in a short time until `atMs`. @returns what that changed */
  saw(signsOfLife: number, connectionsLost: number, atMs: number): 'began' | 'ended' | null {
    if (signsOfLife > 0) return this.#alive();
    if (connectionsLost === 0 || !this.#everAlive || this.#sinceMs !== null) return null;
    if (this.#failuresInARow === 0) this.#firstFailureAtMs = atMs;
    this.#failuresInARow += connectionsLost;
    if (this.#failuresInARow < FAILURES_IN_A_ROW) return null;
    this.#sinceMs = this.#firstFailureAtMs;
    return 'began';
  }

  /** A standstill does not count as outage. */
  skip(durationMs: number): void {
    this.#firstFailureAtMs += durationMs;
    if (this.#sinceMs !== null) this.#sinceMs += durationMs;
  }

  #alive(): 'ended' | null {
    const ended = this.#sinceMs !== null;
    this.#everAlive = true;
    this.#failuresInARow = 0;
    this.#sinceMs = null;
    return ended ? 'ended' : null;
  }
}
