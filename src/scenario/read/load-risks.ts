import { launchesPerMinuteMax } from '../../load/pace.ts';
import type { Scenario } from '../scenario.ts';
import { isLoopbackTarget } from './resolve-load.ts';

/**
 * Register requests a minute that the run keeps to: the share of the quota. `null` = not metered: there is no quota, or the
 * shape of the load asks a real service for more than the share, which needs the operator's word. The closed model asks for
 * nothing, and at a loopback target nobody is asked.
 */
export function meteredPerMinute({ target, load }: Pick<Scenario, 'target' | 'load'>): number | null {
  const { quota, shape } = load;
  if (quota === null) return null;
  const perMinute = quota.perMinute * quota.share;
  const staysWithin = shape.kind === 'closed' || launchesPerMinuteMax(shape) <= perMinute;
  return staysWithin || isLoopbackTarget(target) ? perMinute : null;
}

/** What could take from others at a real service, and needs the operator's word; nothing at a loopback target. */
export function loadRisks(scenario: Pick<Scenario, 'target' | 'load'>): readonly string[] {
  const { target, load } = scenario;
  if (isLoopbackTarget(target)) return [];
  const risks: string[] = [];
  if (meteredPerMinute(scenario) === null) {
    risks.push(
      load.quota === null
        ? 'launches are not kept within a quota'
        : `launches leave the run's share of the quota, ${Math.floor(load.quota.perMinute * load.quota.share)} a minute`,
    );
  }
  if (!load.governor) risks.push('the governor is off: throttling does not slow the run down');
  return risks;
}
