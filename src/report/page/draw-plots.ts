import { formatCount, formatNumber } from '../format.ts';
import {
  type PlotData,
  type PlotMark,
  type PlotSeries,
  type PlotUnit,
  writePlace,
  writeValue,
  writeValueWithUnit,
} from './plot-data.ts';

/*
 * The script of report.html, inlined after uPlot. It draws the plots that the page's JSON describes, in the colors of
 * the style sheet, with a cursor that follows the pointer or the arrow keys. The plots over time share one cursor, and show the
 * same time: zooming one zooms all.
 */

const HEIGHT_PX = 240;
const HEIGHT_NARROW_PX = 200;
const NARROW_PX = 480;
/** For the last label of the time axis, and labels of marks near the end. */
const PADDING_RIGHT_PX = 24;
/** A4 without its margins, at 96 pixels per inch. */
const PRINT_WIDTH_PX = 660;
/** Bounds of a logarithmic axis must be above 0; durations have a resolution of one microsecond. */
const LOG_MS_MIN = 0.001;
/** With more decades, 2 and 5 of each decade would stand too close. */
const LOG_DECADES_FINE_MAX = 3;
/** Less than a bucket of the shortest run: more would show nothing. */
const ZOOM_MS_MIN = 100;
/** A shorter drag is a click. */
const ZOOM_DRAG_PX_MIN = 5;
/** Opacity of a cell of the heat map that holds a single registration. */
const HEAT_MIN = 0.22;
const FONT = '12px ui-sans-serif, system-ui, sans-serif';

/** In milliseconds since the run began. */
type TimeRange = [from: number, to: number];

type DrawnPlot = { readonly data: PlotData; readonly plot: uPlot; readonly box: HTMLElement };

/** Each drawn plot by the id of its data, for inspection. */
declare global {
  interface Window {
    plots: Record<string, uPlot>;
  }
}

function isOverTime({ axis }: PlotData): boolean {
  return axis !== 'tail';
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
  perSecond: (value) => `${axisNumber(value)}/s`,
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
    values: (_, places) => places.map((x) => (x === 0 ? '0' : isOverTime(data) ? axisDuration(x) : axisPercentile(x))),
    size: 30,
  };
  if (isOverTime(data)) return { ...axis, incrs: TIME_STEPS_MS, space: 70 };
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
  const first = 10 ** Math.floor(Math.log10(min) + 1e-9);
  const started = tens[0] === undefined || tens[0] > first * 1.5 ? [first, ...tens] : tens;
  return started.flatMap((ten) => [1, 2, 5].map((step) => step * ten).filter((tick) => tick >= min && tick <= max));
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
  const { axis, logarithmic, x, marks, cells } = data;
  const yMax = Math.max(data.yMax ?? 0, ...marks.map((mark) => (mark.axis === 'y' ? mark.at * 1.1 : 0)));
  const last = x.at(-1) ?? 1;
  return {
    x: {
      time: false,
      distr: axis === 'tail' ? 3 : 1,
      range: () => (axis === 'tail' ? [1, Math.max(2, last)] : (zoomed ?? wholeRun)),
    },
    y: logarithmic
      ? {
          distr: 3,
          range: (_u, min, max) =>
            uPlot.rangeLog(
              Math.max(cells?.bounds[0] ?? min ?? 1, LOG_MS_MIN),
              Math.max(cells?.bounds.at(-1) ?? max ?? 1, LOG_MS_MIN),
              10,
              cells === null,
            ),
        }
      : { range: (_u, _min, max) => [0, Math.max((max ?? 0) * 1.05, yMax) || 1] },
  };
}

/** A value holds for its whole period: where there is none, the line has a gap, and it never slopes from one period to the next. */
function periodSteps({ x }: PlotData): uPlot.Series.PathBuilder {
  return (plot, seriesIndex, first, last) => {
    const stroke = new Path2D();
    const values = plot.data[seriesIndex] ?? [];
    let joins = false;
    for (let index = Math.max(0, first - 1); index <= Math.min(values.length - 1, last + 1); index += 1) {
      const value = values[index] ?? null;
      if (value !== null) {
        const y = plot.valToPos(value, 'y', true);
        const from = plot.valToPos(x[index - 1] ?? 0, 'x', true);
        if (joins) stroke.lineTo(from, y);
        else stroke.moveTo(from, y);
        stroke.lineTo(plot.valToPos(x[index] ?? 0, 'x', true), y);
      }
      joins = value !== null;
    }
    return { stroke };
  };
}

