export const COMPARATORS = ['<', '<=', '>', '>=', '==', '!='] as const;

export type Comparator = (typeof COMPARATORS)[number];

/** Units of limits; durations with their length in milliseconds. */
export const UNITS = {
  ms: { quantity: 'duration', ms: 1 },
  s: { quantity: 'duration', ms: 1_000 },
  m: { quantity: 'duration', ms: 60_000 },
  h: { quantity: 'duration', ms: 3_600_000 },
  '%': { quantity: 'share' },
} as const;

export type Unit = keyof typeof UNITS;
export type DurationUnit = Exclude<Unit, '%'>;

/** Durations are milliseconds, shares 0 to 1; a number is a count, a ratio or a rate per second; a verdict is an index into `ALLOCATION_VERDICTS`. */
export type Quantity = 'duration' | 'share' | 'number' | 'verdict';

/** A limit that a run has to meet, as written: `p95(service) < 3s`. */
export type Threshold = {
  readonly metric: string;
  /** Without quotes; `null` = the metric takes none. */
  readonly argument: string | null;
  readonly comparison: Comparator;
  readonly limit: { readonly value: number; readonly unit: Unit | null };
  /** Stop the run as soon as the threshold is broken. */
  readonly abort: boolean;
};

/** Ended registrations needed to judge a rate or a percentile: with fewer, a single one is more than a per cent. */
export const ABORT_REGISTRATIONS_MIN = 100;

/** The limit in the unit of its quantity: milliseconds, a part of 1, or a plain number. */
export function limitOf({ limit: { value, unit } }: Threshold): number {
  if (unit === null) return value;
  // Shifts the decimal point: 33.3 / 100 is not 0.333.
  return unit === '%' ? Number(`${value}e-2`) : value * UNITS[unit].ms;
}
