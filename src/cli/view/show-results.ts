import { join } from 'node:path';
import { type Summary, summaryJson } from '../../report/summary.ts';
import { summaryText } from '../../report/summary-text.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { CHECKSUMS_FILE, checksumsSha256 } from '../../run-folder/checksums.ts';
import { resumeCommandLine } from '../../run-folder/run-folder.ts';
import { paletteOf } from './colors.ts';
import type { DisplayFlags } from './display-flags.ts';

/**
 * Prints the results on stdout, as text or exactly `summary.json`, and what to do next on stderr.
 *
 * @param switches of this session that the next one needs again, since they are not settings of the run.
 */
export function showResults(
  { folder, reason, summary }: Pick<RunEnd, 'folder' | 'reason' | 'summary'>,
  { json, color }: DisplayFlags,
  switches: readonly string[],
): void {
  const resume = `resume: ${resumeCommandLine(folder, switches)}`;
  if (summary === null) {
    process.stderr.write(
      `Stopped immediately (${reason}); the journal is intact: dpsload report ${folder} shows the results so far.\n${resume}\n`,
    );
    return;
  }
  process.stdout.write(json ? summaryJson(summary) : summaryText(summary, paletteOf(process.stdout, color)));
  process.stderr.write(`results: ${folder}\nreport: ${join(folder, 'report.html')}\n${checksumsLine(folder)}`);
  if (!isWorthResuming(reason, summary)) return;
  const isLimited = reason === 'limit' && summary.sessions.at(-1)?.rowsMax !== null;
  process.stderr.write(`${resume}${isLimited ? ', with a higher --limit' : ''}\n`);
}

/** The SHA-256 that stands for all files of a run, to be kept apart from them; empty when there is none. */
export function checksumsLine(folder: string): string {
  const sha256 = checksumsSha256(folder);
  return sha256 === null ? '' : `${CHECKSUMS_FILE}: ${sha256}\n`;
}

/** Returns whether a resumed run would have anything to do. */
function isWorthResuming(reason: RunEnd['reason'], { results }: Summary): boolean {
  return (
    reason !== 'completed' ||
    results.throttled + results['timed-out'] + results.disconnected + results.cancelled + results.unknown > 0
  );
}
