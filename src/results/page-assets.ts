import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageFile } from '../files/package-files.ts';
import type { PageAssets } from '../report/page/report-page.ts';

/** Built from src/report/page/draw-plots.ts with a browser's types. */
const DRAW_PLOTS = packageFile('dist/report/page/draw-plots.js');

/** What report.html holds of uPlot, and the script that draws with it. */
export function pageAssets(): PageAssets {
  const { resolve } = createRequire(import.meta.url);
  return {
    plotLibrary: readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    plotStyle: readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    drawPlots: readFileSync(DRAW_PLOTS, 'utf8'),
  };
}