function seriesLook(series: PlotSeries, data: PlotData): uPlot.Series {
  const bars = uPlot.paths.bars;
  const look: uPlot.Series = {
    label: series.label,
    stroke: () => color(`plot-${series.color}`),
    width: series.shape === 'dashed' ? 1.25 : 1.75,
    spanGaps: false,
    points: { show: true, size: 5, width: 0, fill: () => color(`plot-${series.color}`), filter: lonelyPoints },
  };
  if (series.shape === 'dashed') look.dash = [4, 4];
  if (series.shape === 'dashed' || series.shape === 'steps') {
    look.paths = periodSteps(data);
    look.points = { show: false };
  }
  if (series.shape === 'bars' && bars) {
    look.paths = bars({ size: [0.8, 24, 1] });
    look.fill = () => color(`plot-${series.color}`);
    look.points = { show: false };
  }
  return look;
}

/** Values without a neighbor, which no line would show. */
function lonelyPoints(plot: uPlot, index: number): number[] {
  const values = plot.data[index] ?? [];
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
  // How far the labels of each line of text reach, the lowest line first: those of close marks would overlap.
  const reached: number[] = [];
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
      const left =
        place + width + 4 * ratio > right + PADDING_RIGHT_PX * ratio ? place - width - 4 * ratio : place + 4 * ratio;
      const free = reached.findIndex((to) => left >= to);
      const line = free === -1 ? reached.length : free;
      writeOver(ctx, label, [left, bottom - (6 + 14 * line) * ratio]);
      reached[line] = left + width + 4 * ratio;
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

/** A value of a period stands in its middle. A logarithmic axis has no 0. */
function columns({ axis, x, series, logarithmic }: PlotData): uPlot.AlignedData {
  const places = axis === 'period' ? x.map((end, index) => ((x[index - 1] ?? 0) + end) / 2) : [...x];
  const values = series.map((one) =>
    logarithmic ? one.values.map((value) => (value === null ? null : Math.max(value, LOG_MS_MIN))) : [...one.values],
  );
  return [places, ...values];
}

function draw(data: PlotData, box: HTMLElement): DrawnPlot {
  const overTime = isOverTime(data);
  const options: uPlot.Options = {
    ...sizeOf(box),
    padding: [10, PADDING_RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: overTime, y: false, setScale: false },
      points: { size: 7 },
      bind: { dblclick: () => () => showWholeRun() },
      ...(overTime ? { sync: { key: 'time' } } : {}),
    },
    scales: scales(data),
    axes: [xAxis(data), yAxis(data)],
    series: [{}, ...data.series.map((series) => seriesLook(series, data))],
    bands: bands(data),
    hooks: {
      drawAxes: [(plot) => drawCells(plot, data)],
      draw: [(plot) => drawMarks(plot, data.marks)],
      setCursor: [(plot) => showValues(plot, data, box)],
      setSelect: [zoomToSelection],
    },
  };
  const plot = new uPlot(options, columns(data), box);
  listenForKeys(plot, data, box);
  return { data, plot, box };
}

/** The heat map: the more in a cell, the stronger its color, on a logarithmic scale, so that a single registration is seen too. */
function drawCells({ ctx, bbox, valToPos }: uPlot, { x, cells }: PlotData): void {
  if (cells === null) return;
  const most = Math.max(1, ...cells.counts.flat());
  const edges = cells.bounds.map((bound) => Math.round(valToPos(bound, 'y', true)));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = color('heat');
  cells.counts.forEach((counts, index) => {
    const left = Math.round(valToPos(x[index - 1] ?? 0, 'x', true));
    const width = Math.max(1, Math.round(valToPos(x[index] ?? 0, 'x', true)) - left);
    counts.forEach((count, row) => {
      if (count === 0) return;
      const [bottom = 0, top = 0] = [edges[row], edges[row + 1]];
      ctx.globalAlpha = HEAT_MIN + (1 - HEAT_MIN) * (Math.log(count) / Math.log(Math.max(2, most)));
      ctx.fillRect(left, top, width, bottom - top);
    });
  });
  ctx.restore();
}

/** The time that all plots over time show; `null` = the whole run. */
let zoomed: TimeRange | null = null;

/** uPlot expects its listeners to return null. */
function showWholeRun(): null {
  zoom(null);
  return null;
}

function zoom(range: TimeRange | null): void {
  const [wholeFrom, wholeTo] = wholeRun;
  const [from, to] = [Math.max(wholeFrom, range?.[0] ?? wholeFrom), Math.min(wholeTo, range?.[1] ?? wholeTo)];
  if (to - from < ZOOM_MS_MIN && range !== null) return;
  zoomed = from <= wholeFrom && to >= wholeTo ? null : [from, to];
  for (const { data, plot } of drawn) if (isOverTime(data)) plot.setScale('x', { min: from, max: to });
  for (const button of resetButtons) button.hidden = zoomed === null;
}

function zoomToSelection(plot: uPlot): void {
  const { left, width } = plot.select;
  if (width < ZOOM_DRAG_PX_MIN) return;
  const range: TimeRange = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
  for (const one of drawn) one.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  zoom(range);
}

