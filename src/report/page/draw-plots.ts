import { formatNumber } from '../format.ts';
import {
  type PlotData,
  type PlotMark,
  type PlotSeries,
  type PlotUnit,
  writePlace,
  writeValueWithUnit,
} from './plot-data.ts';

/*
 * The script of report.html, inlined after uPlot. It draws the plots that the page's JSON describes, in the colors of
 * the style sheet, with a cursor that follows the pointer or the arrow keys.
 */

const HEIGHT_PX = 240;
const HEIGHT_NARROW_PX = 200;
const NARROW_PX = 480;
/** A4 without its margins, at 96 pixels per inch. */
const PRINT_WIDTH_PX = 660;
/** Bounds of a logarithmic axis must be above 0; durations have a resolution of one microsecond. */
const LOG_MS_MIN = 0.001;
/** With more decades, 2 and 5 of each decade would stand too close. */
const LOG_DECADES_FINE_MAX = 3;
const FONT = '12px ui-sans-serif, system-ui, sans-serif';

type DrawnPlot = { readonly data: PlotData; readonly plot: uPlot; readonly box: HTMLElement };

/** Each drawn plot by the id of its data, for inspection. */
declare global {
  interface Window {
    plots: Record<string, uPlot>;
  }
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Three digits, without zeros at the end: `0.5`, `1,250` */
function axisNumber(value: number): string {
  const text = formatNumber(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** `0.5 ms`, `180 ms`, `3.2 s`, `12.5 min`, `2.5 h` */
function axisDuration(ms: number): string {
  if (ms < 999.5) return `${axisNumber(ms)} ms`;
  if (ms < 119_500) return `${axisNumber(ms / 1000)} s`;
  return ms < 7_200_000 ? `${axisNumber(ms / 60_000)} min` : `${axisNumber(ms / 3_600_000)} h`;
}

const WRITE_ON_AXIS: Readonly<Record<PlotUnit, (value: number) => string>> = {
  count: axisNumber,
  perSecond: axisNumber,
  ms: axisDuration,
  share: (value) => `${axisNumber(value * 100)}%`,
  cores: axisNumber,
};

/** 2 → `50%`, 10 → `90%`, 1000 → `99.9%` */
function axisPercentile(tail: number): string {
  const digits = Math.max(0, Math.ceil(Math.log10(tail)) - 2);
  return `${(100 * (1 - 1 / tail)).toFixed(digits)}%`;
}

/** Steps between the ticks of a time axis, in units that people count in; milliseconds. */
const TIME_STEPS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600]
  .concat([43_200, 86_400, 172_800, 604_800])
  .map((seconds) => seconds * 1000);

function xAxis(data: PlotData): uPlot.Axis {
  const axis: uPlot.Axis = {
    ...axisLook(),
    values: (_, places) =>
      places.map((x) => (x === 0 ? '0' : data.axis === 'time' ? axisDuration(x) : axisPercentile(x))),
    size: 30,
  };
  if (data.axis === 'time') return { ...axis, incrs: TIME_STEPS_MS, space: 70 };
  return { ...axis, splits: (plot, _axis, _min, max) => tailTicks(plot.width, max), filter: (_, places) => places };
}

/** 0%, 50% if there is room, 90%, 99%, 99.9% … as far as the data reaches. */
function tailTicks(width: number, max: number): number[] {
  return [1, ...(width < NARROW_PX ? [] : [2]), ...decades(10, max)];
}

function decades(min: number, max: number): number[] {
  const first = Math.ceil(Math.log10(min) - 1e-9);
  const last = Math.floor(Math.log10(max) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}

function yAxis({ unit, logarithmic }: PlotData): uPlot.Axis {
  const axis: uPlot.Axis = { ...axisLook(), size: 62, values: (_, places) => places.map(WRITE_ON_AXIS[unit]) };
  if (!logarithmic) return axis;
  return { ...axis, splits: (_u, _axis, min, max) => logTicks(min, max), filter: (_, places) => places };
}

/** 1, 10, 100 …; plus 2 and 5 of each decade if there are few decades. */
function logTicks(min: number, max: number): number[] {
  const tens = decades(min, max);
  if (tens.length > LOG_DECADES_FINE_MAX) return tens;
  return [min / 10, ...tens].flatMap((ten) => {
    const decade = 10 ** Math.round(Math.log10(ten));
    return [1, 2, 5].map((step) => step * decade).filter((tick) => tick >= min && tick <= max);
  });
}

function axisLook(): uPlot.Axis {
  return {
    stroke: () => color('muted'),
    font: FONT,
    grid: { stroke: () => color('grid'), width: 1 },
    ticks: { stroke: () => color('grid'), width: 1, size: 4 },
  };
}

function scales(data: PlotData): uPlot.Scales {
  const { axis, logarithmic, x, marks } = data;
  const yMax = Math.max(data.yMax ?? 0, ...marks.map((mark) => (mark.axis === 'y' ? mark.at * 1.1 : 0)));
  const [first = 0, last = 1] = [x[0], x.at(-1)];
  const xRange: uPlot.Range.MinMax = axis === 'tail' ? [1, Math.max(2, last)] : [Math.min(0, first), Math.max(last, 1)];
  return {
    x: { time: false, distr: axis === 'tail' ? 3 : 1, range: xRange },
    y: logarithmic
      ? {
          distr: 3,
          range: (_u, min, max) =>
            uPlot.rangeLog(Math.max(min ?? 1, LOG_MS_MIN), Math.max(max ?? 1, LOG_MS_MIN), 10, true),
        }
      : { range: (_u, _min, max) => [0, Math.max((max ?? 0) * 1.05, yMax) || 1] },
  };
}

function seriesLook(series: PlotSeries): uPlot.Series {
  const steps = uPlot.paths.stepped;
  const bars = uPlot.paths.bars;
  const look: uPlot.Series = {
    label: series.label,
    stroke: () => color(`plot-${series.color}`),
    width: series.shape === 'dashed' ? 1.25 : 1.75,
    spanGaps: series.bridged,
    points: { show: true, size: 5, width: 0, fill: () => color(`plot-${series.color}`), filter: lonelyPoints },
  };
  if (series.shape === 'dashed') look.dash = [4, 4];
  if (series.shape === 'steps' && steps) look.paths = steps({ align: 1 });
  if (series.shape === 'bars' && bars) {
    look.paths = bars({ size: [0.8, 24, 1] });
    look.fill = () => color(`plot-${series.color}`);
    look.points = { show: false };
  }
  return look;
}

/** Values without a neighbour, which no line would show. */
function lonelyPoints(plot: uPlot, index: number): number[] {
  const values = plot.data[index] ?? [];
  const bridged = plot.series[index]?.spanGaps === true;
  const seen = values.filter((value) => value != null).length;
  if (bridged) return seen === 1 ? [values.findIndex((value) => value != null)] : [];
  return Array.from(values.keys()).filter(
    (at) => values[at] != null && values[at - 1] == null && values[at + 1] == null,
  );
}

function bands(data: PlotData): uPlot.Band[] {
  return data.series.flatMap((series, index) =>
    series.filledTo === null
      ? []
      : [{ series: [index + 1, series.filledTo + 1] as uPlot.Band.Bounds, fill: () => color(`fill-${series.color}`) }],
  );
}

function drawMarks(plot: uPlot, marks: readonly PlotMark[]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const [right, bottom] = [bbox.left + bbox.width, bbox.top + bbox.height];
  let labelledTo = 0;
  ctx.save();
  ctx.font = `${11 * ratio}px ui-sans-serif, system-ui, sans-serif`;
  ctx.lineJoin = 'round';
  for (const { axis, at, label } of marks) {
    const place = Math.round(plot.valToPos(at, axis, true));
    if (axis === 'y' && place >= bbox.top) {
      drawDashed(ctx, [bbox.left, place], [right, place]);
      const isHigh = place < bbox.top + 16 * ratio;
      const left = right - ctx.measureText(label).width - 4 * ratio;
      writeOver(ctx, label, [left, place + (isHigh ? 13 : -5) * ratio]);
    }
    if (axis === 'x' && place <= right) {
      drawDashed(ctx, [place, bbox.top], [place, bottom]);
      const width = ctx.measureText(label).width;
      const left = place + width + 6 * ratio > right ? place - width - 4 * ratio : place + 4 * ratio;
      // Labels of close marks would overlap.
      if (left < labelledTo) continue;
      writeOver(ctx, label, [left, bottom - 6 * ratio]);
      labelledTo = left + width + 4 * ratio;
    }
  }
  ctx.restore();
}

type Point = readonly [x: number, y: number];

function drawDashed(ctx: CanvasRenderingContext2D, from: Point, to: Point): void {
  ctx.strokeStyle = color('mark');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

/** With a rim in the background color, to be legible over lines. */
function writeOver(ctx: CanvasRenderingContext2D, text: string, [x, y]: Point): void {
  ctx.setLineDash([]);
  ctx.strokeStyle = color('card');
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'alphabetic';
  ctx.strokeText(text, x, y);
  ctx.fillStyle = color('muted');
  ctx.fillText(text, x, y);
}

function sizeOf(box: HTMLElement): { width: number; height: number } {
  const width = document.documentElement.dataset['print'] === undefined ? box.clientWidth : PRINT_WIDTH_PX;
  return { width, height: width < NARROW_PX ? HEIGHT_NARROW_PX : HEIGHT_PX };
}

/** A logarithmic axis has no 0. */
function columns({ x, series, logarithmic }: PlotData): uPlot.AlignedData {
  const values = series.map((one) =>
    logarithmic ? one.values.map((value) => (value === null ? null : Math.max(value, LOG_MS_MIN))) : [...one.values],
  );
  return [[...x], ...values];
}

function draw(data: PlotData, box: HTMLElement): DrawnPlot {
  const options: uPlot.Options = {
    ...sizeOf(box),
    padding: [10, 24, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(data.axis === 'time' ? { sync: { key: 'time' } } : {}),
    },
    scales: scales(data),
    axes: [xAxis(data), yAxis(data)],
    series: [{}, ...data.series.map(seriesLook)],
    bands: bands(data),
    hooks: { draw: [(plot) => drawMarks(plot, data.marks)], setCursor: [(plot) => showValues(plot, data, box)] },
  };
  const plot = new uPlot(options, columns(data), box);
  listenForKeys(plot, data, box);
  return { data, plot, box };
}

/** Writes the values under the cursor into the legend and into the text for screen readers. */
function showValues(plot: uPlot, data: PlotData, box: HTMLElement): void {
  const index = plot.cursor.idx ?? null;
  const outputs = box.closest('figure')?.querySelectorAll('output') ?? [];
  const place = index === null ? '' : writePlace(data.axis, data.x[index] ?? 0);
  const texts = data.series.map(({ values }) => {
    const value = index === null ? null : (values[index] ?? null);
    return value === null ? '' : writeValueWithUnit(data.unit, value);
  });
  [place, ...texts].forEach((text, at) => {
    const output = outputs[at];
    if (output) output.textContent = text;
  });
  const said = data.series.map(({ label }, at) => `${label} ${texts[at] || 'no value'}`).join(', ');
  box.setAttribute('aria-valuenow', String(index ?? 0));
  box.setAttribute('aria-valuetext', index === null ? 'no point selected' : `${place}: ${said}`);
}

/** The plot is a slider over its x values. */
function listenForKeys(plot: uPlot, data: PlotData, box: HTMLElement): void {
  const last = data.x.length - 1;
  box.setAttribute('aria-valuemin', '0');
  box.setAttribute('aria-valuemax', String(Math.max(last, 0)));
  showValues(plot, data, box);
  box.addEventListener('keydown', (event) => {
    const now = plot.cursor.idx ?? null;
    const next: Record<string, number> = {
      ArrowRight: now === null ? 0 : now + 1,
      ArrowLeft: now === null ? last : now - 1,
      PageDown: (now ?? 0) + 10,
      PageUp: (now ?? last) - 10,
      Home: 0,
      End: last,
    };
    const index = next[event.key];
    if (index === undefined) return;
    event.preventDefault();
    moveCursors(data, Math.min(Math.max(index, 0), last));
  });
}

/** Plots over time share one cursor, as with the pointer. */
function moveCursors({ id, axis }: PlotData, index: number): void {
  for (const { data, plot } of drawn) {
    if (data.id !== id && (axis !== 'time' || data.axis !== 'time')) continue;
    plot.setCursor({ left: plot.valToPos(data.x[index] ?? 0, 'x'), top: plot.over.clientHeight / 2 });
  }
}

const described = JSON.parse(document.getElementById('plots')?.textContent ?? '[]') as readonly PlotData[];
const drawn = described.flatMap((data) => {
  const box = document.getElementById(data.id);
  return box === null ? [] : [draw(data, box)];
});
window.plots = Object.fromEntries(drawn.map(({ data, plot }) => [data.id, plot]));

function fitAll(): void {
  for (const { plot, box } of drawn) plot.setSize(sizeOf(box));
}

function setPrinting(printing: boolean): void {
  document.documentElement.toggleAttribute('data-print', printing);
  fitAll();
}

new ResizeObserver(fitAll).observe(document.body);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const { plot } of drawn) plot.redraw();
});
addEventListener('beforeprint', () => setPrinting(true));
addEventListener('afterprint', () => setPrinting(false));
