import { formatCount, formatDuration, formatMs, formatNumber, formatShare } from '../format.ts';

export type PlotUnit = 'count' | 'perSecond' | 'ms' | 'share' | 'cores';

/** `time`: milliseconds since the run began. `tail`: 1 / (1 − percentile / 100), on a logarithmic axis. */
export type PlotAxis = 'time' | 'tail';

export type PlotSeries = {
  readonly label: string;
  /** A color of the style sheet. */
  readonly color: 'a' | 'b' | 'c' | 'median' | 'high' | 'higher' | 'highest';
  readonly shape: 'line' | 'dashed' | 'steps' | 'bars';
  /** `null` = no value. */
  readonly values: readonly (number | null)[];
  /** The line continues over missing values: for samples taken once per second in shorter buckets. */
  readonly bridged: boolean;
  /** Index of the series down to which the area is filled; `null` = none. */
  readonly filledTo: number | null;
};

export type PlotMark = {
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly label: string;
};

/** One plot for the page's script to draw. Contains no text from outside. */
export type PlotData = {
  /** Id of the element to draw into. */
  readonly id: string;
  readonly axis: PlotAxis;
  readonly unit: PlotUnit;
  readonly logarithmic: boolean;
  /** The y axis reaches this at least; `null` = as far as the values do. */
  readonly yMax: number | null;
  readonly x: readonly number[];
  readonly series: readonly PlotSeries[];
  readonly marks: readonly PlotMark[];
};

/** How to format a value of each unit, and the suffix of a single value. */
const VALUE_FORMATS: Readonly<Record<PlotUnit, readonly [write: (value: number) => string, suffix: string]>> = {
  count: [formatCount, ''],
  perSecond: [formatNumber, '/s'],
  ms: [formatMs, ' ms'],
  share: [formatShare, ''],
  cores: [formatNumber, ' cores'],
};

/** Up to here, times are shown to the hundredth of a second. */
const FINE_MS_MAX = 60_000;

/** Without the unit, which is in the head of a table. */
export function writeValue(unit: PlotUnit, value: number): string {
  return VALUE_FORMATS[unit][0](value);
}

export function writeValueWithUnit(unit: PlotUnit, value: number): string {
  return `${writeValue(unit, value)}${VALUE_FORMATS[unit][1]}`;
}

/** `3.21 s`, `16 h 40 min`; `99.90%` */
export function writePlace(axis: PlotAxis, place: number): string {
  if (axis === 'tail') return `${(100 * (1 - 1 / place)).toFixed(Math.max(1, Math.ceil(Math.log10(place))))}%`;
  return place <= FINE_MS_MAX ? `${(place / 1000).toFixed(2)} s` : formatDuration(place);
}