/** @param factor how much longer the shown time becomes, around the cursor */
function zoomBy(plot: uPlot, factor: number): void {
  const [from, to] = zoomed ?? wholeRun;
  const index = plot.cursor.idx ?? null;
  const at = index === null ? (from + to) / 2 : (plot.data[0][index] ?? 0);
  zoom([at - (at - from) * factor, at + (to - at) * factor]);
}

/** Writes the values under the cursor into the legend and into the text for screen readers. */
function showValues(plot: uPlot, data: PlotData, box: HTMLElement): void {
  const index = plot.cursor.idx ?? null;
  const outputs = box.closest('figure')?.querySelectorAll('output') ?? [];
  const place = index === null ? '' : writePlace(data, index);
  const texts = data.series.map(({ values }) => {
    const value = index === null ? null : (values[index] ?? null);
    return value === null ? '' : writeValueWithUnit(data.unit, value);
  });
  const cell = index === null ? '' : writeCell(plot, data, index);
  const named: Readonly<Record<string, string>> = { place, cell };
  for (const output of outputs) output.textContent = named[output.name] ?? texts[Number(output.name)] ?? '';
  const said = data.series.map(({ label }, at) => `${label} ${texts[at] || 'no value'}`);
  box.setAttribute('aria-valuenow', String(index ?? 0));
  box.setAttribute(
    'aria-valuetext',
    index === null ? 'no point selected' : `${place}: ${[...said, ...(cell === '' ? [] : [cell])].join(', ')}`,
  );
}

/** The cell under the pointer; where the pointer is elsewhere, the fullest one of that time. */
function writeCell(plot: uPlot, { unit, cells }: PlotData, index: number): string {
  const counts = cells?.counts[index] ?? [];
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (cells === null || all === 0) return '';
  const at = plot.posToVal(plot.cursor.top ?? 0, 'y');
  const pointed = plot.over.matches(':hover') ? cells.bounds.findLastIndex((bound) => bound <= at) : -1;
  const row = counts[pointed] === undefined ? counts.indexOf(Math.max(...counts)) : pointed;
  const [from = 0, to = 0] = [cells.bounds[row], cells.bounds[row + 1]];
  return `${formatCount(counts[row] ?? 0)} of ${formatCount(all)} at ${writeValue(unit, from)}–${writeValueWithUnit(unit, to)}`;
}

/** The plot is a slider over its x values. */
function listenForKeys(plot: uPlot, data: PlotData, box: HTMLElement): void {
  const last = data.x.length - 1;
  box.setAttribute('aria-valuemin', '0');
  box.setAttribute('aria-valuemax', String(Math.max(last, 0)));
  showValues(plot, data, box);
  box.addEventListener('keydown', (event) => {
    if (isOverTime(data) && zoomByKey(plot, event.key)) {
      event.preventDefault();
      return;
    }
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

function zoomByKey(plot: uPlot, key: string): boolean {
  if (key === '+' || key === '=') zoomBy(plot, 1 / 2);
  else if (key === '-') zoomBy(plot, 2);
  else if (key === '0' || key === 'Escape') zoom(null);
  else return false;
  return true;
}

/** Plots over time share one cursor, as with the pointer; what they show moves with it. */
function moveCursors(moved: PlotData, index: number): void {
  if (isOverTime(moved) && zoomed !== null) showTime(moved.x[index - 1] ?? 0, moved.x[index] ?? 0, zoomed);
  // uPlot takes over a new scale in a microtask.
  queueMicrotask(() => {
    for (const { data, plot } of drawn) {
      if (data.id !== moved.id && !(isOverTime(data) && isOverTime(moved))) continue;
      plot.setCursor({ left: plot.valToPos(plot.data[0][index] ?? 0, 'x'), top: plot.over.clientHeight / 2 });
    }
  });
}

function showTime(startMs: number, endMs: number, [from, to]: TimeRange): void {
  const byMs = startMs < from ? startMs - from : Math.max(0, endMs - to);
  if (byMs !== 0) zoom([from + byMs, to + byMs]);
}

const described = JSON.parse(document.getElementById('plots')?.textContent ?? '[]') as readonly PlotData[];
const wholeRun: TimeRange = [0, Math.max(1, ...described.filter(isOverTime).map(({ x }) => x.at(-1) ?? 0))];
const drawn = described.flatMap((data) => {
  const box = document.getElementById(data.id);
  return box === null ? [] : [draw(data, box)];
});
window.plots = Object.fromEntries(drawn.map(({ data, plot }) => [data.id, plot]));
const resetButtons = document.querySelectorAll<HTMLButtonElement>('button.reset');
for (const button of resetButtons) button.addEventListener('click', () => zoom(null));

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
