import type { RegistrationPhases, StalledTimes } from './registration-outcome.ts';
import type { RegistrationState } from './registration-state.ts';

const PHASES = [
  'dnsMs',
  'tcpMs',
  'tlsMs',
  'connackMs',
  'subackMs',
  'acceptedMs',
  'assignedMs',
] as const satisfies readonly (keyof RegistrationPhases)[];

/** Timers of an idle machine are up to a few milliseconds late; smaller delays change no percentile enough to count. */
export const LATE_MIN_MS = 5;

type Stalled = { -readonly [K in keyof StalledTimes]: StalledTimes[K] };

/** How the start of a registration was delayed by the load generator itself. */
export type LateStart = Pick<StalledTimes, 'heldMs' | 'startLagMs'>;

/**
 * Measures how far each phase of a registration overlaps with stalls of the event loop, as `RegistrationProgress` measures the phase
 * itself. A stall within a pause delays nothing, unless the pause ends late.
 */
export class StalledPhases {
  readonly #stalled: Stalled;
  /** Stalls outside pauses: now, and when the phase began that is measured next, and the assignment. */
  #workingMs = 0;
  #atMilestoneMs = 0;
  #atAcceptedMs = 0;
  #totalMs: number;

  /** @param totalMs stalls of the event loop so far */
  constructor({ heldMs, startLagMs }: LateStart, totalMs: number) {
    this.#stalled = { ...NOT_STALLED, heldMs, startLagMs };
    this.#totalMs = totalMs;
  }

  /** Follows a step of the machine, with the stalls of the event loop up to it. */
  follow(before: RegistrationState, after: RegistrationState, atMs: number, totalMs: number): void {
    const sinceMs = totalMs - this.#totalMs;
    this.#totalMs = totalMs;
    this.#workingMs += workedThrough(before, atMs, sinceMs);
    if (before.progress === after.progress) return;
    const [was, is] = [before.progress, after.progress];
    // The first answer may also be the final one.
    if (was.acceptedAtMs !== is.acceptedAtMs) this.#atAcceptedMs = this.#workingMs;
    if (was.phases !== is.phases) {
      for (const phase of PHASES) {
        if (is.phases[phase] === was.phases[phase]) continue;
        const fromMs = phase === 'assignedMs' ? this.#atAcceptedMs : this.#atMilestoneMs;
        this.#stalled[phase] = is.phases[phase] === null ? 0 : this.#workingMs - fromMs;
      }
    }
    if (was.milestoneAtMs !== is.milestoneAtMs) this.#atMilestoneMs = this.#workingMs;
  }

  /** `null` = the load generator delayed nothing. */
  get result(): StalledTimes | null {
    const { heldMs, startLagMs } = this.#stalled;
    if (this.#workingMs === 0 && heldMs === 0 && startLagMs === 0) return null;
    return { ...this.#stalled, serviceMs: this.#workingMs };
  }
}

const NOT_STALLED: StalledTimes = {
  heldMs: 0,
  startLagMs: 0,
  serviceMs: 0,
  dnsMs: 0,
  tcpMs: 0,
  tlsMs: 0,
  connackMs: 0,
  subackMs: 0,
  acceptedMs: 0,
  assignedMs: 0,
};

/** The part of the stalls since the last step that the registration did not spend waiting for its own sake. */
function workedThrough(state: RegistrationState, atMs: number, stalledMs: number): number {
  switch (state.phase) {
    case 'pausing':
      return atMs - state.wakeAtMs < LATE_MIN_MS ? 0 : Math.min(stalledMs, atMs - state.wakeAtMs);
    case 'awaitingPermit':
    case 'held':
      return 0;
    default:
      return stalledMs;
  }
}
