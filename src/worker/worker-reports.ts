import { CountsBySecond } from '../load/counts-by-second.ts';
import type { ConnectionLoss } from '../load/outage-watch.ts';
import { STALL_LOOK_INTERVAL_MS, type StallWatch } from '../load/stall-watch.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type Clock, repeat, repeatOnTheDot, type Timer } from '../time/clock.ts';
import { watchEventLoop } from '../time/event-loop-watch.ts';
import type { WorkerHealth } from './worker-messages.ts';

/** A message costs about as much as folding 20 outcomes; with 256 that is negligible. */
const BATCH_OUTCOMES_MAX = 256;
/** Keeps the live view and the journal up to date. */
const BATCH_DELAY_MS = 100;

/** Collects outcomes into batches of 256 or 100 ms, whichever comes first. */
export class OutcomeBatcher {
  readonly #clock: Clock;
  readonly #send: (outcomes: readonly RegistrationOutcome[]) => void;
  #batch: RegistrationOutcome[] = [];
  #timer: Timer | null = null;

  constructor(clock: Clock, send: (outcomes: readonly RegistrationOutcome[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  add(outcome: RegistrationOutcome): void {
    this.#batch.push(outcome);
    if (this.#batch.length >= BATCH_OUTCOMES_MAX) this.flush();
    else this.#timer ??= this.#clock.wakeAt(this.#clock.nowMs() + BATCH_DELAY_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#send(batch);
  }
}

const HEALTH_INTERVAL_MS = 1_000;

/**
 * A loop that is busy for 95% of a second: what arrives waits, on average, for at least ten times as long as it takes (M/D/1: ρ / 2(1 − ρ)),
 * and a slightly higher load would pile up.
 */
const SATURATED_SHARE = 0.95;

/** More losses than this in one report prove nothing further. */
const LOSSES_MAX = 32;

/** Looks for stalls of a worker's event loop, and reports its health at each whole second of the clock. All but the number in flight begins anew. */
export class HealthReporter {
  readonly stalls: StallWatch;
  readonly #send: (health: Omit<WorkerHealth, 'held'>) => void;
  readonly #loop = watchEventLoop();
  #timers: readonly Timer[] = [];
  #inFlight = 0;
  readonly #launched = new CountsBySecond();
  #startLagMaxMs: number | null = null;
  #aliveAtMs: number | null = null;
  #losses: ConnectionLoss[] = [];
  #saturatedMs = 0;

  constructor(stalls: StallWatch, send: (health: Omit<WorkerHealth, 'held'>) => void) {
    this.stalls = stalls;
    this.#send = send;
  }

  begin(clock: Clock): void {
    this.stalls.look(clock.nowMs());
    this.#timers = [
      repeat(clock, STALL_LOOK_INTERVAL_MS, () => this.stalls.look(clock.nowMs())),
      repeatOnTheDot(clock, HEALTH_INTERVAL_MS, (secondMs) => {
        const { share, elapsedMs } = this.#loop.takeBusy();
        if (share >= SATURATED_SHARE) this.#saturatedMs += elapsedMs;
        this.report(secondMs);
      }),
    ];
  }

  started({ intendedAtMs, heldMs }: Launch, nowMs: number): void {
    this.#inFlight += 1;
    this.#launched.add(nowMs);
    if (intendedAtMs !== null) this.#startLagMaxMs = Math.max(this.#startLagMaxMs ?? 0, nowMs - intendedAtMs - heldMs);
  }

  ended(): void {
    this.#inFlight -= 1;
  }

  alive(atMs: number): void {
    this.#aliveAtMs = atMs;
    this.#losses = [];
  }

  lost(loss: ConnectionLoss): void {
    if (this.#losses.length < LOSSES_MAX) this.#losses.push(loss);
  }

  /** Sends the last report. */
  end(): void {
    for (const timer of this.#timers) timer.cancel();
    this.report(Number.POSITIVE_INFINITY);
    this.#loop.stop();
  }

  /**
   * Sends a report.
   *
   * @param launchedBeforeMs a report comes a little late: what was launched in the second that has just begun is left to the next. By default
   *   all launches are, since a report besides those of every second is of other news
   */
  report(launchedBeforeMs = Number.NEGATIVE_INFINITY): void {
    this.#send({
      inFlight: this.#inFlight,
      launched: this.#launched.takeBefore(launchedBeforeMs),
      startLagMaxMs: this.#startLagMaxMs,
      aliveAtMs: this.#aliveAtMs,
      losses: this.#losses,
      loopDelayMaxMs: this.#loop.takeMaxDelayMs(),
      saturatedMs: this.#saturatedMs,
    });
    this.#startLagMaxMs = null;
    this.#aliveAtMs = null;
    this.#losses = [];
    this.#saturatedMs = 0;
  }
}
