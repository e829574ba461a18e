import { formatCount, formatMs } from '../format.ts';
import { type Html, html, NO_HTML } from './html.ts';
import { type PlotCells, type PlotData, type PlotUnit, writePlace, writeValue } from './plot-data.ts';

const UNITS: Readonly<Record<PlotUnit, string>> = {
  count: '',
  perSecond: ' (per second)',
  ms: ' (ms)',
  share: '',
  cores: ' (cores)',
};

/** A plot, its legend with the values under the cursor, and the same values as a table. */
export function plotFigure(title: string, finding: string, plot: PlotData): Html {
  const keys = plot.axis === 'tail' ? 'arrow keys move the cursor' : 'arrow keys move the cursor, + and − zoom';
  return html`<figure aria-labelledby="${plot.id}-title">
<figcaption><h3 id="${plot.id}-title">${title}</h3><p>${finding}</p></figcaption>
<p class="legend">${legendOf(plot)}</p>
<div class="plot" id="${plot.id}" tabindex="0" role="slider" aria-label="${title}, ${keys}" aria-valuenow="0"></div>
<details><summary>Show as table</summary>${tableOf(title, plot)}</details>
</figure>
`;
}

/** The script finds the outputs by their names: the place, the cell, and the index of each series. */
function legendOf({ axis, series, cells }: PlotData): Html {
  const entries = series.map(
    ({ label, color, shape }, index) =>
      html`<span class="entry"><span class="key ${shape} key-${color}"></span>${label} <output name="${index}"></output></span> `,
  );
  return html`${entries}${cells === null ? NO_HTML : cellScale(cells)}<span class="entry place">${axis === 'tail' ? 'percentile' : 'at'} <output name="place"></output></span>`;
}

function cellScale({ counts, noun }: PlotCells): Html {
  const most = Math.max(0, ...counts.flat());
  return html`<span class="entry cells"><span class="scale"></span>1 to ${formatCount(most)} ${noun} <output name="cell"></output></span> `;
}

function tableOf(title: string, plot: PlotData): Html {
  const { axis, unit, x, series, cells } = plot;
  const groups = cells === null ? [] : rowGroups(cells);
  const head = [...series.map(({ label }) => `${label}${UNITS[unit]}`), ...groups.map(({ label }) => label)];
  const rows = x.map((_, index) => {
    const values = series.map(({ values: of }) => of[index] ?? null);
    const counts = groups.map(({ from, to }) => sum(cells?.counts[index]?.slice(from, to) ?? []));
    const texts = [
      ...values.map((value) => (value === null ? '' : writeValue(unit, value))),
      ...counts.map((count) => (count === 0 ? '' : formatCount(count))),
    ];
    return html`<tr><th scope="row">${writePlace(plot, index)}</th>${texts.map((text) => html`<td>${text}</td>`)}</tr>\n`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${title}, table"><table class="numbers">
<thead><tr><th scope="col">${axis === 'tail' ? 'percentile' : 'time'}</th>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}

type RowGroup = { readonly from: number; readonly to: number; readonly label: string };

/** Rows from one power of ten to twice, to five times and to ten times as much: as many as a table can have columns. */
function rowGroups({ bounds }: PlotCells): readonly RowGroup[] {
  const edges = bounds.flatMap((bound, row) => (isRound(bound) || row === 0 || row === bounds.length - 1 ? [row] : []));
  return edges.slice(1).map((to, group) => {
    const from = edges[group] ?? 0;
    return { from, to, label: `${shortNumber(bounds[from] ?? 0)}–${shortNumber(bounds[to] ?? 0)} ms` };
  });
}

/** 1, 2 or 5 times a power of ten, to a hundredth. */
function isRound(bound: number): boolean {
  const leading = bound / 10 ** Math.floor(Math.log10(bound) + 0.001);
  return [1, 2, 5].some((digit) => Math.abs(leading / digit - 1) < 0.01);
}

function shortNumber(value: number): string {
  return formatMs(value).replace(/\.?0+$/, (zeros) => (zeros.includes('.') ? '' : zeros));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
