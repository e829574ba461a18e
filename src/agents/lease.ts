/** How long an agent may send without hearing from Redis: longer than a network usually fails, and short beside a registration's deadline. */
export const LEASE_MS = 5_000;
/** Four renewals in a row may fail. */
export const RENEW_INTERVAL_MS = 1_000;
/** With less left than this, at least two renewals in a row have failed, the agent's or the coordinator's: it may have to stop soon. */
export const LEASE_AT_RISK_MS = LEASE_MS - 2 * RENEW_INTERVAL_MS - 500;
/** From the end of a lease until the coordinator acts on it: clocks of two machines do not drift apart by more in one lease. */
export const GIVE_UP_MARGIN_MS = 500;

/** How much sooner than Redis said a lock may vanish without its clock having been set: rounding, and the looks' way back and forth. */
const EARLY_EXPIRY_MS = 250;

/**
 * When an agent must stop sending, after a renewal. Its own lease counts from the moment when it sent the renewal, so that it ends before
 * Redis drops the lock, and it never outlasts the coordinator's lease: without a coordinator, nobody
 * would notice what an agent does.
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

  /** Redis started anew before this moment: what it says of locks counts no more, and a renewal may have succeeded until then. */
  blind(noticedAtMs: number): void {
    this.#overAtMs ??= noticedAtMs + LEASE_MS + GIVE_UP_MARGIN_MS;
  }
}

/** A lock that vanished much before its time: the clock of Redis was set, and the agent still counts a whole lease from its last renewal. */
function expiredAtMs(held: Omit<Look, 'receivedAtMs'>, gone: Look): number {
  const dueAtMs = held.sentAtMs + (held.leftMs ?? 0);
  const isEarly = gone.receivedAtMs < dueAtMs - EARLY_EXPIRY_MS;
  return isEarly ? gone.receivedAtMs + LEASE_MS : gone.receivedAtMs;
}
