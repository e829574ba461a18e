/** When launches are meant to start, as a formula of their number; it has no clock and never waits. */
export interface Pace {
  /** Launches that it has in all; `Infinity` where only the work bounds them. */
  readonly total: number;
  /** Of the run's clock, for launches below `total`; `null` = as soon as a slot is free. */
  intendedAtMs(index: number): number | null;
  /** How many launches are meant to have started by `atMs`; `Infinity` where only slots bound them. */
  dueBy(atMs: number): number;
}

const ENDLESS = { total: Number.POSITIVE_INFINITY } as const;

/** Closed model: the next registration starts when one ends; concurrency alone bounds the load. */
export function closedPace(): Pace {
  return { ...ENDLESS, intendedAtMs: () => null, dueBy: () => Number.POSITIVE_INFINITY };
}

/** Open model at a constant rate: `intendedAtMs(n) = startAtMs + n × 1000 / ratePerSecond`. */
export function constantPace(ratePerSecond: number, startAtMs: number): Pace {
  return {
    ...ENDLESS,
    intendedAtMs: (index) => startAtMs + (index * 1000) / ratePerSecond,
    dueBy: (atMs) => (atMs < startAtMs ? 0 : Math.floor(((atMs - startAtMs) * ratePerSecond) / 1000) + 1),
  };
}

/** All devices wake at the same moment: `intendedAtMs(n) = startAtMs`. */
export function atOncePace(startAtMs: number): Pace {
  return {
    ...ENDLESS,
    intendedAtMs: () => startAtMs,
    dueBy: (atMs) => (atMs < startAtMs ? 0 : Number.POSITIVE_INFINITY),
  };
}

/**
 * Staggered batches, as the service's guidance for large fleets asks: so many devices at the start of each interval,
 * `intendedAtMs(n) = startAtMs + ⌊n / size⌋ × everyMs`.
 */
export function batchPace(size: number, everyMs: number, startAtMs: number): Pace {
  return {
    ...ENDLESS,
    intendedAtMs: (index) => startAtMs + Math.floor(index / size) * everyMs,
    dueBy: (atMs) => (atMs < startAtMs ? 0 : (Math.floor((atMs - startAtMs) / everyMs) + 1) * size),
  };
}

/** One stage of a staged load. A rate of 0 is a pause. */
export type Stage = {
  readonly ratePerSecond: number;
  readonly forMs: number;
  /** The rate goes in a straight line from that of the stage before (0 before the first) to this stage's; else it jumps. */
  readonly ramp: boolean;
};

/** A stage with its place in time and in the count of launches: rates in launches per millisecond. */
type Segment = {
  readonly startMs: number;
  readonly forMs: number;
  readonly rateFrom: number;
  readonly rateTo: number;
  /** Integral of the rate from the first stage's start to this one's, and to this one's end. */
  readonly countFrom: number;
  readonly countTo: number;
};

/** Counts this near to a whole number are meant to be whole: 1000/min for 1 m is 1000 launches, whatever the last bits say. */
const COUNT_TOLERANCE = 1e-6;

/**
 * Open model in stages, with ramps and pauses. With `N(t)` the integral of the rate, launch n is meant for the moment at which
 * `N` rises above n, so that what would fall onto the beginning of a pause starts after it. It ends with the last stage.
 */
export function stagesPace(stages: readonly Stage[], startAtMs: number): Pace {
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

const MINUTE_MS = 60_000;

/**
 * The largest `N(t + 1 min) − N(t)`. Its derivative is the difference of the rates at both ends of the minute, which goes in straight
 * lines where no stage begins or ends at either: the largest lies at such a moment, or where the line between two of them is 0.
 */
export function launchesInBusiestMinute(stages: readonly Stage[]): number {
  const segments = segmentsOf(stages);
  const edges = [0, ...segments.map(({ startMs, forMs }) => startMs + forMs)];
  const starts = [...edges, ...edges.map((atMs) => atMs - MINUTE_MS)].sort((a, b) => a - b);
  const level = starts.flatMap((startMs, index) => equalRatesAt(segments, startMs, starts[index + 1] ?? startMs));
  const launches = [...starts, ...level].map((atMs) => countBy(segments, atMs + MINUTE_MS) - countBy(segments, atMs));
  return wholeWhereMeant(Math.max(...launches));
}

/** Where between two moments a minute begins at the rate at which it ends; none when the two differ in the same way all the time. */
function equalRatesAt(segments: readonly Segment[], fromMs: number, toMs: number): readonly number[] {
  const slopeAt = (atMs: number): number => rateAt(segments, atMs + MINUTE_MS) - rateAt(segments, atMs);
  // Inside, since rates may jump at the ends.
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
