import { formatCount, formatDuration, formatMs, formatNumber, formatShare } from '../format.ts';

/** How values are written: for people, on axes and beside the cursor. */
export type PlotUnit = 'count' | 'perSecond' | 'ms' | 'share' | 'cores';

/** `time`: milliseconds since the run began. `tail`: 1 / (1 − percentile / 100), on a logarithmic axis. */
export type PlotAxis = 'time' | 'tail';

export type PlotSeries = {
  readonly label: string;
  /** Which colour of the style sheet it has. */
  readonly color: 'a' | 'b' | 'c' | 'median' | 'high' | 'higher' | 'highest';
  readonly shape: 'line' | 'dashed' | 'steps' | 'bars';
  /** `null` = nothing was seen there. */
  readonly values: readonly (number | null)[];
  /** The line goes on over places where nothing was seen: what is seen once a second, in finer buckets. */
  readonly bridged: boolean;
  /** Series, by its place in the list, down to which the area is filled; `null` = none. */
  readonly filledTo: number | null;
};

export type PlotMark = {
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly label: string;
};

/** What the page's script draws, one for each plot. Holds no text from outside. */
export type PlotData = {
  /** Of the element that it is drawn into. */
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

/** How the values of a unit are written, and what stands behind a single one. */
const VALUE_FORMATS: Readonly<Record<PlotUnit, readonly [write: (value: number) => string, suffix: string]>> = {
  count: [formatCount, ''],
  perSecond: [formatNumber, '/s'],
  ms: [formatMs, ' ms'],
  share: [formatShare, ''],
  cores: [formatNumber, ' cores'],
};

/** Up to here places in time are told to the hundredth of a second. */
const FINE_MS_MAX = 60_000;

/** As in a table, whose head has the unit. */
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
