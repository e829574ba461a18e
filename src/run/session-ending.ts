import type { EndReason } from '../journal/journal-record.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { deferred } from '../worker/deferred.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import type { StopRequest } from './stop-request.ts';
import type { StopCause } from './stop-rules.ts';

/** How long registrations in flight may take to finish after the run was asked to end. */
const FINISH_GRACE_MS = 30_000;
/** How long cancelled registrations may take to be reported after the second stop request. */
const CANCEL_GRACE_MS = 2_000;

export type SessionEnd = {
  readonly reason: EndReason;
  /** For people; `null` when the reason says it all. */
  readonly message: string | null;
  /** The operator stopped the run at once. */
  readonly atOnce: boolean;
};

/** Ends a session early: first lets registrations in flight finish, then cancels them, then abandons them. */
export class SessionEnding {
  readonly #clock: Clock;
  readonly #pool: Pick<WorkerPool, 'sendAll'>;
  readonly #onEnd: (end: SessionEnd) => void;
  readonly #abandoned = deferred<void>();
  #end: SessionEnd | null = null;
  #graceTimer: Timer | null = null;

  /** @param onEnd called once, when nothing more may be launched */
  constructor(clock: Clock, pool: Pick<WorkerPool, 'sendAll'>, onEnd: (end: SessionEnd) => void) {
    this.#clock = clock;
    this.#pool = pool;
    this.#onEnd = onEnd;
  }

  /** `null` while the session continues. */
  get end(): SessionEnd | null {
    return this.#end;
  }

  /** Resolves when registrations in flight are abandoned: their rows stay granted without an outcome. */
  get abandoned(): Promise<void> {
    return this.#abandoned.promise;
  }

  stop({ reason, urgency }: StopRequest): void {
    if (urgency === 'finish-in-flight') {
      this.#finishInFlight({ reason, message: null, atOnce: false });
    } else {
      this.#end = { reason, message: null, atOnce: true };
      this.#pool.sendAll({ type: 'cancelAll' });
      this.#wakeIn(CANCEL_GRACE_MS, () => this.#abandoned.resolve());
    }
  }

  /** The first cause counts. */
  endFor(cause: StopCause): void {
    this.#finishInFlight({ ...cause, atOnce: false });
  }

  close(): void {
    this.#graceTimer?.cancel();
  }

  #finishInFlight(end: SessionEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#onEnd(end);
    this.#pool.sendAll({ type: 'dropWaiting' });
    this.#wakeIn(FINISH_GRACE_MS, () => this.#pool.sendAll({ type: 'cancelAll' }));
  }

  #wakeIn(durationMs: number, wake: () => void): void {
    this.#graceTimer?.cancel();
    this.#graceTimer = this.#clock.wakeAt(this.#clock.nowMs() + durationMs, wake);
  }
}
