import type { Pace } from './pace.ts';
import type { Permits } from './permits.ts';

export type Placement = Readonly<{
  /** `null` = as soon as a slot is free. */
  intendedAtMs: number | null;
  /** How much later than meant it may start, for the sake of quota or governor: what waiting for a slot took is no part of it. */
  heldMs: number;
  /** The moment that its permit is valid, or its intended start; `null` = at once. */
  notBeforeMs: number | null;
}>;

export type ScheduleParts = {
  readonly pace: Pace;
  /** `null` = register requests need none. */
  readonly permits: Pick<Permits<never>, 'countBy' | 'take'> | null;
  /** Nothing is meant to start from then on; `Infinity` = not bounded. */
  readonly endAtMs: number;
};

/** Says when launches may start: the pace that the user asked for, within the permits, without the time of an outage. */
export class Schedule {
  readonly #parts: ScheduleParts;
  #placed = 0;
  /** How long outages and standstills have lasted so far: so much later is everything meant that they delayed. */
  #shiftMs = 0;
  #pausedAtMs: number | null = null;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  get isPaused(): boolean {
    return this.#pausedAtMs !== null;
  }

  /** Launches that may be placed now, for starts until `untilMs`. */
  placeable(nowMs: number, untilMs: number): number {
    if (this.isPaused) return 0;
    const { pace, permits, endAtMs } = this.#parts;
    // The end itself is outside.
    const lastMs = Math.min(untilMs, endAtMs - 1e-3);
    if (lastMs < nowMs) return 0;
    const due = pace.dueBy(lastMs - this.#shiftMs) - this.#placed;
    return Math.max(0, permits === null ? due : Math.min(due, permits.countBy(nowMs, lastMs)));
  }

  /** Whether the pace has no launch left, or its time is over. */
  isOver(nowMs: number): boolean {
    return this.#placed >= this.#parts.pace.total || nowMs >= this.#parts.endAtMs;
  }

  /**
   * Places the next launch.
   * @param slotsFreeSinceMs since when slots have not been what it waited for.
   * @param firstIntendedAtMs of one that is made again, from which its response time counts; `null` = it is made for the first time.
   */
  place(nowMs: number, slotsFreeSinceMs: number, firstIntendedAtMs: number | null): Placement {
    const { pace, permits } = this.#parts;
    const paceAtMs = pace.intendedAtMs(this.#placed);
    this.#placed += 1;
    const meantAtMs = paceAtMs === null ? null : paceAtMs + this.#shiftMs;
    const intendedAtMs = firstIntendedAtMs ?? meantAtMs;
    if (permits === null) return { intendedAtMs, heldMs: 0, notBeforeMs: meantAtMs };
    const permitAtMs = permits.take(Math.max(nowMs, meantAtMs ?? nowMs));
    if (meantAtMs === null) {
      const notBeforeMs = permitAtMs > nowMs ? permitAtMs : null;
      return { intendedAtMs: intendedAtMs ?? notBeforeMs, heldMs: 0, notBeforeMs };
    }
    const heldMs = Math.max(0, permitAtMs - Math.max(meantAtMs, slotsFreeSinceMs));
    return { intendedAtMs, heldMs, notBeforeMs: permitAtMs };
  }

  /** A launch outside the pace, to see whether the service is there again. */
  placeProbe(nowMs: number): Placement {
    const intendedAtMs = this.#parts.permits === null ? nowMs : this.#parts.permits.take(nowMs);
    return { intendedAtMs, heldMs: 0, notBeforeMs: intendedAtMs };
  }

  /** So many placed launches were never started: their places are free again. */
  giveBack(launches: number): void {
    this.#placed = Math.max(0, this.#placed - launches);
  }

  pause(atMs: number): void {
    this.#pausedAtMs ??= atMs;
  }

  /** Nothing ran for so long: what comes is meant so much later. A pause counts its own time. */
  skip(durationMs: number): void {
    if (!this.isPaused) this.#shiftMs += durationMs;
  }

  /** Goes on as if no time had passed since `pause`. */
  resume(atMs: number): void {
    if (this.#pausedAtMs !== null) this.#shiftMs += atMs - this.#pausedAtMs;
    this.#pausedAtMs = null;
  }
}

/**
 * A crash leaves rows that are marked as possibly registered twice though they were not sent: launches of this long at
 * most. They are those that were granted ahead, and those that were connecting.
 */
const GRANT_WINDOW_MS = 1_000;

/**
 * Rows are granted this long ahead of their launch: half of the window, so that a connection may take the other half.
 * Longer: more rows are marked in vain. Shorter: a slow disk could leave slots empty.
 */
export const GRANTED_AHEAD_MS = GRANT_WINDOW_MS / 2;

/** So that a run whose speed is not known yet, or is very slow, still fills its slots between two grants. */
const ROWS_AHEAD_MIN = 50;

/** Rows to grant ahead of free slots, from the launches that one second saw last. */
export function rowsAhead(launchesPerSecond: number): number {
  return Math.max(ROWS_AHEAD_MIN, Math.ceil((launchesPerSecond * GRANTED_AHEAD_MS) / 1000));
}
