import { isLoopback } from '../../dps/loopback.ts';
import { type LoadShape, launchesPerMinuteMax } from '../../load/pace.ts';
import { CONCURRENCY_MAX, slotsWanted } from '../../load/slots.ts';
import type { Problem } from '../../problem/operator-error.ts';
import type { Scenario, Target } from '../scenario.ts';
import { CANARY_DEFAULT, QUOTA_DEFAULT_PER_SECOND } from '../settings/load-settings.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { checkAtMostOne, type GatheredSettings, givenOrigins, required } from './gather-settings.ts';
import { problemAt } from './origin.ts';

/** The settings that shape the load; a run has at most one of them. */
export const SHAPE_SETTINGS: readonly SettingName[] = ['rate', 'stages', 'batches', 'atOnce'];

/** The settings that say where the agents come from; a run has at most one of them. */
export const AGENT_SOURCES: readonly SettingName[] = ['agents', 'localAgent'];

/** Settings whose default depends on the machine, or on a load that a resumed run may change. */
export const DERIVED_SETTINGS: readonly SettingName[] = ['concurrency', 'workers', 'governor', 'onOutage'];

/**
 * Fills in the defaults that depend on other settings, on the target and on the machine.
 *
 * @param target `null` when it could not be determined; the defaults are then those for a real service.
 */
export function withLoadDefaults(settings: GatheredSettings, target: Target | null, cores: number): GatheredSettings {
  const { values, origins } = settings;
  const workersWanted = values.workers ?? (agentCountOf(values) === null ? Math.max(1, cores - 1) : null);
  const workers = workersWanted === null ? null : Math.min(workersWanted, slotsOf(values));
  const isHere = target !== null && isLoopbackTarget(target);
  const quota = values.quota ?? (isHere ? 'off' : QUOTA_DEFAULT_PER_SECOND);
  const governor = values.governor ?? (isHere && quota === 'off' ? 'off' : 'on');
  const canary = values.canary ?? (isHere ? 0 : CANARY_DEFAULT);
  const onOutage = values.onOutage ?? (shapeOf(values).kind === 'at-once' ? 'ignore' : 'hold');
  const name = `${origins.workers.name}, but no more than the concurrency`;
  return {
    values: { ...values, workers, quota, governor, canary, onOutage },
    origins: (workers ?? 0) < (workersWanted ?? 0) ? { ...origins, workers: { ...origins.workers, name } } : origins,
  };
}

/** Defaults that depend on the target. */
const PROTECTIONS: readonly SettingName[] = ['quota', 'governor', 'canary'];

/** The load that the same settings make at a real service. */
export function loadAtRealHost({ values, origins }: GatheredSettings): Scenario['load'] {
  const derived = PROTECTIONS.filter((name) => origins[name].source === 'default').map((name) => [name, null]);
  const given = { ...values, ...Object.fromEntries(derived) };
  return toLoad(withLoadDefaults({ values: given, origins }, null, values.workers ?? 1).values);
}

/** Rates are quotients: 29/min and 29% of 100/min differ by their last bits. */
const SAME_RATE = 1 + 1e-9;

/** Why a load exceeds the run's share of the quota; `null` = it does not. The closed model requests no rate. */
export function excessOf({ shape, quota }: Pick<Scenario['load'], 'shape' | 'quota'>): string | null {
  if (quota === null || shape.kind === 'closed') return null;
  const share = quota.perMinute * quota.share;
  const asked = launchesPerMinuteMax(shape);
  if (asked <= share * SAME_RATE) return null;
  const rate = shape.kind === 'at-once' ? 'the whole fleet at once' : `${count(asked)} registrations a minute`;
  return `asks for ${rate}, but this run's share of the quota is ${count(share)} a minute (${Number((quota.share * 100).toFixed(2))}% of ${count(quota.perMinute)})`;
}

/** At most two decimals. */
function count(perMinute: number): string {
  return perMinute.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** Adds a problem for a load above the share, whatever the target: a rehearsal refuses what the real run refuses. */
export function checkShare({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const { quota, quotaShare } = values;
  const name = SHAPE_SETTINGS.find((shape) => values[shape] !== null && values[shape] !== false);
  if (name === undefined || quota === null || quota === 'off' || quotaShare === null) return;
  const excess = excessOf({ shape: shapeOf(values), quota: { perMinute: perMinute(quota), share: quotaShare } });
  if (excess === null) return;
  const remedy =
    name === 'atOnce'
      ? 'Give --rate instead, or lift the quota with --quota off'
      : 'Lower the load, use more of the quota with --quota-share, state a higher --quota, or lift it with --quota off';
  problems.push(problemAt(origins[name], `${origins[name].name} ${excess}`, remedy));
}

/** Whether the target can only be this machine, where a run harms nobody else. */
export function isLoopbackTarget(target: Target): boolean {
  return target.kind === 'emulator' || isLoopback(target.host);
}

/** The load that the settings describe. */
export function toLoad(values: SettingValues): Scenario['load'] {
  const quota = required(values.quota);
  return {
    concurrency: slotsOf(values),
    shape: shapeOf(values),
    // As many as the agents turn out to have slots.
    workers: values.workers ?? 1,
    rowsMax: values.limit,
    durationMs: values.duration,
    rounds: required(values.rounds),
    quota: quota === 'off' ? null : { perMinute: perMinute(quota), share: required(values.quotaShare) },
    hubs: values.hubs,
    governor: values.governor === 'on',
    canaryPerGroup: required(values.canary),
    onOutage: required(values.onOutage),
    outageMaxMs: required(values.outageMax),
  };
}

/** Adds a problem for agents of two kinds, and for rows that are pinned to agents where there are none. */
export function checkAgents(settings: GatheredSettings, problems: Problem[]): void {
  const { values, origins } = settings;
  checkAtMostOne(settings, AGENT_SOURCES, 'source of agents', problems);
  if (values.pinBy === null || givenOrigins(origins, AGENT_SOURCES).length > 0) return;
  const message = `${origins.pinBy.name} pins rows to agents, but the run has none`;
  problems.push(
    problemAt(
      origins.pinBy,
      message,
      'Give the number of agents as well (--agents N), or start them here (--local-agent)',
    ),
  );
}

/** Where the settings want the workers to run. */
export function toAgents(values: SettingValues): Scenario['agents'] {
  const count = agentCountOf(values);
  if (count === null) return null;
  return {
    count,
    local: values.localAgent,
    withinMs: required(values.agentsWithin),
    min: Math.min(count, required(values.agentsMin)),
    workers: values.workers,
    pinBy: values.pinBy,
  };
}

/** `null` = the workers are threads of this process. */
export function agentCountOf({ agents, localAgent }: SettingValues): number | null {
  return agents ?? localAgent?.length ?? null;
}

/** As given, or the most that the load could fill, until the fleet is known: `withSlots` then chooses. */
function slotsOf(values: SettingValues): number {
  const { concurrency } = values;
  if (concurrency !== 'auto' && concurrency !== null) return concurrency;
  return Math.min(CONCURRENCY_MAX, slotsWanted(shapeOf(values), CONCURRENCY_MAX).slots);
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
