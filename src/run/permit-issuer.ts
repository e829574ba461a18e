import { Governor } from '../load/governor.ts';
import { type PermitQuota, Permits, repeatedRequestsMax } from '../load/permits.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { Clock, Timer } from '../time/clock.ts';

/** A waiting register request: `worker/sequence`. */
type Waiter = `${number}/${number}`;

export type PermitIssuerParts = {
  readonly clock: Clock;
  /** Most register requests a minute; `null` = only the governor bounds them. */
  readonly sharePerMinute: number | null;
  /** How long a permit is valid. */
  readonly permitLapseMs: number;
  /** Launches a second that the load asks for. */
  readonly askedPerSecond: number;
  /** A longer retry-after counts as this. */
  readonly retryAfterMaxMs: number;
  readonly grant: (worker: number, sequence: number, validUntilMs: number) => void;
};

/** Issues permits for register requests at the rate that the governor allows, and counts repeated ones against their budget. */
export class PermitIssuer {
  readonly #parts: PermitIssuerParts;
  readonly #governor: Governor;
  readonly #permits: Permits<Waiter>;
  #repeated = 0;
  #timer: Timer | null = null;

  constructor(parts: PermitIssuerParts) {
    const { sharePerMinute, permitLapseMs } = parts;
    const governor = new Governor((sharePerMinute ?? Number.POSITIVE_INFINITY) / 60, parts.askedPerSecond);
    const quota: PermitQuota | null =
      sharePerMinute === null ? null : { perMinute: sharePerMinute, validMs: permitLapseMs };
    this.#parts = parts;
    this.#governor = governor;
    this.#permits = new Permits((atMs) => governor.ratePerSecondAt(atMs), quota);
  }

  /** For first requests, which take their permits at launch. */
  get permits(): Pick<Permits<never>, 'countBy' | 'take' | 'lapsesAtMs'> {
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

  /**
   * The sooner it is known when a launch used its permit, the sooner the quota has room again. An outcome tells that for the first register
   * request of a registration that needed no other; a permit of which nothing is known counts as used when it lapsed.
   */
  settled({ permitUntilMs }: Launch, outcome: RegistrationOutcome): void {
    if (permitUntilMs === null) return;
    const { attempts, registersSent } = outcome;
    if (registersSent === 0) this.#permits.used(permitUntilMs, null);
    else if (attempts === 1 && registersSent === 1) this.#permits.used(permitUntilMs, readyAtMs(outcome));
    if (this.#permits.nextGrantAtMs !== null) this.#grantDue();
  }

  /** How far the clocks may differ of any two machines where requests are sent. */
  setClockErrorMs(errorMs: number): void {
    this.#permits.setClockErrorMs(errorMs);
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
    const { clock, grant, permitLapseMs } = this.#parts;
    this.#timer?.cancel();
    for (const [waiter, validFromMs] of this.#permits.grantDue(clock.nowMs())) {
      const [worker, sequence] = waiter.split('/').map(Number) as [number, number];
      grant(worker, sequence, validFromMs + permitLapseMs);
    }
    const nextAtMs = this.#permits.nextGrantAtMs;
    this.#timer = nextAtMs === null ? null : clock.wakeAt(nextAtMs, () => this.#grantDue());
  }
}

/** When its connection was ready for requests. */
function readyAtMs({ startedAtMs, finishedAtMs, phases }: RegistrationOutcome): number {
  const { dnsMs, tcpMs, tlsMs, connackMs, subackMs } = phases;
  if (startedAtMs === null || connackMs === null || subackMs === null) return finishedAtMs ?? Number.POSITIVE_INFINITY;
  return startedAtMs + (dnsMs ?? 0) + (tcpMs ?? 0) + (tlsMs ?? 0) + connackMs + subackMs;
}
