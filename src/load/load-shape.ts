import { atOncePace, batchPace, closedPace, constantPace, type Pace } from './pace.ts';
import { launchesInBusiestMinute, type Stage, stagesPace } from './stages-pace.ts';

/** What a registration takes where the service is slow, though nothing is amiss. */
export const SLOW_REGISTRATION_SECONDS = 10;

/** When registrations are meant to start, over all workers. */
export type LoadShape =
  /** As soon as a slot is free. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'rate'; readonly ratePerSecond: number }
  | { readonly kind: 'stages'; readonly stages: readonly Stage[] }
  | { readonly kind: 'batches'; readonly size: number; readonly everyMs: number }
  /** All at the run's start: the power cut. */
  | { readonly kind: 'at-once' };

export function paceOf(shape: LoadShape, startAtMs: number): Pace {
  switch (shape.kind) {
    case 'closed':
      return closedPace();
    case 'rate':
      return constantPace(shape.ratePerSecond, startAtMs);
    case 'stages':
      return stagesPace(shape.stages, startAtMs);
    case 'batches':
      return batchPace(shape.size, shape.everyMs, startAtMs);
    case 'at-once':
      return atOncePace(startAtMs);
  }
}

/** Launches in the busiest minute of the shape; `Infinity` where only slots bound them. */
export function launchesPerMinuteMax(shape: LoadShape): number {
  switch (shape.kind) {
    case 'closed':
    case 'at-once':
      return Number.POSITIVE_INFINITY;
    case 'rate':
      return shape.ratePerSecond * 60;
    case 'stages':
      return launchesInBusiestMinute(shape.stages);
    case 'batches':
      return Math.ceil(60_000 / shape.everyMs) * shape.size;
  }
}

/** Launches a second in the busiest minute of the shape; where slots alone bound them, what fills the slots while the service is slow. */
export function askedPerSecond(shape: LoadShape, concurrency: number): number {
  const perMinute = launchesPerMinuteMax(shape);
  return Number.isFinite(perMinute) ? perMinute / 60 : concurrency / SLOW_REGISTRATION_SECONDS;
}

/** The rate that run files and the live view name; `null` where the shape has none. */
export function steadyRatePerSecond(shape: LoadShape): number | null {
  return shape.kind === 'rate' ? shape.ratePerSecond : null;
}
