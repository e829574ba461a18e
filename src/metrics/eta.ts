import type { DurationHistogram } from './duration-histogram.ts';

/** Launches this late no longer follow their schedule, so the measured rate counts instead. */
const BEHIND_MS = 1_000;

/** The state of a run in progress. */
export type EtaFacts = {
  readonly toLaunch: number;
  readonly inFlight: number;
  /** A launch has to wait for a registration to end. */
  readonly slotsAreFull: boolean;
  /** Scheduled time from the next launch to the last; `null` in the closed model. */
  readonly scheduleLeftMs: number | null;
  /** Recent; `null` = not measured. */
  readonly startLagMs: number | null;
  /** Recent rate of ended registrations. */
  readonly endedPerSecond: number;
  /** Register requests per second that quota and governor allow now; `null` = unlimited. */
  readonly allowedPerSecond: number | null;
  /** Register requests per registration so far, at least 1. */
  readonly registersPerDevice: number;
  /** Start to end of registrations, pauses and holds included. */
  readonly durations: DurationHistogram;
  readonly sinceLastLaunchMs: number;
};

/**
 * The time to the last launch plus the duration of the last registration. `null` if no honest estimate exists: nothing has
 * ended yet, nothing ends any more, or a registration in flight takes longer than any that has ended.
 */
export function etaMs(facts: EtaFacts): number | null {
  if (facts.toLaunch + facts.inFlight === 0) return 0;
  const launchesMs = timeToLaunchMs(facts);
  const lastMs = lastRegistrationMs(facts);
  if (launchesMs === null || lastMs === null) return null;
  const sumMs = launchesMs + lastMs;
  // Nothing at all may be allowed for a while.
  return Number.isFinite(sumMs) ? sumMs : null;
}

/**
 * The slowest of the limits on launches: the schedule, quota and governor, and, without free slots or with a late schedule,
 * the completions.
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
 * The slowest of `n` registrations in flight is expected at the `n / (n + 1)` quantile. After the last launch, the time since
 * then is subtracted; beyond that quantile, the slowest registration so far takes its place.
 */
function lastRegistrationMs({ toLaunch, inFlight, durations, sinceLastLaunchMs }: EtaFacts): number | null {
  const expectedMs = durations.percentileMs((100 * inFlight) / (inFlight + 1));
  if (toLaunch > 0) return expectedMs;
  const durationMs = [expectedMs, durations.percentileMs(100)].find((ms) => ms !== null && ms > sinceLastLaunchMs);
  return durationMs == null ? null : durationMs - sinceLastLaunchMs;
}
