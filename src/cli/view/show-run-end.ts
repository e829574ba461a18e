import { join } from 'node:path';
import { type Summary, summaryJson } from '../../report/summary.ts';
import { summaryText } from '../../report/summary-text.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { resumeCommandLine } from '../../run-folder/run-folder.ts';
import { hasColors, paletteFor } from './colors.ts';
import type { RunDisplay } from './watch-run.ts';

/**
 * Prints the result on stdout: the summary as text, or exactly `summary.json`.
 *
 * @param switches that a resumed run was given, and needs again to go on as it was told
 */
export function showRunEnd(
  { folder, reason, summary }: Pick<RunEnd, 'folder' | 'reason' | 'summary'>,
  { json, color }: RunDisplay,
  switches: readonly string[],
): void {
  const resume = `resume: ${resumeCommandLine(folder, switches)}`;
  if (summary === null) {
    process.stderr.write(
      `${reason} at once; the journal is intact: dpsload report ${folder} shows what is known\n${resume}\n`,
    );
    return;
  }
  const palette = paletteFor(hasColors(process.stdout, process.env, color));
  process.stdout.write(json ? summaryJson(summary) : summaryText(summary, palette));
  process.stderr.write(`results: ${folder}\nreport: ${join(folder, 'report.html')}\n`);
  if (!isWorthResuming(reason, summary)) return;
  const limited = reason === 'limit' && summary.sessions.at(-1)?.rowsMax !== null;
  process.stderr.write(`${resume}${limited ? ', with a higher --limit' : ''}\n`);
}

/** Whether a resumed run would find something to do. */
function isWorthResuming(reason: RunEnd['reason'], { results }: Summary): boolean {
  return (
    reason !== 'completed' ||
    results.throttled + results['timed-out'] + results.disconnected + results.cancelled + results.unknown > 0
  );
}
