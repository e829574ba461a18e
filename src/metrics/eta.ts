/** Launches this late no longer follow their schedule, so the measured rate counts instead. */
const BEHIND_MS = 1_000;

/** Throttled requests for each registration that ends: from here on, the service is what bounds the run. */
const THROTTLED_RATIO = 0.2;

/** How far the rate of a service that throttles may change; retries come in step, or ever less often. */
const BACKLOG_OFF = 0.3;

/** How far the mean duration of registrations may change: more while the first ones, which start all at once, are most of what is known. */
const MEAN_OFF = { always: 0.1, first: 0.3 } as const;

/** How far the rate that quota and governor allow may change, once the service has throttled. */
const ALLOWED_OFF = 0.1;

/** Part of the slots that may become free in another order than they were taken in: each worker has its own. */
const MISPLACED = 0.1;

/** Nothing ends any more if the oldest in flight has taken this many times the longest duration. */
const STALLED = 2;

/** The state of a run in progress; "recent" is the last minute, or less. */
export type EtaFacts = {
  readonly toLaunch: number;
  /** Those in flight, by how long ago they were launched, the latest first; later launches are assumed to end later. */
  readonly inFlight: readonly { readonly count: number; readonly ageMs: number }[];
  /** A launch has to wait for a registration to end. */
  readonly slotsAreFull: boolean;
  /** Scheduled time from the next launch to the last; `null` in the closed model. */
  readonly scheduleLeftMs: number | null;
  /** Recent; `null` = not measured. */
  readonly startLagMs: number | null;
  /** Registrations that ended recently, and throttled requests meanwhile. */
  readonly recent: { readonly ended: number; readonly throttles: number; readonly durationMs: number };
  /** Register requests per second that quota and governor allow now; `null` = unlimited. */
  readonly allowedPerSecond: number | null;
  /** Register requests per registration so far, at least 1. */
  readonly registersPerDevice: number;
  /** Start to end of the last registrations that ended, pauses and holds included, in ascending order. */
  readonly durationsMs: readonly number[];
  /** The shortest duration of all. */
  readonly fastestMs: number;
};

/** The time that is left lies about here. */
export type Eta = { readonly lowMs: number; readonly highMs: number };

/**
 * How long the run still takes: the time to the last launch, and the duration of the last registration. Where the service throttles, it
 * decides alone. `null` if no honest estimate exists: nothing has ended yet, nothing ends any more, a registration in flight takes longer
 * than any that has ended, or nothing at all is allowed for a while.
 */
export function etaOf(facts: EtaFacts): Eta | null {
  const flying = facts.inFlight.reduce((sum, { count }) => sum + count, 0);
  if (facts.toLaunch + flying === 0) return { lowMs: 0, highMs: 0 };
  const { ended, throttles } = facts.recent;
  if (facts.durationsMs.length === 0) return null;
  if (throttles > ended * THROTTLED_RATIO) {
    return ended === 0 ? null : atLeast(backlogLeft(facts, facts.toLaunch + flying), facts.scheduleLeftMs ?? 0);
  }
  const last = lastRegistrationLeft(facts, flying);
  if (last === null) return null;
  const launches = launchesLeft(facts, flying);
  const eta = { lowMs: launches.lowMs + last.lowMs, highMs: launches.highMs + last.highMs };
  return Number.isFinite(eta.highMs) ? eta : null;
}

/** All that are left, at the rate at which registrations have ended recently; the last one may just miss its turn. */
function backlogLeft({ recent, fastestMs }: EtaFacts, left: number): Eta {
  const { ended, durationMs } = recent;
  const off = BACKLOG_OFF + 1 / Math.sqrt(ended);
  const meanMs = (left * durationMs) / ended;
  // Until the fastest ended, none of a burst could; half of that time is in the duration.
  const burst = Math.max(0.5, 1 - fastestMs / 2 / durationMs);
  return { lowMs: (meanMs * burst) / (1 + off), highMs: meanMs * (1 + off) + fastestMs };
}

/**
 * The slowest of the limits on launches: the schedule, quota and governor, and, without free slots or with a late schedule,
 * the completions.
 */
function launchesLeft(facts: EtaFacts, flying: number): Eta {
  const { toLaunch, slotsAreFull, scheduleLeftMs, startLagMs, allowedPerSecond, registersPerDevice } = facts;
  if (toLaunch === 0) return { lowMs: 0, highMs: 0 };
  const allowedMs = allowedPerSecond === null ? 0 : (toLaunch * registersPerDevice * 1_000) / allowedPerSecond;
  const planned = atLeast(within(allowedMs, registersPerDevice > 1 ? ALLOWED_OFF : 0), scheduleLeftMs ?? 0);
  const isKept = !slotsAreFull && (startLagMs ?? 0) < BEHIND_MS;
  if (isKept && (scheduleLeftMs !== null || allowedPerSecond !== null)) return planned;
  const off = MEAN_OFF.always + MEAN_OFF.first * Math.min(1, flying / Math.max(1, facts.recent.ended));
  const lowMs = slotsLeftMs(facts, toLaunch, flying) / (1 + off);
  const highMs = slotsLeftMs(facts, toLaunch + Math.floor(MISPLACED * flying), flying) * (1 + off);
  return { lowMs: Math.max(lowMs, planned.lowMs), highMs: Math.max(highMs, planned.highMs) };
}

/** When the slots that are taken now, and those taken after them, have been free for all launches, if each takes the mean duration. */
function slotsLeftMs({ inFlight, durationsMs }: EtaFacts, toLaunch: number, flying: number): number {
  const meanMs = durationsMs.reduce((sum, ms) => sum + ms, 0) / durationsMs.length;
  if (flying === 0) return 0;
  const turns = Math.floor((toLaunch - 1) / flying);
  const lastOfTurn = (toLaunch - 1) % flying;
  let older = 0;
  const eldestFirst = inFlight.toReversed();
  const cohort = eldestFirst.find(({ count }) => {
    older += count;
    return older > lastOfTurn;
  });
  return turns * meanMs + Math.max(0, meanMs - (cohort?.ageMs ?? 0));
}

/**
 * The slowest of `n` registrations in flight is expected between the `n / (n + 3)` quantile and the longest. After the last launch, the time
 * since then is subtracted. `null` beyond all that was seen.
 */
function lastRegistrationLeft({ toLaunch, inFlight, durationsMs }: EtaFacts, flying: number): Eta | null {
  const count = Math.max(1, flying);
  const lowMs = durationsMs[Math.ceil((count / (count + 3)) * durationsMs.length) - 1] ?? 0;
  const highMs = durationsMs.at(-1) ?? 0;
  const [latest, eldest] = [inFlight[0]?.ageMs ?? 0, inFlight.at(-1)?.ageMs ?? 0];
  if (toLaunch > 0) return eldest > highMs * STALLED ? null : { lowMs, highMs };
  return latest >= highMs ? null : { lowMs: Math.max(0, lowMs - latest), highMs: highMs - latest };
}

function within(ms: number, off: number): Eta {
  return { lowMs: ms / (1 + off), highMs: ms * (1 + off) };
}

function atLeast({ lowMs, highMs }: Eta, ms: number): Eta {
  return { lowMs: Math.max(lowMs, ms), highMs: Math.max(highMs, ms) };
}
