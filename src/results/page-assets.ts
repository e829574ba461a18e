import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageFile } from '../files/package-files.ts';
import type { PageAssets } from '../report/page/report-page.ts';

/** Built from src/report/page/draw-plots.ts, with the types of a browser. */
const DRAW_PLOTS = packageFile('dist/report/page/draw-plots.js');

/** Reads the parts of uPlot that report.html embeds, and the script that draws with it. */
export function pageAssets(): PageAssets {
  const { resolve } = createRequire(import.meta.url);
  return {
    plotLibrary: readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    plotStyle: readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    drawPlots: readFileSync(DRAW_PLOTS, 'utf8'),
  };
}
