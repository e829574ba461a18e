/** How long an agent may send without hearing from Redis: longer than a network usually fails, and short beside a registration's deadline. */
export const LEASE_MS = 5_000;
/** Four renewals in a row may fail. */
export const RENEW_INTERVAL_MS = 1_000;
/** From the end of a lease until the coordinator acts on it: clocks of two machines do not drift apart by more in one lease. */
export const GIVE_UP_MARGIN_MS = 500;

/** How much sooner than Redis said a lock may vanish without its clock having been set: rounding, and the looks' way back and forth. */
const EARLY_EXPIRY_MS = 250;

/**
 * When an agent must stop sending, after a renewal. Its own lease counts from the moment when it sent the renewal, so that it ends before
 * Redis drops the lock, and it never outlasts the coordinator's lease: then the coordinator, when it is cut off itself, knows when all
 * agents have stopped.
 *
 * @param coordinatorLeftMs what was left of the coordinator's lease when Redis renewed the lock
 */
export function leaseEndMs(renewalSentAtMs: number, coordinatorLeftMs: number): number {
  return renewalSentAtMs + Math.min(LEASE_MS, coordinatorLeftMs);
}

type Look = {
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  /** `null` = not held. */
  readonly leftMs: number | null;
};

/** The coordinator's view of one agent's lease: from when on the agent surely sends nothing any more. */
export class LeaseWatch {
  /** When the lock surely was held, and what was left of it; `null` while the agent has not taken its placement. */
  #held: Omit<Look, 'receivedAtMs'> | null = null;
  #overAtMs: number | null = null;

  /** When the agent may be given up; `null` = it may be alive. */
  get overAtMs(): number | null {
    return this.#overAtMs;
  }

  /** The agent was heard: it has taken the placement, and with it the lock. */
  taken(atMs: number): void {
    this.#held ??= { sentAtMs: atMs, leftMs: LEASE_MS };
  }

  looked(look: Look): void {
    if (look.leftMs !== null) this.#held = look;
    else if (this.#held !== null && look.sentAtMs >= this.#held.sentAtMs)
      this.#overAtMs ??= expiredAtMs(this.#held, look) + GIVE_UP_MARGIN_MS;
  }

  /**
   * Redis started anew, or cannot be reached: locks say nothing any more.
   *
   * @param ownLeaseEndMs end of the coordinator's own lease, which no agent's outlasts
   */
  blind(ownLeaseEndMs: number): void {
    this.#overAtMs ??= ownLeaseEndMs + GIVE_UP_MARGIN_MS;
  }
}

/** A lock that vanished much before its time: the clock of Redis was set, and the agent still counts a whole lease from its last renewal. */
function expiredAtMs(held: Omit<Look, 'receivedAtMs'>, gone: Look): number {
  const dueAtMs = held.sentAtMs + (held.leftMs ?? 0);
  const isEarly = gone.receivedAtMs < dueAtMs - EARLY_EXPIRY_MS;
  return isEarly ? gone.receivedAtMs + LEASE_MS : gone.receivedAtMs;
}

/** The coordinator's own lease, on its own clock. */
export class OwnLease {
  #endMs: number;

  /** @param nowMs before the first renewal, no agent has a place */
  constructor(nowMs: number) {
    this.#endMs = nowMs;
  }

  /** When Redis has dropped it for sure; no agent sends after that. */
  get endMs(): number {
    return this.#endMs;
  }

  renewed(receivedAtMs: number): void {
    this.#endMs = receivedAtMs + LEASE_MS;
  }
}
