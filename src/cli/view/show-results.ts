import { join } from 'node:path';
import { leftOf, type Summary, summaryJson } from '../../report/summary.ts';
import { summaryText, verdictsInShort } from '../../report/summary-text.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { CHECKSUMS_FILE, checksumsSha256 } from '../../run-folder/checksums.ts';
import { resumeCommandLine } from '../../run-folder/run-folder.ts';
import { paletteOf } from './colors.ts';
import type { DisplayFlags } from './display-flags.ts';
import { columnsOf, fitted, labelledPath, type OutputStream } from './terminal-line.ts';

/**
 * Prints the results on stdout, as text or exactly `summary.json`, and on stderr where they are, what to do next and, last, the
 * verdicts: the first lines of the text may have left the screen.
 *
 * @param switches of this session that the next one needs again, since they are not settings of the run.
 */
export function showResults(
  { folder, reason, summary, exitCode }: Pick<RunEnd, 'folder' | 'reason' | 'summary'> & { readonly exitCode: number },
  { json, color }: DisplayFlags,
  switches: readonly string[],
): void {
  const resume = `resume: ${resumeCommandLine(folder, switches)}`;
  if (summary === null) {
    const stopped = `Stopped immediately (${reason}); the journal is intact: dpsload report ${folder} shows the results so far.\n`;
    process.stderr.write(`${fitted(stopped, process.stderr)}${resume}\n`);
    return;
  }
  process.stdout.write(json ? summaryJson(summary) : summaryTextFor(process.stdout, summary, color));
  const columns = columnsOf(process.stderr);
  const places = [
    labelledPath('results', folder, columns),
    labelledPath('report', join(folder, 'report.html'), columns),
  ];
  process.stderr.write(`${places.join('\n')}\n${checksumsLine(folder)}`);
  // A command stays in one line, so that it can be copied.
  if (isWorthResuming(reason, summary))
    process.stderr.write(`${resume.length <= columns ? resume : resume.replace(': ', ':\n')}\n`);
  process.stderr.write(fitted(closingLine(summary, exitCode, color), process.stderr));
}

function closingLine(summary: Summary, exitCode: number, color: boolean): string {
  const verdicts = verdictsInShort(summary, paletteOf(process.stderr, color));
  return `verdict: ${verdicts}${exitCode === 0 ? '' : `; exit code ${exitCode}`}\n`;
}

/** The summary as text, for a terminal or a file. */
export function summaryTextFor(stream: OutputStream, summary: Summary, color: boolean): string {
  return fitted(summaryText(summary, paletteOf(stream, color)), stream);
}

/** The SHA-256 that stands for all files of a run, to be kept apart from them; empty when there is none. */
export function checksumsLine(folder: string): string {
  const sha256 = checksumsSha256(folder);
  return sha256 === null ? '' : `${CHECKSUMS_FILE}: ${sha256}\n`;
}

/** Returns whether a resumed run would have anything to do: rows beyond `--limit` are not selected. */
function isWorthResuming(reason: RunEnd['reason'], summary: Summary): boolean {
  const { throttled, disconnected, 'timed-out': timedOut } = summary.results;
  const isStopped = reason !== 'completed' && reason !== 'limit';
  return isStopped || (summary.hubCheck?.left ?? 0) > 0 || leftOf(summary) + throttled + timedOut + disconnected > 0;
}
