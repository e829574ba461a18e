import {
  DEVICES_PER_HUB_MAX,
  type HubTier,
  IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT,
  RECORDS_PER_INSTANCE_MAX,
} from '../dps/service-limits.ts';
import { OTHER_DESCRIPTORS } from './slots.ts';

export type HubCapacity = { readonly name: string; readonly tier: HubTier; readonly units: number };

/** What a run asks of the service and of this machine. */
export type CapacityDemand = {
  /** Rows × rounds. */
  readonly registrations: number;
  /** Rows. */
  readonly devices: number;
  /** Registrations in flight. */
  readonly concurrency: number;
  /** Launches in the busiest minute of the load; `Infinity` where only slots bound them. */
  readonly launchesPerMinuteMax: number;
  /** Register requests a minute that the run limits itself to, or that the instance grants; `null` = neither is known. */
  readonly quota: { readonly perMinute: number; readonly evidence: string } | null;
  /** Duration of one registration, in seconds. */
  readonly registrationSeconds: number;
};

/** What is available; `null` = not known. */
export type CapacitySupply = {
  readonly fileDescriptors: number | null;
  /** Local ports of one source address. */
  readonly localPorts: number | null;
  readonly sourceAddresses: number;
  /** Records that the instance already has. */
  readonly existingRecords: number | null;
  readonly hubs: readonly HubCapacity[] | null;
};

type Cap = {
  readonly name: string;
  /** Where the number comes from. */
  readonly evidence: string;
  /** How to get more. */
  readonly remedy: string;
};

/** Something that bounds the rate of a run. */
export type RateCap = Cap & { readonly perMinute: number };

/** Something available in a fixed amount; the run cannot succeed when `needed` > `available`. */
export type AmountCap = {
  readonly name: 'records' | 'file descriptors' | 'local ports' | 'hub devices';
  readonly needed: number;
  readonly available: number;
  readonly remedy: string;
};

/** A registration that the service answers with its usual retry-after of 3 s. */
export const REGISTRATION_SECONDS = 3;

/** A port stays unusable for this long after this side has closed its connection (TIME_WAIT, a constant of Linux). */
const PORT_REST_SECONDS = 60;

/** Name of the cap of a fleet that has a slot for each device: the duration of one registration. It delays no launch. */
export const ONE_REGISTRATION = 'one registration';

export function rateCaps(demand: CapacityDemand, supply: CapacitySupply): readonly RateCap[] {
  const { launchesPerMinuteMax, quota } = demand;
  const caps: RateCap[] = [slotCap(demand)];
  if (Number.isFinite(launchesPerMinuteMax)) {
    const evidence = 'the busiest minute of the requested load';
    caps.push({ name: 'load', perMinute: launchesPerMinuteMax, evidence, remedy: 'Raise --rate' });
  }
  if (quota !== null) {
    const remedy = 'Have Azure support raise the quota of the DPS instance, or use more of it with --quota-share';
    caps.push({ name: 'quota', ...quota, remedy });
  }
  return [...caps, ...hubCaps(supply), ...portCaps(demand, supply)];
}

/** The lowest of the caps. */
export function bindingLimit(caps: readonly RateCap[]): RateCap {
  const [first, ...rest] = caps;
  if (first === undefined) throw new Error('nothing bounds the run');
  return rest.reduce((lowest, cap) => (cap.perMinute < lowest.perMinute ? cap : lowest), first);
}

export function amountCaps(
  { concurrency, devices }: CapacityDemand,
  { fileDescriptors, localPorts, sourceAddresses, existingRecords, hubs }: CapacitySupply,
): readonly AmountCap[] {
  const caps: AmountCap[] = [
    {
      name: 'records',
      needed: (existingRecords ?? 0) + devices,
      available: RECORDS_PER_INSTANCE_MAX,
      remedy: 'Delete records that are no longer needed, or use another DPS instance',
    },
  ];
  if (fileDescriptors !== null) {
    const needed = concurrency + OTHER_DESCRIPTORS;
    const remedy = `Raise the limit with ulimit -n ${needed}, or lower --concurrency`;
    caps.push({ name: 'file descriptors', needed, available: fileDescriptors, remedy });
  }
  if (localPorts !== null) {
    const remedy = 'Lower --concurrency, widen net.ipv4.ip_local_port_range, or add --local-address';
    caps.push({ name: 'local ports', needed: concurrency, available: localPorts * sourceAddresses, remedy });
  }
  if (hubs !== null) {
    const remedy = 'Link more hubs to the DPS instance';
    caps.push({ name: 'hub devices', needed: devices, available: hubs.length * DEVICES_PER_HUB_MAX, remedy });
  }
  return caps;
}

function slotCap({ devices, concurrency, registrationSeconds }: CapacityDemand): RateCap {
  // More slots do not help a fleet that has one for each device.
  const isEnough = devices <= concurrency;
  const inFlight = isEnough ? devices : concurrency;
  return {
    name: isEnough ? ONE_REGISTRATION : 'concurrency',
    perMinute: (Math.max(1, inFlight) * 60) / registrationSeconds,
    evidence: `${isEnough ? 'all ' : ''}${count(inFlight)} in flight${isEnough ? ' at once' : ''}, if a registration takes ${registrationSeconds} s`,
    remedy: isEnough ? 'Leave --concurrency as it is: every device has a slot' : 'Raise --concurrency',
  };
}

/** Device identities that the hubs create a minute. Devices are spread over the hubs, so their limits add up. */
export function hubIdentitiesPerMinute(hubs: readonly HubCapacity[]): number {
  return hubs.reduce((sum, { tier, units }) => sum + units * IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT[tier], 0);
}

function hubCaps({ hubs }: CapacitySupply): readonly RateCap[] {
  if (hubs === null) return [];
  const perMinute = hubIdentitiesPerMinute(hubs);
  const evidence = `identities created by ${hubs.map(({ name, tier, units }) => `${name} ${tier} × ${units}`).join(', ')}`;
  return [{ name: 'hub identities', perMinute, evidence, remedy: 'Add units to the hubs, or link more hubs' }];
}

function portCaps({ registrationSeconds }: CapacityDemand, supply: CapacitySupply): readonly RateCap[] {
  const { localPorts, sourceAddresses } = supply;
  if (localPorts === null) return [];
  const ports = localPorts * sourceAddresses;
  const perMinute = (ports * 60) / (registrationSeconds + PORT_REST_SECONDS);
  const evidence = `${count(ports)} ports, each in use for ${registrationSeconds} s and then unusable for ${PORT_REST_SECONDS} s`;
  const remedy = 'Add --local-address, or widen net.ipv4.ip_local_port_range';
  return [{ name: 'local ports', perMinute, evidence, remedy }];
}

/** `1,200` */
function count(value: number): string {
  return value.toLocaleString('en-US');
}
