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
