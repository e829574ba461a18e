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
