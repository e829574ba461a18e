import pLimit from 'p-limit';
import { readTime, StandstillWatch, TIME_LOOK_INTERVAL_MS } from '../load/standstill-watch.ts';
import type { Launch } from '../registration/launch.ts';
import type { Clock, Timer } from '../time/clock.ts';

/**
 * Holds launches until their intended start, and as long as quota or governor hold them after it, then until a slot is free,
 * and starts them. Launches must be added in the order of these moments.
 */
export class LaunchQueue {
  readonly #clock: Clock;
  readonly #limit: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly #start: (launch: Launch) => Promise<void>;
  /** Not started yet: waiting for their moment or for a slot. */
  readonly #unstarted = new Set<Launch>();
  #early: Launch[] = [];
  #timer: Timer | null = null;
  readonly #standstill: StandstillWatch;

  /** @param concurrency slots; @param start runs one registration, and never rejects. */
  constructor(clock: Clock, concurrency: number, start: (launch: Launch) => Promise<void>) {
    this.#clock = clock;
    this.#limit = pLimit(concurrency);
    this.#start = start;
    this.#standstill = new StandstillWatch(readTime(clock));
  }

  add(launches: readonly Launch[]): void {
    this.#holdForStandstill();
    for (const launch of launches) {
      this.#unstarted.add(launch);
      this.#early.push(launch);
    }
    this.#releaseDue();
  }

  /** Takes out all that has not been started. */
  drop(): readonly Launch[] {
    const dropped = [...this.#unstarted];
    this.#unstarted.clear();
    this.#early = [];
    this.#timer?.cancel();
    this.#timer = null;
    return dropped;
  }

  #releaseDue(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const nowMs = this.#clock.nowMs();
    const firstEarly = this.#early.findIndex(({ notBeforeMs }) => (notBeforeMs ?? nowMs) > nowMs);
    const due = this.#early.splice(0, firstEarly < 0 ? this.#early.length : firstEarly);
    for (const launch of due) void this.#limit(() => this.#startUnlessDropped(launch));
    const next = this.#early[0]?.notBeforeMs ?? null;
    if (next === null) return;
    this.#timer = this.#clock.wakeAt(Math.min(next, nowMs + TIME_LOOK_INTERVAL_MS), () => {
      this.#holdForStandstill();
      this.#releaseDue();
    });
  }

  /** Nobody was late: nothing ran. What waits for its moment goes on as before, so much later. */
  #holdForStandstill(): void {
    const { standstillMs } = this.#standstill.look(readTime(this.#clock));
    if (standstillMs === 0) return;
    for (const launch of this.#early) this.#unstarted.delete(launch);
    this.#early = this.#early.map((launch) => heldLonger(launch, standstillMs));
    for (const launch of this.#early) this.#unstarted.add(launch);
  }

  async #startUnlessDropped(launch: Launch): Promise<void> {
    if (this.#unstarted.delete(launch)) await this.#start(launch);
  }
}

function heldLonger(launch: Launch, durationMs: number): Launch {
  const { heldMs, notBeforeMs } = launch;
  return {
    ...launch,
    heldMs: heldMs + durationMs,
    notBeforeMs: notBeforeMs === null ? null : notBeforeMs + durationMs,
  };
}
