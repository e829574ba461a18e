/** Times are kept in whole microseconds: sums of spacings stay exact, however long the run. */
const US_PER_MS = 1_000;
const US_PER_SECOND = 1_000_000;

/**
 * Issues permits, one for each register request, at the rate allowed at that time. A permit is valid no sooner than `1 / rate`
 * after the previous one, rounded up: with a rate of at most `share / 60 s`, no window of 60 seconds holds more than `share`
 * permits, and they are evenly spread. A permit that nobody took in time is lost, not saved up.
 *
 * Repeated requests of registrations in flight wait in a queue; nothing new is launched until it is empty.
 */
export class Permits<Waiter> {
  readonly #ratePerSecondAt: (atMs: number) => number;
  #nextUs = 0;
  readonly #queue = new Set<Waiter>();
  /** The last second in which permits were taken, counted from its first permit, and the second before. */
  #second = { fromUs: Number.NEGATIVE_INFINITY, permits: 0, permitsBefore: 0 };

  /** @param ratePerSecondAt the rate allowed at a time, above 0; `Infinity` = not bounded */
  constructor(ratePerSecondAt: (atMs: number) => number) {
    this.#ratePerSecondAt = ratePerSecondAt;
  }

  /** Permits taken in the last busy second or the one before it, whichever had more: the last may have only begun. */
  get recentPerSecond(): number {
    return Math.max(this.#second.permits, this.#second.permitsBefore);
  }

  /** How many permits for new launches can be taken now and are valid by `untilMs`. */
  countBy(nowMs: number, untilMs: number): number {
    if (this.#queue.size > 0) return 0;
    const roomUs = Math.floor(untilMs * US_PER_MS) - this.#earliestUs(nowMs);
    if (roomUs < 0) return 0;
    const spacingUs = this.#spacingUs(nowMs);
    return spacingUs === 0 ? Number.POSITIVE_INFINITY : Math.floor(roomUs / spacingUs) + 1;
  }

  /** Takes the next permit. @returns when it becomes valid, `nowMs` at the earliest */
  take(nowMs: number): number {
    const atUs = this.#earliestUs(nowMs);
    this.#nextUs = atUs + this.#spacingUs(nowMs);
    this.#count(atUs);
    return atUs / US_PER_MS;
  }

  /** Permits that have not been taken yet become valid at `atMs` at the earliest. */
  holdUntil(atMs: number): void {
    this.#nextUs = Math.max(this.#nextUs, Math.ceil(atMs * US_PER_MS));
  }

  wait(waiter: Waiter): void {
    this.#queue.add(waiter);
  }

  /** Withdraws a request. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  /** When the first in the queue gets its permit; `null` when the queue is empty. */
  get nextGrantAtMs(): number | null {
    return this.#queue.size === 0 ? null : this.#nextUs / US_PER_MS;
  }

  /** Removes from the queue, and returns, those whose permits are valid now. */
  grantDue(nowMs: number): readonly Waiter[] {
    const granted: Waiter[] = [];
    for (const waiter of this.#queue) {
      if (this.#nextUs > Math.ceil(nowMs * US_PER_MS)) break;
      this.take(nowMs);
      this.#queue.delete(waiter);
      granted.push(waiter);
    }
    return granted;
  }

  #count(atUs: number): void {
    const { fromUs, permits, permitsBefore } = this.#second;
    const isOver = atUs - fromUs >= US_PER_SECOND;
    this.#second = isOver
      ? { fromUs: atUs, permits: 1, permitsBefore: permits }
      : { fromUs, permits: permits + 1, permitsBefore };
  }

  #earliestUs(nowMs: number): number {
    return Math.max(this.#nextUs, Math.ceil(nowMs * US_PER_MS));
  }

  #spacingUs(atMs: number): number {
    return Math.ceil(US_PER_SECOND / this.#ratePerSecondAt(atMs));
  }
}

/** Share of the first register requests; a healthy service needs far fewer repetitions. */
const REPEATED_SHARE = 0.2;
/** Allows a small run, or one that has only begun, a bad minute. */
const REPEATED_FLOOR = 100;

/** The retry budget, how many register requests a run may repeat: `100 + 20% × first requests`. */
export function repeatedRequestsMax(firstRequests: number): number {
  return REPEATED_FLOOR + REPEATED_SHARE * firstRequests;
}
