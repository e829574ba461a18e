import { Governor } from '../load/governor.ts';
import { Permits, repeatedRequestsMax } from '../load/permits.ts';
import type { Clock, Timer } from '../time/clock.ts';

/** One register request that waits: of the launch with this number, on this worker. */
type Waiter = `${number}/${number}`;

export type PermitIssuerParts = {
  readonly clock: Clock;
  /** Register requests a second at most; `Infinity` = the governor alone bounds them. */
  readonly ceilingPerSecond: number;
  /** Launches a second that the load asks for. */
  readonly askedPerSecond: number;
  /** A longer retry-after counts as this. */
  readonly retryAfterMaxMs: number;
  readonly grant: (worker: number, sequence: number) => void;
};

/** Gives register requests their permits, at the rate that the governor allows. */
export class PermitIssuer {
  readonly #parts: PermitIssuerParts;
  readonly #governor: Governor;
  readonly #permits: Permits<Waiter>;
  #repeated = 0;
  #timer: Timer | null = null;

  constructor(parts: PermitIssuerParts) {
    const governor = new Governor(parts.ceilingPerSecond, parts.askedPerSecond);
    this.#parts = parts;
    this.#governor = governor;
    this.#permits = new Permits((atMs) => governor.ratePerSecondAt(atMs));
  }

  /** Those of launches. */
  get permits(): Pick<Permits<never>, 'countBy' | 'take'> {
    return this.#permits;
  }

  /** `null` = not bounded. */
  get rateAllowedPerSecond(): number | null {
    const rate = this.#governor.ratePerSecondAt(this.#parts.clock.nowMs());
    return Number.isFinite(rate) ? rate : null;
  }

  /**
   * @param repeats an earlier register request of this launch was sent: a first one whose permit lapsed costs no retry budget.
   * @returns whether a request is repeated that is beyond the budget.
   */
  request(worker: number, sequence: number, repeats: boolean, firstRequests: number): boolean {
    if (repeats) this.#repeated += 1;
    this.#permits.wait(`${worker}/${sequence}`);
    this.#grantDue();
    return this.#repeated > repeatedRequestsMax(firstRequests);
  }

  withdraw(worker: number, sequence: number): void {
    this.#permits.leave(`${worker}/${sequence}`);
  }

  throttled(atMs: number, retryAfterSeconds: number | null): void {
    const { retryAfterMaxMs } = this.#parts;
    const retryAfterMs = retryAfterSeconds === null ? null : Math.min(retryAfterSeconds * 1_000, retryAfterMaxMs);
    this.#permits.holdUntil(this.#governor.throttled(atMs, retryAfterMs, this.#permits.recentPerSecond));
  }

  close(): void {
    this.#timer?.cancel();
  }

  #grantDue(): void {
    const { clock, grant } = this.#parts;
    this.#timer?.cancel();
    for (const waiter of this.#permits.grantDue(clock.nowMs())) {
      const [worker, sequence] = waiter.split('/').map(Number) as [number, number];
      grant(worker, sequence);
    }
    const nextAtMs = this.#permits.nextGrantAtMs;
    this.#timer = nextAtMs === null ? null : clock.wakeAt(nextAtMs, () => this.#grantDue());
  }
}
