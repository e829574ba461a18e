import { MINUTE_MS } from '../time/duration.ts';

/**
 * When launches are meant to start. `paceOf` turns the shape of a load into a formula of the launch's number; `Schedule` holds
 * launches back for permits and outages, `Permits` spaces register requests, and `Governor` lowers their rate after a 429.
 */
export interface Pace {
  /** Launches in all; `Infinity` where only the work bounds them. */
  readonly total: number;
  /** On the run's clock, for launches below `total`; `null` = as soon as a slot is free. */
  intendedAtMs(index: number): number | null;
  /** How many launches are meant to have started by `atMs`; `Infinity` where only slots bound them. */
  dueBy(atMs: number): number;
}

/** When registrations are meant to start, over all workers. */
export type LoadShape =
  /** Closed model: as soon as a slot is free. */
  | { readonly kind: 'closed' }
  /** Open model at a constant rate: `intendedAtMs(n) = startAtMs + n × 1000 / ratePerSecond`. */
  | { readonly kind: 'rate'; readonly ratePerSecond: number }
  | { readonly kind: 'stages'; readonly stages: readonly Stage[] }
  /**
   * Staggered, as the service's guidance for large fleets asks: `size` devices at the start of each interval,
   * `intendedAtMs(n) = startAtMs + ⌊n / size⌋ × everyMs`.
   */
  | { readonly kind: 'batches'; readonly size: number; readonly everyMs: number }
  /** All devices when the run starts, as after a power cut. */
  | { readonly kind: 'at-once' };

export function paceOf(shape: LoadShape, startAtMs: number): Pace {
  const endless = (intendedAtMs: Pace['intendedAtMs'], dueWithin: (sinceMs: number) => number): Pace => ({
    total: Number.POSITIVE_INFINITY,
    intendedAtMs,
    dueBy: (atMs) => (atMs < startAtMs ? 0 : dueWithin(atMs - startAtMs)),
  });
  switch (shape.kind) {
    case 'closed':
      return { total: Number.POSITIVE_INFINITY, intendedAtMs: () => null, dueBy: () => Number.POSITIVE_INFINITY };
    case 'at-once':
      return endless(
        () => startAtMs,
        () => Number.POSITIVE_INFINITY,
      );
    case 'rate': {
      const { ratePerSecond } = shape;
      return endless(
        (index) => startAtMs + (index * 1000) / ratePerSecond,
        (sinceMs) => Math.floor((sinceMs * ratePerSecond) / 1000) + 1,
      );
    }
    case 'batches': {
      const { size, everyMs } = shape;
      return endless(
        (index) => startAtMs + Math.floor(index / size) * everyMs,
        (sinceMs) => (Math.floor(sinceMs / everyMs) + 1) * size,
      );
    }
    case 'stages':
      return stagesPace(shape.stages, startAtMs);
  }
}

/** How long a registration takes when the service is slow but healthy. */
export const SLOW_REGISTRATION_SECONDS = 10;

/** Launches in the busiest minute; `Infinity` where only slots bound them. */
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
      return Math.ceil(MINUTE_MS / shape.everyMs) * shape.size;
  }
}

/** Launches a second in the busiest minute; where only slots bound them, as many as fill the slots of a slow service. */
export function askedPerSecond(shape: LoadShape, concurrency: number): number {
  const perMinute = launchesPerMinuteMax(shape);
  return Number.isFinite(perMinute) ? perMinute / 60 : concurrency / SLOW_REGISTRATION_SECONDS;
}

/** `null` where the shape has no steady rate. */
export function steadyRatePerSecond(shape: LoadShape): number | null {
  return shape.kind === 'rate' ? shape.ratePerSecond : null;
}

/** The time that the shape takes from one launch to the last of `total`; a pause before the first makes no difference. `null` in the closed model. */
export function scheduleLeft(shape: LoadShape, total: number): (launch: number) => number | null {
  const pace = paceOf(shape, 0);
  const last = Math.min(total, pace.total) - 1;
  return (launch) => {
    const [from, to] = [pace.intendedAtMs(Math.min(launch, last)), pace.intendedAtMs(last)];
    return from === null || to === null ? null : to - from;
  };
}

/** One stage of a staged load. A rate of 0 is a pause. */
export type Stage = {
  readonly ratePerSecond: number;
  readonly forMs: number;
  /** The rate changes linearly from that of the previous stage (0 before the first); otherwise it jumps. */
  readonly ramp: boolean;
};

/** A stage, placed in time and in the count of launches; rates in launches per millisecond. */
type Segment = {
  readonly startMs: number;
  readonly forMs: number;
  readonly rateFrom: number;
  readonly rateTo: number;
  /** Integral of the rate from the start of the first stage to the start and the end of this one. */
  readonly countFrom: number;
  readonly countTo: number;
};

/** A count this close to a whole number is meant to be whole: 1000/min for 1 m is 1000 launches despite rounding errors. */
const COUNT_TOLERANCE = 1e-6;

/**
 * Open model in stages, with ramps and pauses. With `N(t)` the integral of the rate, launch n is due when `N` rises above n: one
 * that would fall on the beginning of a pause starts after it. The pace ends with the last stage.
 */
