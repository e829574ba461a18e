import { paletteOf } from './colors.ts';
import type { DisplayFlags } from './display-flags.ts';
import { type JourneyEnd, type JourneyPlace, journeyText, nextSteps } from './journey-text.ts';
import { say } from './say.ts';
import { columnsOf, fitted, labelledPath } from './terminal-line.ts';

/** Prints a line for each step on stdout, and on stderr where they are, what to do next and, last, the verdict. */
export function showJourneyEnd(end: JourneyEnd, place: JourneyPlace, { json, quiet, color }: DisplayFlags): void {
  if (!quiet) process.stderr.write('\n');
  process.stdout.write(json ? `${JSON.stringify(end, null, 2)}\n` : fitted(journeyText(end), process.stdout));
  const { good, bad } = paletteOf(process.stderr, color);
  const columns = columnsOf(process.stderr);
  if (place.isOver !== 'not-begun') process.stderr.write(`${labelledPath('folder', place.folder, columns)}\n`);
  const { advice = null, commands = [] } = nextSteps(end, place) ?? {};
  if (advice !== null) say(advice);
  // A command stays in one line, so that it can be copied.
  for (const line of commands) process.stderr.write(`${line.length <= columns ? line : line.replace(': ', ':\n')}\n`);
  const { steps, exitCode } = end;
  const stoppedAt = steps.find((step) => step.exitCode !== 0);
  if (exitCode === 0) say(`verdict: ${good('every device came through')}`);
  else if (stoppedAt === undefined) say(`verdict: ${bad('not every device came through')}; exit code ${exitCode}`);
  else say(`verdict: ${bad(`stopped at ${stoppedAt.step}`)}; exit code ${exitCode}`);
}
