import { shareInterval } from './share-interval.ts';

/** Largest fleet considered. */
const DEVICES_MAX = 1e9;

const HALVINGS = 60;

/**
 * The number of devices needed to judge an expected share: a service that keeps it exactly passes, and one that misses it by
 * twice the tolerance fails, each with the confidence behind `width`. `null` = no number is enough.
 *
 * The interval of a sample that chance has moved by √`width` standard deviations must still end within the tolerance.
 */
export function devicesNeeded(share: number, tolerance: number, width: number): number | null {
  if (!isEnough(DEVICES_MAX, share, tolerance, width)) return null;
  let [few, enough] = [0, DEVICES_MAX];
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (isEnough(middle, share, tolerance, width)) enough = middle;
    else few = middle;
  }
  return enough;
}

/** The smallest tolerance for which this many devices are enough. */
export function toleranceReached(devices: number, share: number, width: number): number {
  let [narrow, wide] = [0, 1];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (narrow + wide) / 2;
    if (isEnough(devices, share, middle, width)) wide = middle;
    else narrow = middle;
  }
  return wide;
}

function isEnough(devices: number, share: number, tolerance: number, width: number): boolean {
  if (devices === 0) return false;
  const chance = Math.sqrt((width * share * (1 - share)) / devices);
  const seen = (moved: number): number => Math.min(1, Math.max(0, moved)) * devices;
  const { upper } = shareInterval({ count: seen(share + chance), of: devices }, width);
  const { lower } = shareInterval({ count: seen(share - chance), of: devices }, width);
  return upper <= share + tolerance && lower >= share - tolerance;
}