function stagesPace(stages: readonly Stage[], startAtMs: number): Pace {
  const segments = segmentsOf(stages);
  const total = Math.ceil(segments.at(-1)?.countTo ?? 0);
  return {
    total,
    intendedAtMs(index) {
      const segment = segments.find(({ countTo }) => countTo > index);
      if (segment === undefined) throw new Error(`the stages have no launch ${index}, only ${total}`);
      return startAtMs + segment.startMs + timeToCountMs(segment, index - segment.countFrom);
    },
    dueBy(atMs) {
      const sinceMs = atMs - startAtMs;
      const segment = segments.findLast(({ startMs }) => startMs <= sinceMs);
      return segment === undefined ? 0 : dueWithin(segment, sinceMs - segment.startMs);
    },
  };
}

/**
 * The largest `N(t + 1 min) − N(t)`. Its derivative is the difference of the rates at both ends of the minute, which is linear
 * between the moments at which a stage begins or ends at either: the maximum is at such a moment, or where the line crosses 0.
 */
function launchesInBusiestMinute(stages: readonly Stage[]): number {
  const segments = segmentsOf(stages);
  const edges = [0, ...segments.map(({ startMs, forMs }) => startMs + forMs)];
  const starts = [...edges, ...edges.map((atMs) => atMs - MINUTE_MS)].sort((a, b) => a - b);
  const level = starts.flatMap((startMs, index) => equalRatesAt(segments, startMs, starts[index + 1] ?? startMs));
  const launches = [...starts, ...level].map((atMs) => countBy(segments, atMs + MINUTE_MS) - countBy(segments, atMs));
  return wholeWhereMeant(Math.max(...launches));
}

/** When, between two moments, a minute begins at the rate at which it ends; empty when it never does, or always. */
function equalRatesAt(segments: readonly Segment[], fromMs: number, toMs: number): readonly number[] {
  const slopeAt = (atMs: number): number => rateAt(segments, atMs + MINUTE_MS) - rateAt(segments, atMs);
  // Sampled inside the interval, since rates may jump at its ends.
  const [firstMs, lastMs] = [fromMs + (toMs - fromMs) / 4, toMs - (toMs - fromMs) / 4];
  const [first, last] = [slopeAt(firstMs), slopeAt(lastMs)];
  if (first === last) return [];
  const atMs = firstMs + ((lastMs - firstMs) * first) / (first - last);
  return atMs > fromMs && atMs < toMs ? [atMs] : [];
}

function rateAt(segments: readonly Segment[], atMs: number): number {
  const segment = segments.find(({ startMs, forMs }) => startMs <= atMs && atMs < startMs + forMs);
  if (segment === undefined) return 0;
  return segment.rateFrom + ((segment.rateTo - segment.rateFrom) * (atMs - segment.startMs)) / segment.forMs;
}

/** `N` */
function countBy(segments: readonly Segment[], atMs: number): number {
  const segment = segments.findLast(({ startMs }) => startMs <= atMs);
  if (segment === undefined) return 0;
  const sinceMs = atMs - segment.startMs;
  return sinceMs >= segment.forMs ? segment.countTo : countAfter(segment, sinceMs);
}

function segmentsOf(stages: readonly Stage[]): readonly Segment[] {
  const segments: Segment[] = [];
  for (const { ratePerSecond, forMs, ramp } of stages) {
    const before = segments.at(-1);
    const rateTo = ratePerSecond / 1000;
    const rateFrom = ramp ? (before?.rateTo ?? 0) : rateTo;
    const countFrom = before?.countTo ?? 0;
    const startMs = before === undefined ? 0 : before.startMs + before.forMs;
    const countTo = countFrom + wholeWhereMeant(((rateFrom + rateTo) * forMs) / 2);
    segments.push({ startMs, forMs, rateFrom, rateTo, countFrom, countTo: wholeWhereMeant(countTo) });
  }
  return segments;
}

/** The launches meant to have started `sinceMs` after the segment's start. */
function dueWithin(segment: Segment, sinceMs: number): number {
  const { forMs, countFrom, countTo } = segment;
  if (sinceMs >= forMs || countTo === countFrom) return Math.ceil(countTo);
  return Math.min(Math.ceil(countTo), Math.floor(countAfter(segment, sinceMs)) + 1);
}

/** `N = countFrom + rateFrom × t + a × t² / 2`, with `a = (rateTo − rateFrom) / forMs`. */
function countAfter({ forMs, rateFrom, rateTo, countFrom }: Segment, sinceMs: number): number {
  return countFrom + rateFrom * sinceMs + ((rateTo - rateFrom) / forMs) * (sinceMs ** 2 / 2);
}

/** The inverse, in the form that is stable where `a` is near 0: `t = 2m / (rateFrom + √(rateFrom² + 2am))`. */
function timeToCountMs({ forMs, rateFrom, rateTo }: Segment, count: number): number {
  if (count <= 0) return 0;
  const acceleration = (rateTo - rateFrom) / forMs;
  const rateThere = Math.sqrt(Math.max(0, rateFrom ** 2 + 2 * acceleration * count));
  return Math.min(forMs, (2 * count) / (rateFrom + rateThere));
}

function wholeWhereMeant(count: number): number {
  const whole = Math.round(count);
  return Math.abs(count - whole) < COUNT_TOLERANCE ? whole : count;
}
