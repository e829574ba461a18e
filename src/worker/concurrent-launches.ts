import pLimit, { type LimitFunction } from 'p-limit';
import type { StallWatch } from '../load/stall-watch.ts';
import { readTime, StandstillWatch, TIME_LOOK_INTERVAL_MS } from '../load/standstill-watch.ts';
import type { Launch } from '../registration/launch.ts';
import type { LaunchStart } from '../registration/run-registration.ts';
import { LATE_MIN_MS } from '../registration/stalled-times.ts';
import type { Clock, Timer } from '../time/clock.ts';

type Waiting = {
  readonly launch: Launch;
  /** The part of its hold that a suspension of the process caused. */
  readonly suspendedMs: number;
  /** Stalls of the event loop up to its arrival. */
  readonly stalledMs: number;
};

/** A launch that may start, and waits for a slot if none is free. */
type Due = {
  readonly waiting: Waiting;
  readonly dueAtMs: number;
  /** Stalls of the event loop up to the moment when it was due. */
  readonly stalledMs: number;
  readonly slotIsFree: boolean;
  /** Others are due at the same moment, as the load asks for: one can only start after the other. */
  readonly isBurst: boolean;
};

/**
 * Starts launches at their intended start, or later if quota or governor hold them back, and never more than `concurrency` at a time.
 * Launches must be added in the order of `notBeforeMs`.
 */
export class ConcurrentLaunches {
  readonly #clock: Clock;
  readonly #stalls: StallWatch;
  readonly #concurrency: number;
  readonly #limit: LimitFunction;
  readonly #start: (launch: Launch, start: LaunchStart) => Promise<void>;
  /** Waiting for their start or for a slot. */
  readonly #unstarted = new Set<Waiting>();
  #early: Waiting[] = [];
  #timer: Timer | null = null;
  readonly #standstill: StandstillWatch;

  /** @param concurrency slots; @param start runs one registration and never rejects. */
  constructor(
    clock: Clock,
    stalls: StallWatch,
    concurrency: number,
    start: (launch: Launch, start: LaunchStart) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#stalls = stalls;
    this.#concurrency = concurrency;
    this.#limit = pLimit(concurrency);
    this.#start = start;
    this.#standstill = new StandstillWatch(readTime(clock));
  }

  add(launches: readonly Launch[]): void {
    this.#holdForStandstill();
    const stalledMs = this.#stalls.look(this.#clock.nowMs());
    for (const launch of launches) this.#wait({ launch, suspendedMs: 0, stalledMs });
    this.#releaseDue();
  }

  /** Removes and returns every launch that has not started. */
  drop(): readonly Launch[] {
    const dropped = [...this.#unstarted].map(({ launch }) => launch);
    this.#unstarted.clear();
    this.#early = [];
    this.#timer?.cancel();
    this.#timer = null;
    return dropped;
  }

  #wait(waiting: Waiting): void {
    this.#unstarted.add(waiting);
    this.#early.push(waiting);
  }

  #releaseDue(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const nowMs = this.#clock.nowMs();
    const firstEarly = this.#early.findIndex(({ launch }) => (launch.notBeforeMs ?? nowMs) > nowMs);
    const due = this.#early.splice(0, firstEarly < 0 ? this.#early.length : firstEarly);
    for (const [index, waiting] of due.entries()) this.#release(waiting, [due[index - 1], due[index + 1]], nowMs);
    const next = this.#early[0]?.launch.notBeforeMs ?? null;
    if (next === null) return;
    this.#timer = this.#clock.wakeAt(Math.min(next, nowMs + TIME_LOOK_INTERVAL_MS), () => {
      this.#holdForStandstill();
      this.#releaseDue();
    });
  }

  #release(waiting: Waiting, neighbours: readonly (Waiting | undefined)[], nowMs: number): void {
    const { notBeforeMs } = waiting.launch;
    const dueAtMs = notBeforeMs ?? nowMs;
    const stalledMs = this.#stalls.look(nowMs);
    const due: Due = {
      waiting,
      dueAtMs,
      // Of the stalls since it arrived, only one that was not over by then delays it.
      stalledMs: stalledMs - Math.min(nowMs - dueAtMs, stalledMs - waiting.stalledMs),
      slotIsFree: this.#limit.activeCount + this.#limit.pendingCount < this.#concurrency,
      isBurst: neighbours.some((other) => other?.launch.notBeforeMs === notBeforeMs),
    };
    void this.#limit(() => this.#startUnlessDropped(due));
  }

  /** After a suspension of the process no launch counts as late: those that wait for their start are held for as long as it lasted. */
  #holdForStandstill(): void {
    const { standstillMs } = this.#standstill.look(readTime(this.#clock));
    if (standstillMs === 0) return;
    const held = this.#early.map((waiting) => heldLonger(waiting, standstillMs));
    for (const waiting of this.#early) this.#unstarted.delete(waiting);
    this.#early = [];
    for (const waiting of held) this.#wait(waiting);
  }

  async #startUnlessDropped(due: Due): Promise<void> {
    if (!this.#unstarted.delete(due.waiting)) return;
    const nowMs = this.#clock.nowMs();
    await this.#start(due.waiting.launch, launchStart(due, nowMs, this.#stalls.look(nowMs)));
  }
}

function heldLonger({ launch, suspendedMs, stalledMs }: Waiting, durationMs: number): Waiting {
  const { heldMs, notBeforeMs } = launch;
  return {
    launch: {
      ...launch,
      heldMs: heldMs + durationMs,
      notBeforeMs: notBeforeMs === null ? null : notBeforeMs + durationMs,
    },
    suspendedMs: suspendedMs + durationMs,
    stalledMs,
  };
}

/** Divides the start lag: a launch that found all slots taken waited for one, as far as the event loop did not stand still. */
function launchStart(
  { waiting, dueAtMs, slotIsFree, isBurst, ...due }: Due,
  nowMs: number,
  stalledMs: number,
): LaunchStart {
  const { intendedAtMs, heldMs } = waiting.launch;
  const lagMs = intendedAtMs === null ? 0 : Math.max(0, nowMs - intendedAtMs - heldMs);
  const ownMs = slotIsFree && !isBurst ? nowMs - dueAtMs : stalledMs - due.stalledMs;
  const startLagMs = ownMs < LATE_MIN_MS ? 0 : Math.min(ownMs, lagMs);
  const slotWaitMs = slotIsFree ? 0 : lagMs - startLagMs;
  return { heldMs: waiting.suspendedMs, startLagMs, slotWaitMs: slotWaitMs < LATE_MIN_MS ? 0 : slotWaitMs };
}
