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
  /** Registrations that are launched: fewer than wanted where the shape of the load ends before. */
  readonly launches: number;
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
 * launch, delayed by the slowest of pace, quota, hubs (in the first round, which creates the identities) and slots, and one registration
 * longer: `max(last launch, (⌈n / slots⌉ − 1) × 3 s) + 3 s`. Repeated requests are not foreseen.
 */
export function estimateRun(load: EstimatedLoad, devices: number): RunEstimate {
  let launchesMs = 0;
  let durationMs = 0;
  const waves = wavesOf(load, devices);
  for (const wave of waves) {
    const pacedMs = timeToLastLaunchMs(wave);
    const slotsMs = (Math.ceil(wave.launches / load.concurrency) - 1) * REGISTRATION_MS;
    launchesMs += wave.times * pacedMs;
    durationMs += wave.times * (Math.max(pacedMs, slotsMs) + REGISTRATION_MS);
  }
  const endMs = (load.durationMs ?? Number.POSITIVE_INFINITY) + REGISTRATION_MS;
  const boundedMs = Math.min(durationMs, endMs);
  const launches = waves.reduce((sum, wave) => sum + wave.launches, 0);
  return { launches, durationMs: boundedMs, isGuess: endMs > durationMs && durationMs > 2 * launchesMs };
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

/** Launches whose intended starts are looked at, except that each batch is. */
const SAMPLED_LAUNCHES = 1_000;

/** A launch waits for its pace, and for a permit, one after the other: `max over k of pace(k) + (n − 1 − k) / perMinute`. */
function timeToLastLaunchMs({ launches, shape, perMinute }: EstimatedWave): number {
  const pace = paceOf(shape, 0);
  const last = launches - 1;
  const step = shape.kind === 'batches' ? shape.size : Math.ceil(launches / SAMPLED_LAUNCHES);
  let latestMs = pace.intendedAtMs(last) ?? 0;
  for (let launch = 0; launch <= last; launch += step) {
    latestMs = Math.max(latestMs, (pace.intendedAtMs(launch) ?? 0) + ((last - launch) / perMinute) * MINUTE_MS);
  }
  return latestMs;
}
