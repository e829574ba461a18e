import { type Html, html } from './html.ts';
import { type PlotData, type PlotUnit, writePlace, writeValue } from './plot-data.ts';

const UNITS: Readonly<Record<PlotUnit, string>> = {
  count: '',
  perSecond: ' (per second)',
  ms: ' (ms)',
  share: '',
  cores: ' (cores)',
};

/** A plot, its legend with the values under the cursor, and the same values as a table. */
export function plotFigure(title: string, finding: string, plot: PlotData): Html {
  return html`<figure aria-labelledby="${plot.id}-title">
<figcaption><h3 id="${plot.id}-title">${title}</h3><p>${finding}</p></figcaption>
<p class="legend">${legendOf(plot)}</p>
<div class="plot" id="${plot.id}" tabindex="0" role="slider" aria-label="${title}, arrow keys move the cursor" aria-valuenow="0"></div>
<details><summary>Show as table</summary>${tableOf(title, plot)}</details>
</figure>
`;
}

function legendOf({ axis, series }: PlotData): Html {
  const entries = series.map(
    ({ label, color, shape }) =>
      html`<span class="entry"><span class="key ${shape} key-${color}"></span>${label} <output></output></span> `,
  );
  return html`${entries}<span class="entry place">${axis === 'time' ? 'at' : 'percentile'} <output></output></span>`;
}

function tableOf(title: string, { axis, unit, x, series }: PlotData): Html {
  const head = series.map(({ label }) => html`<th scope="col">${label}${UNITS[unit]}</th>`);
  const rows = x.map((place, index) => {
    const cells = series.map(({ values }) => {
      const value = values[index] ?? null;
      return html`<td>${value === null ? '' : writeValue(unit, value)}</td>`;
    });
    return html`<tr><th scope="row">${writePlace(axis, place)}</th>${cells}</tr>\n`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${title}, table"><table class="numbers">
<thead><tr><th scope="col">${axis === 'time' ? 'up to' : 'percentile'}</th>${head}</tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}
