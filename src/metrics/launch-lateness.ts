import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** A rate counts as kept if it is off by no more than this part. */
export const LAUNCH_SHARE_MAX = 0.05;

/** A shorter delay is the lateness of a single launch, not of the rate. */
const LOST_MIN_MS = 100;

/** How much slower the load generator launched than it was asked to. */
export type LaunchLag = {
  /** Launches a second, from the first to the last. */
  readonly achievedPerSecond: number;
  /** Without the lateness of the last launch and suspensions of the process. */
  readonly withoutPerSecond: number;
};

type Session = {
  launches: number;
  firstAtMs: number;
  lastAtMs: number;
  /** Lateness of the last launch. */
  lateMs: number;
  suspensions: { readonly atMs: number; readonly durationMs: number }[];
};

/** Folds launches and suspensions, session by session, into the launch rate and what it lacks through the load generator's fault. */
export class LaunchLateness {
  #session = newSession();
  readonly #sessions = [this.#session];

  beginSession(): void {
    this.#session = newSession();
    this.#sessions.push(this.#session);
  }

  add({ startedAtMs, stalled }: RegistrationOutcome): void {
    if (startedAtMs === null) return;
    const session = this.#session;
    session.launches += 1;
    session.firstAtMs = Math.min(session.firstAtMs, startedAtMs);
    if (startedAtMs < session.lastAtMs) return;
    session.lastAtMs = startedAtMs;
    session.lateMs = stalled?.startLagMs ?? 0;
  }

  addSuspension(atMs: number, durationMs: number): void {
    if (durationMs > 0) this.#session.suspensions.push({ atMs, durationMs });
  }

  /** Time by which suspensions delayed all that followed. */
  get suspendedMs(): number {
    return this.#sessions.reduce((sum, session) => sum + suspendedMs(session), 0);
  }

  /** `null` = too few launches for a rate. */
  get lag(): LaunchLag | null {
    const rated = this.#sessions.filter(({ launches, firstAtMs, lastAtMs }) => launches > 1 && lastAtMs > firstAtMs);
    if (rated.length === 0) return null;
    const launches = sum(rated.map((session) => session.launches - 1));
    const spanMs = sum(rated.map(({ firstAtMs, lastAtMs }) => lastAtMs - firstAtMs));
    const lostMs = sum(rated.map((session) => suspendedMs(session) + session.lateMs));
    const ownMs = lostMs < LOST_MIN_MS ? spanMs : Math.max(1, spanMs - lostMs);
    return { achievedPerSecond: (launches * 1_000) / spanMs, withoutPerSecond: (launches * 1_000) / ownMs };
  }
}

function newSession(): Session {
  return { launches: 0, firstAtMs: Number.POSITIVE_INFINITY, lastAtMs: 0, lateMs: 0, suspensions: [] };
}

/** A suspension after the last launch delayed none. */
function suspendedMs({ suspensions, lastAtMs }: Session): number {
  return sum(suspensions.filter(({ atMs }) => atMs <= lastAtMs).map(({ durationMs }) => durationMs));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
