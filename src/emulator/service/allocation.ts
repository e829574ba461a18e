import type { Enrollment, InstanceSettings, LatencyRegion, LinkedHub } from './dps-instance.ts';
import { uniformHash } from './draws.ts';
import { patternExpression } from './notation.ts';

/** The device for which a hub is picked. */
export type AllocatedDevice = {
  /** Folded registration ID. */
  readonly key: string;
  /** IP address of its connection; `null` = unknown. */
  readonly sourceAddress: string | null;
};

/** The hub that the allocation policy picks; `null` = no hub is available. The webhook handles the policy `custom`. */
export function allocate(
  instance: InstanceSettings,
  enrollment: Enrollment,
  device: AllocatedDevice,
): LinkedHub | null {
  const candidates = candidateHubs(instance, enrollment);
  const policy = enrollment.allocationPolicy ?? instance.allocationPolicy;
  if (policy === 'static') return enrollment.iotHubs.length === 1 ? (candidates[0] ?? null) : null;
  if (policy === 'geoLatency') return hubByLatency(candidates, instance.latencyRegions, device);
  return hubByWeightedHash(candidates, device.key);
}

/** The hubs that the enrollment names, else all hubs to which the allocation policy applies. */
function candidateHubs({ linkedHubs }: InstanceSettings, { iotHubs }: Enrollment): readonly LinkedHub[] {
  if (iotHubs.length === 0) return linkedHubs.filter((hub) => hub.applyAllocationPolicy);
  return linkedHubs.filter((hub) => iotHubs.includes(hub.hostName));
}

/** The hash decides ties, and devices that belong to no region. */
function hubByLatency(
  hubs: readonly LinkedHub[],
  regions: readonly LatencyRegion[],
  device: AllocatedDevice,
): LinkedHub | null {
  const region = regions.find((candidate) => isIn(candidate, device));
  const latencyOf = ({ hostName }: LinkedHub): number => region?.latenciesMs[hostName] ?? Number.POSITIVE_INFINITY;
  const lowest = Math.min(...hubs.map(latencyOf));
  return hubByWeightedHash(
    hubs.filter((hub) => latencyOf(hub) === lowest),
    device.key,
  );
}

function isIn({ sourceAddresses, registrationIds }: LatencyRegion, { key, sourceAddress }: AllocatedDevice): boolean {
  return (
    registrationIds.some((pattern) => patternExpression(pattern).test(key)) ||
    (sourceAddress !== null && sourceAddresses.some((pattern) => patternExpression(pattern).test(sourceAddress)))
  );
}

/**
 * Weighted rendezvous hashing: each hub draws `-weight / ln(u)` with `u` = hash of hub and key, uniform in (0, 1), and
 * the highest draw wins. The same key gets the same hub as long as the hubs stay the same; a new hub takes its own share
 * and moves nothing else. The real service's hash is not documented.
 *
 * @param key folded registration ID
 * @returns `null` if there are no hubs.
 */
export function hubByWeightedHash(hubs: readonly LinkedHub[], key: string): LinkedHub | null {
  let winner: LinkedHub | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const hub of hubs) {
    const draw = -hub.weight / Math.log(uniformHash(hub.hostName, key));
    if (draw > highest) [winner, highest] = [hub, draw];
  }
  return winner;
}
