import pLimit from 'p-limit';
import { readTime, StandstillWatch, TIME_LOOK_INTERVAL_MS } from '../load/standstill-watch.ts';
import type { Launch } from '../registration/launch.ts';
import type { Clock, Timer } from '../time/clock.ts';

/**
 * Starts launches at their intended start, or later if quota or governor hold them back, and never more than `concurrency` at a time.
 * Launches must be added in the order of `notBeforeMs`.
 */
export class ConcurrentLaunches {
  readonly #clock: Clock;
  readonly #limit: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly #start: (launch: Launch) => Promise<void>;
  /** Waiting for their start or for a slot. */
  readonly #unstarted = new Set<Launch>();
  #early: Launch[] = [];
  #timer: Timer | null = null;
  readonly #standstill: StandstillWatch;

  /** @param concurrency slots; @param start runs one registration and never rejects. */
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

  /** Removes and returns every launch that has not started. */
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

  /** After a suspension of the process no launch counts as late: those that wait for their start are held for as long as it lasted. */
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
