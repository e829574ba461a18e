import type { Pace } from './pace.ts';
import type { Permits } from './permits.ts';

export type Placement = Readonly<{
  /** `null` = as soon as a slot is free. */
  intendedAtMs: number | null;
  /** How much later than intended it may start because of quota or governor, without the time it waited for a slot. */
  heldMs: number;
  /** When its permit is valid, or its intended start; `null` = at once. */
  notBeforeMs: number | null;
  /** When its permit lapses; `null` = it needs none, or no quota bounds the run. */
  permitUntilMs: number | null;
}>;

export type ScheduleParts = {
  readonly pace: Pace;
  /** `null` = register requests need no permits. */
  readonly permits: Pick<Permits<never>, 'countBy' | 'take' | 'lapsesAtMs'> | null;
  /** Nothing starts from then on; `Infinity` = not bounded. */
  readonly endAtMs: number;
};

/** Decides when launches may start: at the pace of the load, within the permits, delayed by outages and standstills. */
export class Schedule {
  readonly #parts: ScheduleParts;
  #placed = 0;
  /** Total delay by outages and standstills so far. */
  #shiftMs = 0;
  #pausedAtMs: number | null = null;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** `false` where only slots bound the launches. */
  get isPaced(): boolean {
    return Number.isFinite(this.#parts.pace.dueBy(Number.MAX_SAFE_INTEGER));
  }

  get isPaused(): boolean {
    return this.#pausedAtMs !== null;
  }

  /** How many launches can be placed now to start by `untilMs`. */
  placeable(nowMs: number, untilMs: number): number {
    if (this.isPaused) return 0;
    const { pace, permits, endAtMs } = this.#parts;
    // The end itself is excluded.
    const lastMs = Math.min(untilMs, endAtMs - 1e-3);
    if (lastMs < nowMs) return 0;
    const due = pace.dueBy(lastMs - this.#shiftMs) - this.#placed;
    return Math.max(0, permits === null ? due : Math.min(due, permits.countBy(nowMs, lastMs)));
  }

  /** Returns whether the pace has no launch left, or its time is over. */
  isOver(nowMs: number): boolean {
    return this.#placed >= this.#parts.pace.total || nowMs >= this.#parts.endAtMs;
  }

  /**
   * Places the next launch.
   *
   * @param slotsFreeSinceMs when it stopped waiting for a slot
   * @param firstIntendedAtMs when a repeated launch was first intended, from which its response time counts; `null` = a first launch
   */
  place(nowMs: number, slotsFreeSinceMs: number, firstIntendedAtMs: number | null): Placement {
    const { pace, permits } = this.#parts;
    const paceAtMs = pace.intendedAtMs(this.#placed);
    this.#placed += 1;
    const meantAtMs = paceAtMs === null ? null : paceAtMs + this.#shiftMs;
    const intendedAtMs = firstIntendedAtMs ?? meantAtMs;
    if (permits === null) return { intendedAtMs, heldMs: 0, notBeforeMs: meantAtMs, permitUntilMs: null };
    const permitAtMs = permits.take(Math.max(nowMs, meantAtMs ?? nowMs));
    const permitUntilMs = permits.lapsesAtMs(permitAtMs);
    if (meantAtMs === null) {
      const notBeforeMs = permitAtMs > nowMs ? permitAtMs : null;
      return { intendedAtMs: intendedAtMs ?? notBeforeMs, heldMs: 0, notBeforeMs, permitUntilMs };
    }
    const heldMs = Math.max(0, permitAtMs - Math.max(meantAtMs, slotsFreeSinceMs));
    return { intendedAtMs, heldMs, notBeforeMs: permitAtMs, permitUntilMs };
  }

  /** Places a launch outside the pace, to find out whether the service responds again. */
  placeProbe(nowMs: number): Placement {
    const { permits } = this.#parts;
    const intendedAtMs = permits === null ? nowMs : permits.take(nowMs);
    const permitUntilMs = permits?.lapsesAtMs(intendedAtMs) ?? null;
    return { intendedAtMs, heldMs: 0, notBeforeMs: intendedAtMs, permitUntilMs };
  }

  /** Frees the places of launches that were never started. */
  giveBack(launches: number): void {
    this.#placed = Math.max(0, this.#placed - launches);
  }

  pause(atMs: number): void {
    this.#pausedAtMs ??= atMs;
  }

  /** Delays all further launches after a standstill. A pause counts its own time. */
  skip(durationMs: number): void {
    if (!this.isPaused) this.#shiftMs += durationMs;
  }

  /** Continues as if no time had passed since `pause`. */
  resume(atMs: number): void {
    if (this.#pausedAtMs !== null) this.#shiftMs += atMs - this.#pausedAtMs;
    this.#pausedAtMs = null;
  }
}

/**
 * A crash leaves rows that are marked as possibly registered twice although they were not sent: those granted ahead and those
 * connecting. They are the launches of at most this long.
 */
const GRANT_WINDOW_MS = 1_000;

/**
 * How long before their launch rows are granted: half of the window; the other half is for connecting. A longer time would
 * mark more rows needlessly; with a shorter one, a slow disk could leave slots empty.
 */
export const GRANTED_AHEAD_MS = GRANT_WINDOW_MS / 2;

/** Enough to fill the slots between two grants while the run is slow, or its speed is not known yet. */
const ROWS_AHEAD_MIN = 50;

/** How many rows to grant ahead of free slots, from the launches of the last second. */
export function rowsAhead(launchesPerSecond: number): number {
  return Math.max(ROWS_AHEAD_MIN, Math.ceil((launchesPerSecond * GRANTED_AHEAD_MS) / 1000));
}
