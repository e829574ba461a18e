import { launchesPerMinuteMax } from '../../load/pace.ts';
import type { Scenario } from '../scenario.ts';
import { isLoopbackTarget } from './resolve-load.ts';

/**
 * Register requests a minute that the run stays within: its share of the quota. `null` = not metered, because there is no
 * quota, or because the load shape exceeds the share at a real service, which the operator must confirm. The closed model
 * requests no rate, and a loopback target needs no confirmation.
 */
export function meteredPerMinute({ target, load }: Pick<Scenario, 'target' | 'load'>): number | null {
  const { quota, shape } = load;
  if (quota === null) return null;
  const perMinute = quota.perMinute * quota.share;
  const staysWithin = shape.kind === 'closed' || launchesPerMinuteMax(shape) <= perMinute;
  return staysWithin || isLoopbackTarget(target) ? perMinute : null;
}

/** What could harm other users of a real service, and needs the operator's consent; empty for a loopback target. */
export function loadRisks(scenario: Pick<Scenario, 'target' | 'load'>): readonly string[] {
  const { target, load } = scenario;
  if (isLoopbackTarget(target)) return [];
  const risks: string[] = [];
  if (meteredPerMinute(scenario) === null) {
    const share = load.quota === null ? 0 : Math.floor(load.quota.perMinute * load.quota.share);
    risks.push(
      load.quota === null
        ? 'no quota limits the run'
        : `the requested rate exceeds this run's share of the quota, ${share.toLocaleString('en-US')} a minute`,
    );
  }
  if (!load.governor) risks.push('the governor is off: the run does not slow down when the service throttles');
  return risks;
}
