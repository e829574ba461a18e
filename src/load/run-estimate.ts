import { MINUTE_MS } from '../time/duration.ts';
import { type HubCapacity, hubIdentitiesPerMinute, REGISTRATION_SECONDS } from './capacity.ts';
import { type LoadShape, paceOf } from './pace.ts';

const REGISTRATION_MS = REGISTRATION_SECONDS * 1_000;

/** What decides how long a run takes. */
export type EstimatedLoad = {
  readonly shape: LoadShape;
  readonly concurrency: number;
  readonly rounds: number;
  /** Nothing is launched after this time; `null` = not limited. */
  readonly durationMs: number | null;
  readonly quota: { readonly perMinute: number; readonly share: number } | null;
  readonly canaryPerGroup: number;
  /** `null` = not known. */
  readonly hubs: readonly HubCapacity[] | null;
};

export type RunEstimate = {
  /** Registrations that are launched: fewer than wanted if the shape of the load ends early. */
  readonly launches: number;
  /** From the first launch to the last. */
  readonly lastLaunchMs: number;
  /** How late the latest launch starts because no slot is free, if a registration takes 3 s; 0 in the closed model. */
  readonly slotLagMs: number;
  /** From the first launch to the end of the last registration. */
  readonly durationMs: number;
  /** Whether most of it is the assumed duration of single registrations. */
  readonly isGuess: boolean;
};

/** Registrations that end before the next wave begins; `times` equal waves follow each other. */
type EstimatedWave = {
  readonly launches: number;
  readonly shape: LoadShape;
  readonly perMinute: number;
  readonly times: number;
};

/**
 * Estimates the duration of a run that nothing disturbs, as the sum of its waves: the canary, then the rounds. A wave lasts until its last
 * launch, delayed by pace, quota, hubs (in the first round, which creates the identities) and slots, and one registration longer. Repeated
 * requests are not foreseen.
 */
export function estimateRun(load: EstimatedLoad, devices: number): RunEstimate {
  const sum = { pacedMs: 0, durationMs: 0, slotLagMs: 0 };
  const waves = wavesOf(load, devices);
  for (const wave of waves) {
    const { pacedMs, lastMs, slotLagMs } = launchTimes(wave, load.concurrency);
    sum.pacedMs += wave.times * pacedMs;
    sum.durationMs += wave.times * (lastMs + REGISTRATION_MS);
    if (wave.shape.kind !== 'closed') sum.slotLagMs = Math.max(sum.slotLagMs, slotLagMs);
  }
  const endMs = (load.durationMs ?? Number.POSITIVE_INFINITY) + REGISTRATION_MS;
  const durationMs = Math.min(sum.durationMs, endMs);
  return {
    launches: waves.reduce((launches, wave) => launches + wave.launches, 0),
    lastLaunchMs: Math.max(0, durationMs - REGISTRATION_MS),
    slotLagMs: sum.slotLagMs,
    durationMs,
    isGuess: endMs > sum.durationMs && sum.durationMs > 2 * sum.pacedMs,
  };
}

function wavesOf(load: EstimatedLoad, devices: number): readonly EstimatedWave[] {
  const { shape, rounds, quota, canaryPerGroup, hubs } = load;
  const meteredPerMinute = quota === null ? Number.POSITIVE_INFINITY : quota.perMinute * quota.share;
  const firstPerMinute = Math.min(meteredPerMinute, hubs === null ? meteredPerMinute : hubIdentitiesPerMinute(hubs));
  const canary = Math.min(canaryPerGroup, devices);
  const mostLaunches = paceOf(shape, 0).total;
  const waves: readonly EstimatedWave[] = [
    { launches: canary, shape: { kind: 'closed' }, perMinute: firstPerMinute, times: 1 },
    { launches: Math.min(devices - canary, mostLaunches), shape, perMinute: firstPerMinute, times: 1 },
    { launches: Math.min(devices, mostLaunches), shape, perMinute: meteredPerMinute, times: rounds - 1 },
  ];
  return waves.filter(({ launches, times }) => launches > 0 && times > 0);
}

type LaunchTimes = {
  /** Of the last launch, if slots were no limit. */
  readonly pacedMs: number;
  /** Of the last launch. */
  readonly lastMs: number;
  /** The longest wait for a slot. */
  readonly slotLagMs: number;
};

/**
 * A launch waits for its pace, for a permit a gap after the one before, and for the end of the one whose slot it takes:
 * `start(n) = max(pace(n), start(n − 1) + 1 / rate, start(n − slots) + 3 s)`.
 */
function launchTimes({ launches, shape, perMinute }: EstimatedWave, slots: number): LaunchTimes {
  const pace = paceOf(shape, 0);
  const gapMs = MINUTE_MS / perMinute;
  // Of the launches that have the slots now; each slot goes to the launch `slots` later.
  const startsMs = new Float64Array(Math.min(slots, launches));
  let [pacedMs, lastMs, slotLagMs] = [0, 0, 0];
  for (let launch = 0; launch < launches; launch += 1) {
    const paceAtMs = pace.intendedAtMs(launch) ?? 0;
    const slot = launch % slots;
    const freeAtMs = launch < slots ? 0 : (startsMs[slot] ?? 0) + REGISTRATION_MS;
    const permitsGapMs = launch === 0 ? 0 : gapMs;
    pacedMs = Math.max(paceAtMs, pacedMs + permitsGapMs);
    lastMs = Math.max(paceAtMs, lastMs + permitsGapMs, freeAtMs);
    slotLagMs = Math.max(slotLagMs, lastMs - pacedMs);
    startsMs[slot] = lastMs;
  }
  return { pacedMs, lastMs, slotLagMs };
}
