import {
  DEVICES_PER_HUB_MAX,
  type HubTier,
  IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT,
  RECORDS_PER_INSTANCE_MAX,
} from '../dps/service-limits.ts';

export type HubCapacity = { readonly name: string; readonly tier: HubTier; readonly units: number };

/** What a run asks of the service and of this machine. */
export type CapacityDemand = {
  /** Rows × rounds. */
  readonly registrations: number;
  /** Devices: rows. */
  readonly devices: number;
  /** Registrations in flight. */
  readonly concurrency: number;
  /** Launches in the busiest minute of the load's shape; `Infinity` where only slots bound them. */
  readonly launchesPerMinuteMax: number;
  /** Register requests a minute that the run keeps to, or that the instance grants; `null` = neither is known. */
  readonly quota: { readonly perMinute: number; readonly evidence: string } | null;
  /** How long one registration takes, in seconds, for what the slots allow. */
  readonly registrationSeconds: number;
};

/** What there is; `null` = not known. */
export type CapacitySupply = {
  readonly fileDescriptors: number | null;
  /** Local ports of one source address. */
  readonly localPorts: number | null;
  readonly sourceAddresses: number;
  /** Records that the instance holds already. */
  readonly existingRecords: number | null;
  /** `null` = not told. */
  readonly hubs: readonly HubCapacity[] | null;
};

/** One thing that bounds how fast a run can be. */
export type RateCap = {
  readonly name: string;
  readonly perMinute: number;
  /** Where the number comes from. */
  readonly evidence: string;
  /** How to have more. */
  readonly remedy: string;
};

/** A resource of limited amount; `needed` > `available` cannot succeed. */
export type AmountCap = {
  readonly name: 'records' | 'file descriptors' | 'local ports' | 'hub devices';
  readonly needed: number;
  readonly available: number;
  readonly remedy: string;
};

/** A registration that the service answers with its usual retry-after of 3 s. */
export const REGISTRATION_SECONDS = 3;

/** Sockets aside, a process has its libraries, journal, pipes and threads open. */
const OTHER_DESCRIPTORS = 64;

/** After a connection was closed from this side its port rests so long (TIME_WAIT, a constant of Linux). */
const PORT_REST_SECONDS = 60;

/** Name of the limit of a fleet that has a slot for each device: the time that one takes. It delays no launch. */
export const ONE_REGISTRATION = 'one registration';

export function rateCaps(demand: CapacityDemand, supply: CapacitySupply): readonly RateCap[] {
  const { launchesPerMinuteMax, quota } = demand;
  const limits: RateCap[] = [slotLimit(demand)];
  if (Number.isFinite(launchesPerMinuteMax)) {
    const evidence = 'the busiest minute of the load that was asked for';
    limits.push({ name: 'load', perMinute: launchesPerMinuteMax, evidence, remedy: 'Ask for more: --rate' });
  }
  if (quota !== null) {
    const remedy = 'Have the quota of the DPS instance raised by Azure support, or use more of it: --quota-share';
    limits.push({ name: 'quota', ...quota, remedy });
  }
  return [...limits, ...hubLimits(supply.hubs), ...portLimits(demand, supply)];
}

/** The slowest of the limits. */
export function bindingLimit(limits: readonly RateCap[]): RateCap {
  const [first, ...rest] = limits;
  if (first === undefined) throw new Error('nothing bounds the run');
  return rest.reduce((slowest, limit) => (limit.perMinute < slowest.perMinute ? limit : slowest), first);
}

export function amountCaps(demand: CapacityDemand, supply: CapacitySupply): readonly AmountCap[] {
  const { concurrency, devices } = demand;
  const { fileDescriptors, localPorts, sourceAddresses, existingRecords, hubs } = supply;
  const limits: AmountCap[] = [
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
    limits.push({ name: 'file descriptors', needed, available: fileDescriptors, remedy });
  }
  if (localPorts !== null) {
    const remedy = 'Lower --concurrency, widen net.ipv4.ip_local_port_range, or give more --local-address';
    limits.push({ name: 'local ports', needed: concurrency, available: localPorts * sourceAddresses, remedy });
  }
  if (hubs !== null) {
    const remedy = 'Link more hubs to the DPS instance';
    limits.push({ name: 'hub devices', needed: devices, available: hubs.length * DEVICES_PER_HUB_MAX, remedy });
  }
  return limits;
}

/** How often the slots are filled: no registration is faster because there are few, and a round waits for the one before. */
export function slotRounds(devices: number, rounds: number, concurrency: number): number {
  return Math.ceil(devices / concurrency) * rounds;
}

/** More slots help no fleet that has one for each device. */
function slotLimit({ devices, concurrency, registrationSeconds }: CapacityDemand): RateCap {
  if (devices <= concurrency) {
    return {
      name: ONE_REGISTRATION,
      perMinute: (Math.max(1, devices) * 60) / registrationSeconds,
      evidence: `all ${devices} in flight at once, if a registration takes ${registrationSeconds} s`,
      remedy: 'Nothing needs to be raised: there is a slot for each',
    };
  }
  return {
    name: 'concurrency',
    perMinute: (concurrency * 60) / registrationSeconds,
    evidence: `${concurrency} in flight, if a registration takes ${registrationSeconds} s`,
    remedy: 'Raise --concurrency',
  };
}

/** Devices are spread over the hubs, so that the identities of all hubs together count. */
function hubLimits(hubs: readonly HubCapacity[] | null): readonly RateCap[] {
  if (hubs === null) return [];
  const perMinute = hubs.reduce(
    (sum, { tier, units }) => sum + units * IDENTITY_OPERATIONS_PER_MINUTE_PER_UNIT[tier],
    0,
  );
  const evidence = `identities made by ${hubs.map(({ name, tier, units }) => `${name} ${tier} × ${units}`).join(', ')}`;
  return [{ name: 'hub identities', perMinute, evidence, remedy: 'Add units to the hubs, or link more of them' }];
}

function portLimits({ registrationSeconds }: CapacityDemand, supply: CapacitySupply): readonly RateCap[] {
  const { localPorts, sourceAddresses } = supply;
  if (localPorts === null) return [];
  const seconds = registrationSeconds + PORT_REST_SECONDS;
  return [
    {
      name: 'local ports',
      perMinute: (localPorts * sourceAddresses * 60) / seconds,
      evidence: `${localPorts * sourceAddresses} ports, each used for ${registrationSeconds} s and at rest for ${PORT_REST_SECONDS} s`,
      remedy: 'Give more --local-address, or widen net.ipv4.ip_local_port_range',
    },
  ];
}
