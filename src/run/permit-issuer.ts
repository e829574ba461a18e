import { Governor } from '../load/governor.ts';
import { Permits, repeatedRequestsMax } from '../load/permits.ts';
import type { Clock, Timer } from '../time/clock.ts';

/** A waiting register request: `worker/sequence`. */
type Waiter = `${number}/${number}`;

export type PermitIssuerParts = {
  readonly clock: Clock;
  /** Most register requests a second; `Infinity` = only the governor bounds them. */
  readonly ceilingPerSecond: number;
  /** Launches a second that the load asks for. */
  readonly askedPerSecond: number;
  /** A longer retry-after counts as this. */
  readonly retryAfterMaxMs: number;
  readonly grant: (worker: number, sequence: number) => void;
};

/** Issues permits for register requests at the rate that the governor allows, and counts repeated ones against their budget. */
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

  /** For first requests, which take their permits at launch. */
  get permits(): Pick<Permits<never>, 'countBy' | 'take'> {
    return this.#permits;
  }

  /** `null` = not bounded. */
  get rateAllowedPerSecond(): number | null {
    const rate = this.#governor.ratePerSecondAt(this.#parts.clock.nowMs());
    return Number.isFinite(rate) ? rate : null;
  }

  /**
   * @param repeats whether this launch has sent a register request before; one whose first permit lapsed costs no retry budget
   * @returns whether the retry budget is exhausted
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
