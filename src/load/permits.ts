/** Times are kept in whole microseconds: sums of spacings stay exact, however long the run. */
const US_PER_MS = 1_000;
const US_PER_SECOND = 1_000_000;
/** The span by which the service counts requests. */
const WINDOW_US = 60 * US_PER_SECOND;

/** How a quota is kept to, measured where requests are sent. */
export type PermitQuota = {
  readonly perMinute: number;
  /** How long a permit is valid: nothing is sent with it later. */
  readonly validMs: number;
};

/**
 * Issues permits, one for each register request, at the rate allowed at that time. A permit is valid no sooner than `1 / rate`
 * after the previous one, rounded up: with a rate of at most `share / 60 s`, no window of 60 seconds holds more than `share`
 * permits, and they are evenly spread. A permit that nobody took in time is lost, not saved up.
 *
 * A request is sent some time after its permit became valid. So with a quota of `share`, a permit is valid no sooner than at a time before which
 * fewer than `share` permits were used within 60 s, or could still have been: then no window of 60 seconds holds more than `share` requests,
 * wherever they were sent. (The last permit of `share + 1` in a window would have found `share` others in the 60 s before it.)
 *
 * Repeated requests of registrations in flight wait in a queue; nothing new is launched until it is empty.
 */
export class Permits<Waiter> {
  readonly #ratePerSecondAt: (atMs: number) => number;
  /** `null` = only the rate bounds the permits. */
  readonly #quota: PermitQuota | null;
  /** When recent permits were used at the latest, ascending: when they lapse, until more is known. */
  readonly #usesUs: number[] = [];
  #windowUs = WINDOW_US;
  #nextUs = 0;
  readonly #queue = new Set<Waiter>();
  /** The last second in which permits were taken, counted from its first permit, and the second before. */
  #second = { fromUs: Number.NEGATIVE_INFINITY, permits: 0, permitsBefore: 0 };

  /** @param ratePerSecondAt the rate allowed at a time, above 0; `Infinity` = not bounded */
  constructor(ratePerSecondAt: (atMs: number) => number, quota: PermitQuota | null = null) {
    this.#ratePerSecondAt = ratePerSecondAt;
    this.#quota = quota;
  }

  /** How far the clocks may differ of any two machines where requests are sent. */
  setClockErrorMs(errorMs: number): void {
    this.#windowUs = WINDOW_US + Math.ceil(errorMs * US_PER_MS);
  }

  /** When a permit lapses that became valid at this time; `null` = without a quota it does not. */
  lapsesAtMs(validFromMs: number): number | null {
    return this.#quota === null ? null : validFromMs + this.#quota.validMs;
  }

  /** @param lapsesAtMs which permit; @param atMs when its request was sent, at the latest; `null` = it was not used and will not be */
  used(lapsesAtMs: number, atMs: number | null): void {
    const lapsesAtUs = Math.round(lapsesAtMs * US_PER_MS);
    const place = placeOf(lapsesAtUs, this.#usesUs);
    if (this.#usesUs[place] !== lapsesAtUs) return;
    this.#usesUs.splice(place, 1);
    if (atMs !== null) this.#insert(Math.min(lapsesAtUs, Math.ceil(atMs * US_PER_MS)));
  }

  /** Permits taken in the last busy second or the one before it, whichever had more: the last may have only begun. */
  get recentPerSecond(): number {
    return Math.max(this.#second.permits, this.#second.permitsBefore);
  }

  /** How many permits for new launches can be taken now and are valid by `untilMs`. */
  countBy(nowMs: number, untilMs: number): number {
    if (this.#queue.size > 0) return 0;
    const untilUs = Math.floor(untilMs * US_PER_MS);
    const spacingUs = this.#spacingUs(nowMs);
    let atUs = this.#earliestUs(nowMs);
    if (this.#quota === null || spacingUs === 0) {
      if (atUs > untilUs) return 0;
      return spacingUs === 0 ? Number.POSITIVE_INFINITY : Math.floor((untilUs - atUs) / spacingUs) + 1;
    }
    let count = 0;
    while (atUs <= untilUs && count < this.#share) {
      count += 1;
      atUs = Math.max(atUs + spacingUs, this.#roomAtUs(count));
    }
    return count;
  }

  /** Takes the next permit. @returns when it becomes valid, `nowMs` at the earliest */
  take(nowMs: number): number {
    const atUs = this.#earliestUs(nowMs);
    this.#nextUs = atUs + this.#spacingUs(nowMs);
    this.#count(atUs);
    this.#remember(atUs);
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
    return this.#queue.size === 0 ? null : this.#earliestUs(0) / US_PER_MS;
  }

  /** Removes from the queue, and returns, those whose permits are valid now, each with the start of its validity. */
  grantDue(nowMs: number): ReadonlyMap<Waiter, number> {
    const granted = new Map<Waiter, number>();
    for (const waiter of this.#queue) {
      if (this.#earliestUs(0) > Math.ceil(nowMs * US_PER_MS)) break;
      granted.set(waiter, this.take(nowMs));
      this.#queue.delete(waiter);
    }
    return granted;
  }

  #remember(atUs: number): void {
    if (this.#quota === null) return;
    // A second longer than needed: the clocks of machines that join may be less certain.
    this.#usesUs.splice(0, placeOf(atUs - this.#windowUs - US_PER_SECOND, this.#usesUs));
    this.#insert(atUs + Math.round(this.#quota.validMs * US_PER_MS));
  }

  #insert(atUs: number): void {
    this.#usesUs.splice(placeOf(atUs, this.#usesUs), 0, atUs);
  }

  /** Most requests in a window. A quota of less than one a minute is kept to by the spacing. */
  get #share(): number {
    return this.#quota === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(this.#quota.perMinute));
  }

  /** When fewer than `share` permits have been used in the last 60 s, with so many taken until then. */
  #roomAtUs(taken: number): number {
    const usedUs = this.#usesUs[this.#usesUs.length + taken - this.#share];
    return usedUs === undefined ? Number.NEGATIVE_INFINITY : usedUs + this.#windowUs;
  }

  #count(atUs: number): void {
    const { fromUs, permits, permitsBefore } = this.#second;
    const isOver = atUs - fromUs >= US_PER_SECOND;
    this.#second = isOver
      ? { fromUs: atUs, permits: 1, permitsBefore: permits }
      : { fromUs, permits: permits + 1, permitsBefore };
  }

  #earliestUs(nowMs: number): number {
    return Math.max(this.#nextUs, Math.ceil(nowMs * US_PER_MS), this.#roomAtUs(0));
  }

  #spacingUs(atMs: number): number {
    return Math.ceil(US_PER_SECOND / this.#ratePerSecondAt(atMs));
  }
}

/** The place of the first value that is not smaller. */
function placeOf(value: number, ascending: readonly number[]): number {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] ?? 0) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Share of the first register requests; a healthy service needs far fewer repetitions. */
const REPEATED_SHARE = 0.2;
/** Allows a small run, or one that has only begun, a bad minute. */
const REPEATED_FLOOR = 100;

/** The retry budget, how many register requests a run may repeat: `100 + 20% × first requests`. */
export function repeatedRequestsMax(firstRequests: number): number {
  return REPEATED_FLOOR + REPEATED_SHARE * firstRequests;
}
