import { OutageWatch } from '../load/outage-watch.ts';
import type { Schedule } from '../load/schedule.ts';
import { readTime, StandstillWatch } from '../load/standstill-watch.ts';
import { formatDuration } from '../report/format.ts';
import type { Clock } from '../time/clock.ts';
import type { WorkerHealth } from '../worker/worker-messages.ts';
import type { RunListener } from './run-listener.ts';
import type { StopCause } from './stop-rules.ts';

export type DisruptionsParts = {
  readonly clock: Clock;
  readonly listener: Pick<RunListener, 'notice' | 'outage'>;
  readonly outageMaxMs: number;
  /** Called when an outage begins: what waits at the workers would only meet it. */
  readonly handBackWaiting: () => void;
};

/** What keeps a session from its schedule: a suspended process, a wall clock that jumps, an outage of the target. */
export class Disruptions {
  readonly #parts: DisruptionsParts;
  readonly #standstill: StandstillWatch;
  readonly #outage = new OutageWatch();
  #schedule: Schedule | null = null;
  #clockMoved = false;

  constructor(parts: DisruptionsParts) {
    this.#parts = parts;
    this.#standstill = new StandstillWatch(readTime(parts.clock));
  }

  get isOutage(): boolean {
    return this.#outage.sinceMs !== null;
  }

  /** From now on disruptions delay this schedule; one that begins during an outage begins paused. */
  delay(schedule: Schedule): void {
    this.#schedule = schedule;
    if (this.isOutage) schedule.pause(this.#parts.clock.nowMs());
  }

  lookAtTime(): void {
    const { clock, listener } = this.#parts;
    const { standstillMs, clockMovedMs } = this.#standstill.look(readTime(clock));
    if (standstillMs > 0) {
      this.#schedule?.skip(standstillMs);
      this.#outage.skip(standstillMs);
      if (this.isOutage) listener.outage(this.#outage.sinceMs);
      const gap = `${Math.round(standstillMs / 1000)} s`;
      listener.notice(`This process was suspended for ${gap}. The schedule resumes from now; the gap counts as held.`);
    }
    if (clockMovedMs !== 0) {
      this.#clockMoved = true;
      const jump = `${Math.round(clockMovedMs / 1000)} s`;
      listener.notice(`The wall clock jumped by ${jump}: it was set, or the machine slept.`);
    }
  }

  /** The wall clock at 0 of the session's clock where it has jumped since the last call, else `null`. */
  takeMovedClock(): number | null {
    const moved = this.#clockMoved;
    this.#clockMoved = false;
    return moved ? this.#standstill.epochAtZeroMs : null;
  }

  heard({ signsOfLife, connectionsLost }: WorkerHealth): void {
    const { clock, handBackWaiting, listener } = this.#parts;
    const nowMs = clock.nowMs();
    const change = this.#outage.saw(signsOfLife, connectionsLost, nowMs);
    if (change === 'began') {
      this.#schedule?.pause(nowMs);
      handBackWaiting();
      listener.outage(this.#outage.sinceMs);
      listener.notice('The target has stopped responding. Launches are paused; one device at a time probes it.');
    } else if (change === 'ended') {
      this.#schedule?.resume(nowMs);
      listener.outage(null);
      listener.notice('The target is responding again. Launches resume.');
    }
  }

  /** Why the run should end when an outage has lasted too long, else `null`. */
  longOutage(nowMs: number): StopCause | null {
    const { outageMaxMs } = this.#parts;
    if (this.#outage.sinceMs === null || nowMs - this.#outage.sinceMs < outageMaxMs) return null;
    return { reason: 'outage', message: `the target did not respond for ${formatDuration(outageMaxMs)}` };
  }
}
