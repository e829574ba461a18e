import { formatCount, formatMs, formatNumber, formatShare } from '../format.ts';

export type PlotUnit = 'count' | 'perSecond' | 'ms' | 'share' | 'cores';

/**
 * `period`: each value is that of the time since the value before it. `moment`: each value is that of its time. Both count milliseconds
 * since the run began. `tail`: 1 / (1 − percentile / 100), on a logarithmic axis.
 */
export type PlotAxis = 'period' | 'moment' | 'tail';

export type PlotSeries = {
  readonly label: string;
  /** A color of the style sheet. */
  readonly color: 'a' | 'b' | 'c' | 'median' | 'high' | 'higher' | 'highest';
  /** `dashed`: dashed steps. */
  readonly shape: 'line' | 'dashed' | 'steps' | 'bars';
  /** `null` = no value: the line has a gap. */
  readonly values: readonly (number | null)[];
  /** Index of the series down to which the area is filled; `null` = none. */
  readonly filledTo: number | null;
};

export type PlotMark = {
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly label: string;
};

/** How often values of each size occur, over time: the cells of a heat map, behind the series. */
export type PlotCells = {
  /** Bounds of the rows, ascending: one more than rows. */
  readonly bounds: readonly number[];
  /** For each x value, the count in each row. */
  readonly counts: readonly (readonly number[])[];
  /** What is counted. */
  readonly noun: string;
};

/** One plot for the page's script to draw. Contains no text from outside but names of agents, as labels. */
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
  readonly cells: PlotCells | null;
};

/** How to format a value of each unit, and the suffix of a single value. */
const VALUE_FORMATS: Readonly<Record<PlotUnit, readonly [write: (value: number) => string, suffix: string]>> = {
  count: [formatCount, ''],
  perSecond: [formatNumber, '/s'],
  ms: [formatMs, ' ms'],
  share: [formatShare, ''],
  cores: [formatNumber, ' cores'],
};

/** Without the unit, which is in the head of a table. */
export function writeValue(unit: PlotUnit, value: number): string {
  return VALUE_FORMATS[unit][0](value);
}

export function writeValueWithUnit(unit: PlotUnit, value: number): string {
  return `${writeValue(unit, value)}${VALUE_FORMATS[unit][1]}`;
}

/** The place of a value: `47–48 s`, `1:05–1:06 min`; `48 s`; `99.90%` */
export function writePlace({ axis, x }: Pick<PlotData, 'axis' | 'x'>, index: number): string {
  const at = x[index] ?? 0;
  if (axis === 'tail') return `${(100 * (1 - 1 / at)).toFixed(Math.max(1, Math.ceil(Math.log10(at))))}%`;
  const [time, unit] = writeTime(at);
  return axis === 'moment' ? `${time} ${unit}` : `${writeTime(x[index - 1] ?? 0)[0]}–${time} ${unit}`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** To the millisecond within the first minute, then like a clock. */
function writeTime(ms: number): readonly [time: string, unit: string] {
  if (ms < MINUTE_MS) return [String(Math.round(ms) / 1000), 's'];
  const seconds = Math.round(ms / 1000);
  const twoDigits = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const minuteAndSecond = `${twoDigits((seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  if (ms < HOUR_MS) return [minuteAndSecond.replace(/^0/, ''), 'min'];
  return [`${formatCount(Math.floor(seconds / 3600))}:${minuteAndSecond}`, 'h'];
}
