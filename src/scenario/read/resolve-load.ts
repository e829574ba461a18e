import { type LoadShape, SLOW_REGISTRATION_SECONDS, steadyRatePerSecond } from '../../load/pace.ts';
import type { Scenario, Target } from '../scenario.ts';
import {
  CANARY_DEFAULT,
  CONCURRENCY_DEFAULT,
  CONCURRENCY_MAX,
  QUOTA_DEFAULT_PER_SECOND,
} from '../settings/load-settings.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { type GatheredSettings, required } from './gather-settings.ts';

/** The settings that shape the load; a run has at most one of them. */
export const SHAPE_SETTINGS: readonly SettingName[] = ['rate', 'stages', 'batches', 'atOnce'];

/**
 * Fills in the defaults that depend on other settings, on the target and on the machine.
 *
 * @param target `null` when it could not be determined; the defaults are then those for a real service.
 */
export function withLoadDefaults(settings: GatheredSettings, target: Target | null, cores: number): GatheredSettings {
  const { values, origins } = settings;
  const rate = steadyRatePerSecond(shapeOf(values));
  const roomForRate = rate === null ? CONCURRENCY_DEFAULT : Math.ceil(rate * SLOW_REGISTRATION_SECONDS);
  const concurrency = values.concurrency ?? Math.min(roomForRate, CONCURRENCY_MAX);
  const workersWanted = values.workers ?? Math.max(1, cores - 1);
  const workers = Math.min(workersWanted, concurrency);
  const isLoopback = target !== null && isLoopbackTarget(target);
  const quota = values.quota ?? (isLoopback ? 'off' : QUOTA_DEFAULT_PER_SECOND);
  const governor = values.governor ?? (isLoopback && quota === 'off' ? 'off' : 'on');
  const canary = values.canary ?? (isLoopback ? 0 : CANARY_DEFAULT);
  const onOutage = values.onOutage ?? (shapeOf(values).kind === 'at-once' ? 'ignore' : 'hold');
  const name = `${origins.workers.name}, but no more than the concurrency`;
  return {
    values: { ...values, concurrency, workers, quota, governor, canary, onOutage },
    origins: workers < workersWanted ? { ...origins, workers: { ...origins.workers, name } } : origins,
  };
}

/** Whether the target can only be this machine, where a run harms nobody else. */
export function isLoopbackTarget(target: Target): boolean {
  return target.kind === 'emulator' || /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(target.host);
}

/** The load that the settings describe. */
export function toLoad(values: SettingValues): Scenario['load'] {
  const quota = required(values.quota);
  return {
    concurrency: required(values.concurrency),
    shape: shapeOf(values),
    workers: required(values.workers),
    rowsMax: values.limit,
    durationMs: values.duration,
    rounds: required(values.rounds),
    quota: quota === 'off' ? null : { perMinute: perMinute(quota), share: required(values.quotaShare) },
    governor: values.governor === 'on',
    canaryPerGroup: required(values.canary),
    onOutage: required(values.onOutage),
    outageMaxMs: required(values.outageMax),
  };
}

/** Rates are kept by the second, where 1000/min is not a whole number. */
function perMinute(perSecond: number): number {
  return Math.round(perSecond * 60e6) / 1e6;
}

/** The first shape, if several are given. */
function shapeOf({ rate, stages, batches, atOnce }: SettingValues): LoadShape {
  if (rate !== null) return { kind: 'rate', ratePerSecond: rate };
  if (stages !== null) return { kind: 'stages', stages };
  if (batches !== null) return { kind: 'batches', ...batches };
  return atOnce === true ? { kind: 'at-once' } : { kind: 'closed' };
}
