import { join } from 'node:path';
import type { TargetName } from '../../journal/target-name.ts';
import { type LoadShape, paceOf, steadyRatePerSecond } from '../../load/pace.ts';
import { estimateRun } from '../../load/run-estimate.ts';
import { ProgressFold, type ProgressPlan } from '../../metrics/progress.ts';
import { formatNoun } from '../../report/format.ts';
import { type Summary, summaryJson } from '../../report/summary.ts';
import { summaryText } from '../../report/summary-text.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import type { RunListener } from '../../run/run-listener.ts';
import { resumeCommandLine } from '../../run-folder/run-folder.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { paletteOf } from './colors.ts';
import { createLiveView } from './live-view.ts';

export type DisplayFlags = {
  /** Print summary.json on stdout, and nothing else there. */
  readonly json?: boolean;
  /** Show no progress on stderr. */
  readonly quiet?: boolean;
  /** `false` = no colors, whatever the terminal is. */
  readonly color: boolean;
};

/** Shows the progress of a run on stderr. */
export function showProgress(
  { name, load, allocation }: Scenario,
  total: number,
  target: TargetName,
  { quiet = false, color }: DisplayFlags,
): { readonly listener: RunListener; log(line: string): void; finish(): void } {
  const clock = systemClock(hrtimeMs());
  const { shape, concurrency } = load;
  const ratePerSecond = steadyRatePerSecond(shape);
  const scheduleLeftMs = scheduleOf(shape, total);
  const estimateMs = estimateRun(load, total / load.rounds).durationMs;
  const plan = { target, name, total, ratePerSecond, allocation, concurrency, scheduleLeftMs, estimateMs };
  const fold = new ProgressFold(plan);
  const view = createLiveView({ stream: process.stderr, color, quiet, clock, progress: () => fold.at(clock.nowMs()) });
  return {
    listener: {
      settled: (outcome) => fold.add(outcome),
      sampled: (sample) => fold.addSample(sample),
      notice: (message) => view.log(message),
      stopping: ({ reason, message }) => {
        fold.stop();
        const { inFlight } = fold.at(clock.nowMs());
        // As of the last sample, which may be a second old.
        const waitedFor = inFlight === 0 ? 'registrations' : formatNoun(inFlight, 'registration');
        view.log(
          `Stopping (${message ?? reason}). Waiting for ${waitedFor} in progress. Press Ctrl-C again to stop immediately.`,
        );
      },
    },
    log: (line) => view.log(line),
    finish: () => view.finish(),
  };
}

/** The time that the shape takes from one launch to the last of `total`; a pause before the first makes no difference. */
function scheduleOf(shape: LoadShape, total: number): ProgressPlan['scheduleLeftMs'] {
  const pace = paceOf(shape, 0);
  const last = Math.min(total, pace.total) - 1;
  return (launch) => {
    const [from, to] = [pace.intendedAtMs(Math.min(launch, last)), pace.intendedAtMs(last)];
    return from === null || to === null ? null : to - from;
  };
}

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
  process.stderr.write(`results: ${folder}\nreport: ${join(folder, 'report.html')}\n`);
  if (!isWorthResuming(reason, summary)) return;
  const isLimited = reason === 'limit' && summary.sessions.at(-1)?.rowsMax !== null;
  process.stderr.write(`${resume}${isLimited ? ', with a higher --limit' : ''}\n`);
}

/** Returns whether a resumed run would have anything to do. */
function isWorthResuming(reason: RunEnd['reason'], { results }: Summary): boolean {
  return (
    reason !== 'completed' ||
    results.throttled + results['timed-out'] + results.disconnected + results.cancelled + results.unknown > 0
  );
}
