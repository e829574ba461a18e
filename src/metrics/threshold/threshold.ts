/** Longer ones before those that they begin with. */
export const COMPARATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;

export type Comparator = (typeof COMPARATORS)[number];

/** Units of limits, durations with their milliseconds. */
export const UNITS = {
  ms: { quantity: 'duration', ms: 1 },
  s: { quantity: 'duration', ms: 1_000 },
  m: { quantity: 'duration', ms: 60_000 },
  h: { quantity: 'duration', ms: 3_600_000 },
  '%': { quantity: 'share' },
} as const;

export type Unit = keyof typeof UNITS;
export type DurationUnit = Exclude<Unit, '%'>;

/** Durations are milliseconds, shares from 0 to 1; a number is a count, a ratio or a rate a second; a verdict is a place in `ALLOCATION_VERDICTS`. */
export type Quantity = 'duration' | 'share' | 'number' | 'verdict';

/** What a run must keep, as it is written: `p95(service) < 3s`. */
export type Threshold = {
  readonly metric: string;
  /** Without quotes; `null` = the metric has none. */
  readonly argument: string | null;
  readonly comparison: Comparator;
  readonly limit: { readonly value: number; readonly unit: Unit | null };
  /** Stops the run as soon as it is broken. */
  readonly abort: boolean;
};

/** The limit in the unit of its quantity: milliseconds, a part of 1, or a plain number. */
export function limitOf({ limit: { value, unit } }: Threshold): number {
  if (unit === null) return value;
  // Shifted as a decimal: 33.3 / 100 is not 0.333.
  return unit === '%' ? Number(`${value}e-2`) : value * UNITS[unit].ms;
}
