import { ProbePauses, SlowStart } from '../load/outage-recovery.ts';
import { OutageWatch } from '../load/outage-watch.ts';
import type { Schedule } from '../load/schedule.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { formatDuration, formatNoun } from '../report/format.ts';
import type { Clock } from '../time/clock.ts';
import type { WorkerHealth } from '../worker/worker-messages.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import type { RunListener } from './run-listener.ts';
import type { StopCause } from './stop-rules.ts';

export type OutageParts = {
  readonly clock: Clock;
  readonly listener: Pick<RunListener, 'notice' | 'outage'>;
  /** Without it, devices behave as if they knew nothing of each other; only `outageMaxMs` applies. */
  readonly holds: boolean;
  readonly outageMaxMs: number;
  readonly workers: Pick<WorkerPool, 'send' | 'sendAll'>;
  /** Most connections a second after an outage. */
  readonly limitPerSecond: () => number;
};

/** What to do with an outcome; `later`: it is not known yet whether an outage caused it. */
export type OutcomeJudgment = 'settle' | 'again' | 'later';

/** An outage that is not noticed by then did not cause the failure. */
const UNNOTICED_MAX_MS = 10_000;

/**
 * Leads a session through an outage of the target: holds what would connect, lets one registration at a time probe, and lets the load return
 * step by step: first what is held, then new launches.
 */
export class OutageControl {
  readonly #parts: OutageParts;
  readonly #watch = new OutageWatch();
  readonly #health = new Map<number, Pick<WorkerHealth, 'inFlight' | 'held'>>();
  #schedule: Schedule | null = null;
  #pauses: ProbePauses | null = null;
  #probing = false;
  #slowStart: SlowStart | null = null;

  constructor(parts: OutageParts) {
    this.#parts = parts;
  }

  /** Only probes may connect. */
  get isOutage(): boolean {
    return this.#parts.holds && this.#watch.sinceMs !== null;
  }

