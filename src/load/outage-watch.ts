export const ON_OUTAGE = ['hold', 'ignore'] as const;
/** During an outage: hold all registrations but one, or let devices behave as if they knew nothing of each other. */
export type OnOutage = (typeof ON_OUTAGE)[number];

/** This many registrations whose connections failed, without a sign of life in between, are an outage at once. */
const DEVICES_AT_ONCE = 20;
/** Fewer are one if the target could not be reached for so long: no single device can cause that, unless it is alone. */
const DEVICES_MIN = 3;
const UNREACHABLE_MIN_MS = 2_000;

/** A connection failed or went silent. */
export type ConnectionLoss = {
  /** Launch number of the registration. */
  readonly sequence: number;
  readonly atMs: number;
  /** TLS had been established: the fault may be with this device. */
  readonly reached: boolean;
};

/** What a worker saw in a short time. */
export type ConnectionReport = {
  /** The last sign of life: a CONNACK, or an answer. */
  readonly aliveAtMs: number | null;
  /** After that. */
  readonly losses: readonly ConnectionLoss[];
};

type Losses = { readonly firstAtMs: number; readonly lastAtMs: number; readonly reached: boolean };

/**
 * Tells an outage from failures of single devices: everything that was tried failed, and there was no sign of life. Before the first
 * sign of life there is no outage: a target that was never reached is another matter.
 *
 * It is an outage when connections of 20 registrations were lost, or when for two seconds those of 3 registrations, or of all in flight,
 * failed before TLS was established.
 */
export class OutageWatch {
  #aliveAtMs: number | null = null;
  /** Since the last sign of life, by launch number. */
  readonly #losses = new Map<number, Losses>();
  #sinceMs: number | null = null;
  #last: { readonly sinceMs: number; readonly untilMs: number } | null = null;

  /** When the outage began; `null` = no outage. */
  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  /** How long the last outage lasted that has ended. */
  get lastedMs(): number {
    return this.#last === null ? 0 : this.#last.untilMs - this.#last.sinceMs;
  }

  /** The last sign of life; `null` = none yet. */
  get aliveAtMs(): number | null {
    return this.#aliveAtMs;
  }

  /** Returns whether a moment lies in the present outage or in the last one. */
  covers(atMs: number): boolean {
    if (this.#sinceMs !== null && atMs >= this.#sinceMs) return true;
    return this.#last !== null && atMs >= this.#last.sinceMs && atMs <= this.#last.untilMs;
  }

  /** @param inFlight registrations in flight on all workers; @returns what the report changed */
  saw({ aliveAtMs, losses }: ConnectionReport, inFlight: number): 'began' | 'ended' | null {
    const ended = aliveAtMs !== null && this.#alive(aliveAtMs);
    for (const loss of losses) this.#add(loss);
    if (ended) return 'ended';
    if (this.#sinceMs !== null || this.#aliveAtMs === null) return null;
    this.#sinceMs = this.#outageSinceMs(inFlight);
    return this.#sinceMs === null ? null : 'began';
  }

  /** A standstill does not count as outage. */
  skip(durationMs: number): void {
    this.#losses.clear();
    if (this.#sinceMs !== null) this.#sinceMs += durationMs;
  }

  /** @returns whether this ends an outage */
  #alive(atMs: number): boolean {
    this.#aliveAtMs = Math.max(this.#aliveAtMs ?? atMs, atMs);
    for (const [sequence, { firstAtMs, lastAtMs, reached }] of this.#losses) {
      if (lastAtMs <= atMs) this.#losses.delete(sequence);
      else if (firstAtMs <= atMs) this.#losses.set(sequence, { firstAtMs: lastAtMs, lastAtMs, reached });
    }
    // A late report of what was before it.
    if (this.#sinceMs === null || atMs <= this.#sinceMs) return false;
    this.#last = { sinceMs: this.#sinceMs, untilMs: atMs };
    this.#sinceMs = null;
    return true;
  }

  #add({ sequence, atMs, reached }: ConnectionLoss): void {
    if (this.#aliveAtMs !== null && atMs <= this.#aliveAtMs) return;
    const firstAtMs = this.#losses.get(sequence)?.firstAtMs ?? atMs;
    this.#losses.set(sequence, { firstAtMs, lastAtMs: atMs, reached });
  }

  #outageSinceMs(inFlight: number): number | null {
    const losses = [...this.#losses.values()];
    const firstAtMs = Math.min(...losses.map((loss) => loss.firstAtMs));
    if (losses.length >= DEVICES_AT_ONCE) return firstAtMs;
    const unreachable = losses.filter(({ reached }) => !reached);
    const enough = unreachable.length >= Math.min(DEVICES_MIN, Math.max(1, inFlight));
    const lastAtMs = Math.max(...unreachable.map((loss) => loss.lastAtMs));
    return enough && lastAtMs - firstAtMs >= UNREACHABLE_MIN_MS ? firstAtMs : null;
  }
}
