import { type LoadShape, SLOW_REGISTRATION_SECONDS } from './pace.ts';

/** Registrations in flight: one source address has about 28,000 local ports for one target. */
export const CONCURRENCY_MAX = 25_000;

/** For the closed model; at a service time of 2 s this makes 50 registrations a second, more than the service's quota allows. */
export const CLOSED_SLOTS = 100;

/** File descriptors of a process for libraries, journal, pipes and threads, besides its sockets. */
export const OTHER_DESCRIPTORS = 64;

/** Memory of a registration in flight, most of it for TLS. */
const BYTES_PER_SLOT = 50_000;

/** Part of the available memory that slots may take: the emulator needs as much again, and the kernel's buffers the rest. */
const MEMORY_SHARE = 1 / 3;

/** What this machine grants to one process; `null` = not known. */
export type SlotSupply = {
  /** `Infinity` = not limited. */
  readonly fileDescriptors: number | null;
  /** Local ports of one source address. */
  readonly localPorts: number | null;
  readonly sourceAddresses: number;
  readonly memoryBytes: number | null;
};

/** The slots that a load gets if the operator does not say how many. */
export type SlotChoice = {
  readonly slots: number;
  /** As many as the load can fill. */
  readonly wanted: number;
  /** Why that many, such as `every device at once`. */
  readonly reason: string;
  /** What makes `slots` fewer than `wanted`; `null` = nothing. */
  readonly cut: { readonly evidence: string; readonly remedy: string } | null;
};

/** As many slots as the load can fill, if this machine has room for them. */
export function chooseSlots(shape: LoadShape, devices: number, supply: SlotSupply): SlotChoice {
  const { slots: wanted, reason } = slotsWanted(shape, devices);
  const [lowest] = slotCaps(wanted, supply).sort((a, b) => a.slots - b.slots);
  if (lowest === undefined || lowest.slots >= wanted) return { slots: wanted, wanted, reason, cut: null };
  const { slots, evidence, remedy } = lowest;
  return { slots: Math.max(1, slots), wanted, reason, cut: { evidence, remedy } };
}

/**
 * The slots that keep a load to its intended starts while the service is slow but healthy. A rate fills `rate × 10 s`. Of batches, those of
 * the last 10 s are in flight when the next one starts.
 */
export function slotsWanted(shape: LoadShape, devices: number): Pick<SlotChoice, 'slots' | 'reason'> {
  switch (shape.kind) {
    case 'closed':
      return { slots: CLOSED_SLOTS, reason: 'nothing else sets the load' };
    case 'rate':
      return slotsForRate(shape.ratePerSecond, 'the rate');
    case 'stages':
      return slotsForRate(Math.max(...shape.stages.map(({ ratePerSecond }) => ratePerSecond)), 'the highest rate');
    case 'batches': {
      const { size, everyMs } = shape;
      const underWay = Math.ceil((SLOW_REGISTRATION_SECONDS * 1_000) / everyMs);
      const before = underWay === 1 ? 'the one before' : `the ${underWay} before`;
      return slotsForDevices(size * (1 + underWay), devices, `a batch, and what is left of ${before}`);
    }
    case 'at-once':
      return slotsForDevices(devices, devices, '');
  }
}

/** The launches with the same intended start; 0 where there is a rate, or none at all. */
export function burstOf(shape: LoadShape, devices: number): number {
  if (shape.kind === 'at-once') return devices;
  return shape.kind === 'batches' ? Math.min(shape.size, devices) : 0;
}

function slotsForRate(ratePerSecond: number, which: string): Pick<SlotChoice, 'slots' | 'reason'> {
  const slots = Math.max(1, Math.ceil(ratePerSecond * SLOW_REGISTRATION_SECONDS));
  return { slots, reason: `${which} × ${SLOW_REGISTRATION_SECONDS} s` };
}

/** More than one for each device would stay empty. */
function slotsForDevices(slots: number, devices: number, reason: string): Pick<SlotChoice, 'slots' | 'reason'> {
  return slots < devices ? { slots, reason } : { slots: Math.max(1, devices), reason: 'every device at once' };
}

type SlotCap = { readonly slots: number; readonly evidence: string; readonly remedy: string };

function slotCaps(
  wanted: number,
  { fileDescriptors, localPorts, sourceAddresses, memoryBytes }: SlotSupply,
): SlotCap[] {
  const caps: SlotCap[] = [
    {
      slots: CONCURRENCY_MAX,
      evidence: 'that is the most that one process of dpsload takes',
      remedy: 'Divide the fleet between several machines',
    },
  ];
  if (fileDescriptors !== null) {
    const evidence = `ulimit -n is ${fileDescriptors}, of which ${OTHER_DESCRIPTORS} are for other files`;
    const remedy = `Raise the limit with ulimit -n ${wanted + OTHER_DESCRIPTORS}`;
    caps.push({ slots: fileDescriptors - OTHER_DESCRIPTORS, evidence, remedy });
  }
  if (localPorts !== null) {
    const evidence = `ip_local_port_range has ${localPorts} ports for each source address`;
    const remedy = 'Widen net.ipv4.ip_local_port_range, or add --local-address';
    caps.push({ slots: localPorts * sourceAddresses, evidence, remedy });
  }
  if (memoryBytes !== null) {
    const slots = Math.floor((memoryBytes * MEMORY_SHARE) / BYTES_PER_SLOT);
    const evidence = `${Math.floor(memoryBytes / 1e6)} MB of memory are free, and each takes ${BYTES_PER_SLOT / 1_000} kB`;
    caps.push({ slots, evidence, remedy: 'Free memory, or use a machine with more' });
  }
  return caps;
}
