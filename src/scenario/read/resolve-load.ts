import { type LoadShape, SLOW_REGISTRATION_SECONDS, steadyRatePerSecond } from '../../load/pace.ts';
import type { Problem } from '../../problem/operator-error.ts';
import type { Scenario, Target } from '../scenario.ts';
import {
  CANARY_DEFAULT,
  CONCURRENCY_DEFAULT,
  CONCURRENCY_MAX,
  QUOTA_DEFAULT_PER_SECOND,
} from '../settings/load-settings.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { type GatheredSettings, givenOrigins, listGiven } from './gather-settings.ts';
import { problemAt } from './origin.ts';

/** Of these a run has one at most. */
export const LOAD_SHAPES: readonly SettingName[] = ['rate', 'stages', 'batches', 'atOnce'];

/**
 * Puts in the defaults that depend on other settings, on the target and on the machine.
 *
 * @param target `null` when none could be made out; what depends on it is then as for a real service.
 */
export function withLoad(settings: GatheredSettings, target: Target | null, cores: number): GatheredSettings {
  const { values, origins } = settings;
  const rate = steadyRatePerSecond(shapeOf(values));
  const roomForRate = rate === null ? CONCURRENCY_DEFAULT : Math.ceil(rate * SLOW_REGISTRATION_SECONDS);
  const concurrency = values.concurrency ?? Math.min(roomForRate, CONCURRENCY_MAX);
  const wanted = values.workers ?? Math.max(1, cores - 1);
  const workers = Math.min(wanted, concurrency);
  const isLoopback = target !== null && isLoopbackTarget(target);
  const quota = values.quota ?? (isLoopback ? 'off' : QUOTA_DEFAULT_PER_SECOND);
  const governor = values.governor ?? (isLoopback && quota === 'off' ? 'off' : 'on');
  const canary = values.canary ?? (isLoopback ? 0 : CANARY_DEFAULT);
  const name = `${origins.workers.name}, but no more than the concurrency`;
  return {
    values: { ...values, concurrency, workers, quota, governor, canary },
    origins: workers < wanted ? { ...origins, workers: { ...origins.workers, name } } : origins,
  };
}

export function isLoopbackTarget(target: Target): boolean {
  return target.kind === 'emulator' || isLoopbackHost(target.host);
}

/** What the settings say about the load; only the first shape, where several are given. */
export function toLoad(values: SettingValues): Scenario['load'] {
  const { concurrency, workers, quota, quotaShare, canary, rounds, outageMax } = values;
  if (
    concurrency === null ||
    workers === null ||
    quota === null ||
    quotaShare === null ||
    canary === null ||
    rounds === null ||
    outageMax === null
  ) {
    throw new Error('a setting of the load has no value');
  }
  return {
    concurrency,
    shape: shapeOf(values),
    workers,
    rowsMax: values.limit,
    durationMs: values.duration,
    rounds,
    quota: quota === 'off' ? null : { perMinute: perMinute(quota), share: quotaShare },
    governor: values.governor === 'on',
    canaryPerGroup: canary,
    outageMaxMs: outageMax,
  };
}

/** Adds a problem when shapes contradict each other. */
export function checkLoad({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const given = LOAD_SHAPES.filter((name) => origins[name].source !== 'default' && values[name] !== false);
  const [, second] = givenOrigins(origins, given);
  if (second === undefined) return;
  const message = `several load shapes are given: ${listGiven(origins, given)}`;
  problems.push(problemAt(second, message, 'Remove all but one'));
}

/** Rates are kept a second, in which 1000/min is no whole number. */
function perMinute(perSecond: number): number {
  return Math.round(perSecond * 60e6) / 1e6;
}

function shapeOf({ rate, stages, batches, atOnce }: SettingValues): LoadShape {
  if (rate !== null) return { kind: 'rate', ratePerSecond: rate };
  if (stages !== null) return { kind: 'stages', stages };
  if (batches !== null) return { kind: 'batches', ...batches };
  return atOnce === true ? { kind: 'at-once' } : { kind: 'closed' };
}

/** Whether a host can only be this machine: what is done there harms nobody else. */
export function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);
}
