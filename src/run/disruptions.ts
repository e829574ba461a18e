import type { Schedule } from '../load/schedule.ts';
import { readTime, StandstillWatch } from '../load/standstill-watch.ts';
import { formatDuration } from '../report/format.ts';
import type { Clock } from '../time/clock.ts';
import { OutageControl, type OutageParts } from './outage-control.ts';
import type { RunListener } from './run-listener.ts';

/** What keeps a session from its schedule: a suspended process, a wall clock that jumps, an outage of the target, no workers. */
export class Disruptions {
  readonly outage: OutageControl;
  readonly #clock: Clock;
  readonly #listener: Pick<RunListener, 'notice'>;
  readonly #standstill: StandstillWatch;
  #schedule: Schedule | null = null;
  #clockMoved = false;
  #suspendedMs = 0;
  /** Since when there has been no worker. */
  #workerlessSinceMs: number | null = null;

  constructor(parts: OutageParts) {
    this.#clock = parts.clock;
    this.#listener = parts.listener;
    this.outage = new OutageControl(parts);
    this.#standstill = new StandstillWatch(readTime(parts.clock));
  }

  /** From now on disruptions delay this schedule. */
  delay(schedule: Schedule): void {
    this.#schedule = schedule;
    this.outage.delay(schedule);
  }

  lookAtTime(): void {
    const listener = this.#listener;
    const { standstillMs, clockMovedMs } = this.#standstill.look(readTime(this.#clock));
    if (standstillMs > 0) {
      this.#suspendedMs += standstillMs;
      this.#schedule?.skip(standstillMs);
      this.outage.skip(standstillMs);
      const gap = formatDuration(standstillMs);
      listener.notice(`This process was suspended for ${gap}. The schedule resumes from now; the gap counts as held.`);
    }
    if (clockMovedMs !== 0) {
      this.#clockMoved = true;
      const jump = `${clockMovedMs < 0 ? 'back' : 'ahead'} by ${formatDuration(Math.abs(clockMovedMs))}`;
      listener.notice(`The wall clock jumped ${jump}: it was set, or the machine slept.`);
    }
  }

  /** Without workers nothing is launched, and the schedule stands still: what was due meanwhile would follow as a burst. */
  workersAreGone(areGone: boolean): void {
    const nowMs = this.#clock.nowMs();
    if (areGone && this.#workerlessSinceMs === null) {
      this.#workerlessSinceMs = nowMs;
      this.#listener.notice('No worker is left. Launches wait until one is ready.');
    } else if (!areGone && this.#workerlessSinceMs !== null) {
      const waitedMs = nowMs - this.#workerlessSinceMs;
      this.#workerlessSinceMs = null;
      this.#schedule?.skip(waitedMs);
      this.#listener.notice(`A worker is ready after ${formatDuration(waitedMs)}. The schedule resumes from now.`);
    }
  }

  /** How long the process was suspended since the last call. */
  takeSuspendedMs(): number {
    const suspendedMs = this.#suspendedMs;
    this.#suspendedMs = 0;
    return suspendedMs;
  }

  /** The wall clock at 0 of the session's clock where it has jumped since the last call, else `null`. */
  takeMovedClock(): number | null {
    const moved = this.#clockMoved;
    this.#clockMoved = false;
    return moved ? this.#standstill.epochAtZeroMs : null;
  }
}
