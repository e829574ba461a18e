import type { Scenario } from '../scenario.ts';
import { isLoopbackTarget } from './resolve-load.ts';

/** Register requests a minute that the run stays within: its share of the quota; `null` = no quota. */
export function meteredPerMinute({ load: { quota } }: Pick<Scenario, 'load'>): number | null {
  return quota === null ? null : quota.perMinute * quota.share;
}

/** What could harm other users of a real service, and needs the operator's consent; empty for a loopback target. */
export function loadRisks({ target, load }: Pick<Scenario, 'target' | 'load'>): readonly string[] {
  return isLoopbackTarget(target) ? [] : risksAtRealHost(load);
}

/** The same for a real service, whatever the target is. */
export function risksAtRealHost({ quota, governor }: Scenario['load']): readonly string[] {
  return [
    ...(quota === null ? ['no quota limits the run'] : []),
    ...(governor ? [] : ['the governor is off: the run does not slow down when the service throttles']),
  ];
}
