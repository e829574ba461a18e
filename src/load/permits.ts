/** Moments are whole microseconds inside, so that sums of spacings are exact however long a run is. */
const US_PER_MS = 1_000;
const US_PER_SECOND = 1_000_000;

/**
 * Hands out permits, one for each register request, at the rate that is allowed at the moment. The next permit is valid no
 * sooner than `1 / rate` after the one before, rounded up: with a rate that never rises above `share / 60 s`, no window of
 * 60 seconds holds more than `share` permits, and they are spread evenly within it. A permit that nobody took in time is
 * lost, not saved up.
 *
 * Who asks for a request of a registration that is under way waits in a queue; while it is not empty, nothing new is launched.
 */
export class Permits<Waiter> {
  readonly #ratePerSecondAt: (atMs: number) => number;
  #nextUs = 0;
  readonly #queue = new Set<Waiter>();
  /** The last second in which permits were taken, from the first of them on, and the one before. */
  #second = { fromUs: Number.NEGATIVE_INFINITY, permits: 0, permitsBefore: 0 };

  /** @param ratePerSecondAt what is allowed at that moment, above 0; `Infinity` = not bounded. */
  constructor(ratePerSecondAt: (atMs: number) => number) {
    this.#ratePerSecondAt = ratePerSecondAt;
  }

  /** Permits in a second, the last in which any were taken, or the one before: the last may have only begun. */
  get recentPerSecond(): number {
    return Math.max(this.#second.permits, this.#second.permitsBefore);
  }

  /** How many permits for new launches can be taken now that are valid by `untilMs`. */
  countBy(nowMs: number, untilMs: number): number {
    if (this.#queue.size > 0) return 0;
    const roomUs = Math.floor(untilMs * US_PER_MS) - this.#earliestUs(nowMs);
    if (roomUs < 0) return 0;
    const spacingUs = this.#spacingUs(nowMs);
    return spacingUs === 0 ? Number.POSITIVE_INFINITY : Math.floor(roomUs / spacingUs) + 1;
  }

  /** Takes the next permit. @returns from when it is valid, `nowMs` at the soonest. */
  take(nowMs: number): number {
    const atUs = this.#earliestUs(nowMs);
    this.#nextUs = atUs + this.#spacingUs(nowMs);
    this.#count(atUs);
    return atUs / US_PER_MS;
  }

  /** Nothing that is not taken yet is valid before `atMs`. */
  holdUntil(atMs: number): void {
    this.#nextUs = Math.max(this.#nextUs, Math.ceil(atMs * US_PER_MS));
  }

  wait(waiter: Waiter): void {
    this.#queue.add(waiter);
  }

  /** Whoever waits no longer must not be given a permit. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  /** When the first in the queue can have its permit; `null` when nobody waits. */
  get nextGrantAtMs(): number | null {
    return this.#queue.size === 0 ? null : this.#nextUs / US_PER_MS;
  }

  /** Takes those out of the queue whose permits are valid now. */
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

/** Of the first register requests: a healthy service makes far fewer repetitions necessary. */
const REPEATED_SHARE = 0.2;
/** So that a run that has only begun, or is small, may still meet a bad minute. */
const REPEATED_FLOOR = 100;

/** Register requests that a run may repeat in all: `100 + 20% × first requests`. */
export function repeatedRequestsMax(firstRequests: number): number {
  return REPEATED_FLOOR + REPEATED_SHARE * firstRequests;
}