  /** From now on outages delay this schedule; one that begins during an outage begins paused. */
  delay(schedule: Schedule): void {
    this.#schedule = schedule;
    if (this.isOutage) schedule.pause(this.#parts.clock.nowMs());
  }

  /** A standstill does not count as outage. */
  skip(durationMs: number): void {
    this.#watch.skip(durationMs);
    this.#tell();
  }

  heard(worker: number, health: WorkerHealth): void {
    this.#health.set(worker, health);
    const change = this.#watch.saw(health, this.#sum('inFlight'));
    if (change === 'began') this.#begin();
    else if (change === 'ended') this.#end();
    else this.#tell();
  }

  /** Call often: releases the next probe, or what may connect again after the outage. */
  steer(): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.isOutage) {
      if (this.#probeIsDue(nowMs) && this.#releaseHeld(1) > 0) this.#probing = true;
      return;
    }
    // A registration may have been held while the news of the end was on its way.
    if (this.#parts.holds && this.#sum('held') > 0) this.#slowStart ??= this.#newSlowStart(nowMs);
    if (this.#slowStart !== null) {
      this.#releaseHeld(this.#slowStart.take(this.#sum('held'), nowMs));
      this.#resumeWhenRampedUp(this.#slowStart, nowMs);
    }
  }

  /** Whether the next probe should be a row, since no registration is held. */
  wantsRow(): boolean {
    return this.isOutage && this.#sum('held') === 0 && this.#probeIsDue(this.#parts.clock.nowMs());
  }

  probeStarted(): void {
    this.#probing = true;
  }

  probeEnded(): void {
    this.#probing = false;
    this.#pauses?.failed(this.#parts.clock.nowMs());
  }

  /** How many of these launches may start now: fewer while the load ramps up. */
  launchable(count: number): number {
    return this.#slowStart === null ? count : this.#slowStart.take(count, this.#parts.clock.nowMs());
  }

  /** The worker is gone with all that it held. */
  workerLost(worker: number): void {
    this.#health.delete(worker);
    this.#probing = false;
  }

  /** One that replaces a lost one must know what the others know. */
  workerReady(worker: number): void {
    const { sinceMs } = this.#watch;
    if (this.isOutage && sinceMs !== null) this.#parts.workers.send(worker, { type: 'outageBegan', sinceMs });
  }

  /** Judges whether a failure is the target's: then the registration is made again. */
  judge({ attempts, finishedAtMs, result }: RegistrationOutcome): OutcomeJudgment {
    const mayBeOutage = attempts > 0 && (result === 'disconnected' || result === 'timed-out');
    const { aliveAtMs } = this.#watch;
    if (!this.#parts.holds || !mayBeOutage || finishedAtMs === null || aliveAtMs === null) return 'settle';
    if (this.#watch.covers(finishedAtMs)) return 'again';
    const isKnown = aliveAtMs > finishedAtMs || this.#parts.clock.nowMs() >= finishedAtMs + UNNOTICED_MAX_MS;
    return isKnown ? 'settle' : 'later';
  }

  /** Why the run should end when an outage has lasted too long, else `null`. */
  longOutage(nowMs: number): StopCause | null {
    const { outageMaxMs } = this.#parts;
    const { sinceMs } = this.#watch;
    if (sinceMs === null || nowMs - sinceMs < outageMaxMs) return null;
    return { reason: 'outage', message: `the target did not respond for ${formatDuration(outageMaxMs)}` };
  }

  #tell(): void {
    const { sinceMs } = this.#watch;
    if (sinceMs !== null) this.#parts.listener.outage({ sinceMs, held: this.#sum('held') });
  }

  #begin(): void {
    const { clock, holds, listener, workers } = this.#parts;
    const nowMs = clock.nowMs();
    const sinceMs = this.#watch.sinceMs ?? nowMs;
    this.#tell();
    const silent = `The target has stopped responding: nothing has succeeded for ${formatDuration(nowMs - sinceMs)}.`;
    if (!holds) {
      listener.notice(`${silent} Devices keep trying on their own (--on-outage ignore).`);
      return;
    }
    this.#schedule?.pause(nowMs);
    this.#slowStart = null;
    this.#pauses = new ProbePauses(nowMs);
    this.#probing = false;
    workers.sendAll({ type: 'outageBegan', sinceMs });
    const inFlight = formatNoun(this.#sum('inFlight'), 'registration');
    listener.notice(
      `${silent} Launches are paused; of ${inFlight} in flight, those that must connect are held. One device at a time probes it.`,
    );
  }

  #end(): void {
    const { clock, holds, listener, workers } = this.#parts;
    listener.outage(null);
    const lasted = `The target is responding again after ${formatDuration(this.#watch.lastedMs)}.`;
    if (!holds) {
      listener.notice(lasted);
      return;
    }
    this.#pauses = null;
    this.#probing = false;
    this.#slowStart = this.#newSlowStart(clock.nowMs());
    workers.sendAll({ type: 'outageEnded' });
    const held = formatNoun(this.#sum('held'), 'held registration');
    listener.notice(`${lasted} The load ramps up again, beginning with ${held}.`);
    this.steer();
  }

  #newSlowStart(nowMs: number): SlowStart {
    return new SlowStart(nowMs, this.#parts.limitPerSecond());
  }

  /** A paced schedule is not resumed before the load is back: what it missed would follow as a burst. */
  #resumeWhenRampedUp(slowStart: SlowStart, nowMs: number): void {
    if (this.#sum('held') > 0) return;
    const isOver = slowStart.isOver(nowMs);
    if (isOver) this.#slowStart = null;
    if (isOver || this.#schedule?.isPaced === false) this.#schedule?.resume(nowMs);
  }

  #probeIsDue(nowMs: number): boolean {
    return !this.#probing && this.#pauses !== null && nowMs >= this.#pauses.nextAtMs;
  }

  /** @returns how many were released */
  #releaseHeld(count: number): number {
    let left = count;
    for (const [worker, health] of this.#health) {
      const released = Math.min(left, health.held);
      if (released === 0) continue;
      this.#parts.workers.send(worker, { type: 'releaseHeld', count: released });
      // Until the next report.
      this.#health.set(worker, { ...health, held: health.held - released });
      left -= released;
    }
    return count - left;
  }

  #sum(what: 'inFlight' | 'held'): number {
    return [...this.#health.values()].reduce((sum, health) => sum + health[what], 0);
  }
}
