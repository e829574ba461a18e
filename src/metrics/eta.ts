import type { DurationHistogram } from './duration-histogram.ts';

/** Launches that are this late no longer follow their schedule: what is measured counts then. */
const BEHIND_MS = 1_000;

/** What is known of a run that goes on. */
export type EtaFacts = {
  readonly toLaunch: number;
  readonly inFlight: number;
  /** Whether a launch has to wait for a registration to end. */
  readonly slotsAreFull: boolean;
  /** By the schedule, from the next launch to the last; `null` in the closed model. */
  readonly scheduleLeftMs: number | null;
  /** Of late; `null` = nothing was measured. */
  readonly startLagMs: number | null;
  /** Ended registrations a second, of late. */
  readonly endedPerSecond: number;
  /** Register requests a second that quota and governor allow now; `null` = not bounded. */
  readonly allowedPerSecond: number | null;
  /** Register requests for each registration so far, at least 1. */
  readonly registersPerDevice: number;
  /** How long registrations take from start to end, pauses and holds included. */
  readonly durations: DurationHistogram;
  readonly sinceLastLaunchMs: number;
};

/**
 * The time to the last launch, and that of the last registration after it. `null` where an honest answer is not known: when
 * nothing has ended yet, nothing ends, or what is in flight takes longer than any that has ended.
 */
export function etaMs(facts: EtaFacts): number | null {
  if (facts.toLaunch + facts.inFlight === 0) return 0;
  const launchesMs = timeToLaunchMs(facts);
  const lastOneMs = timeOfLastOneMs(facts);
  return launchesMs === null || lastOneMs === null ? null : launchesMs + lastOneMs;
}

/**
 * The slowest of what bounds the launches: the schedule, what quota and governor allow, and, where there are no free slots or the
 * schedule is not kept, the completions.
 */
function timeToLaunchMs(facts: EtaFacts): number | null {
  const { toLaunch, slotsAreFull, scheduleLeftMs, startLagMs, endedPerSecond } = facts;
  const { allowedPerSecond, registersPerDevice } = facts;
  if (toLaunch === 0) return 0;
  const allowedMs = allowedPerSecond === null ? 0 : (toLaunch * registersPerDevice * 1_000) / allowedPerSecond;
  const plannedMs = Math.max(allowedMs, scheduleLeftMs ?? 0);
  const isKept = !slotsAreFull && (startLagMs ?? 0) < BEHIND_MS;
  if (isKept && (scheduleLeftMs !== null || allowedPerSecond !== null)) return plannedMs;
  return endedPerSecond === 0 ? null : Math.max(plannedMs, (toLaunch * 1_000) / endedPerSecond);
}

/**
 * Of `n` that are in flight, the slowest is expected to take as long as the `n / (n + 1)` quantile. Once nothing is launched any
 * more, the time since then is over; beyond that quantile, the slowest that was ever seen stands for it.
 */
function timeOfLastOneMs({ toLaunch, inFlight, durations, sinceLastLaunchMs }: EtaFacts): number | null {
  const expectedMs = durations.percentileMs((100 * inFlight) / (inFlight + 1));
  if (toLaunch > 0) return expectedMs;
  const durationMs = [expectedMs, durations.percentileMs(100)].find((ms) => ms !== null && ms > sinceLastLaunchMs);
  return durationMs == null ? null : durationMs - sinceLastLaunchMs;
}
