import { join } from 'node:path';
import type { RunEnd } from '../coordinator/run-fleet.ts';
import { summaryJson } from '../report/summary-json.ts';
import { summaryText } from '../report/summary-text.ts';
import { hasColors, paletteFor } from './colors.ts';
import type { RunDisplay } from './watch-run.ts';

/** Prints the result on stdout: the summary as text, or exactly `summary.json`. */
export function showRunEnd({ folder, reason, summary }: RunEnd, { json, color }: RunDisplay): void {
  if (summary === null) {
    process.stderr.write(`${reason} at once; the journal is intact: dpsload report ${folder} shows what is known\n`);
    return;
  }
  const palette = paletteFor(hasColors(process.stdout, process.env, color));
  process.stdout.write(json ? summaryJson(summary) : summaryText(summary, palette));
  process.stderr.write(`results: ${folder}\nreport: ${join(folder, 'report.html')}\n`);
}
