import { join } from 'node:path';
import { type TargetName, targetLabel } from '../../journal/target-name.ts';
import { type LoadShape, paceOf, steadyRatePerSecond } from '../../load/pace.ts';
import { estimateRun } from '../../load/run-estimate.ts';
import { ProgressFold, type ProgressPlan, type RunProgress, type SettledBefore } from '../../metrics/progress.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import { type Summary, summaryJson } from '../../report/summary.ts';
import { summaryText } from '../../report/summary-text.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import type { RunListener } from '../../run/run-listener.ts';
import { CHECKSUMS_FILE, checksumsSha256 } from '../../run-folder/checksums.ts';
import { resumeCommandLine } from '../../run-folder/run-folder.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { paletteOf } from './colors.ts';
import { createLineView, createLiveView, type LiveView } from './live-view.ts';
import { appendingTo } from './run-log.ts';

export type DisplayFlags = {
  /** Print summary.json on stdout, and nothing else there. */
  readonly json?: boolean;
  /** Show no progress on stderr. */
  readonly quiet?: boolean;
  /** `false` = no colors, whatever the terminal is. */
  readonly color: boolean;
};

/** What a session has to do. */
export type SessionPlan = {
  /** To settle in this session. */
  readonly registrations: number;
  readonly before: SettledBefore;
  readonly target: TargetName;
};

export type ShownProgress = Pick<LiveView, 'log'> & {
  readonly listener: RunListener;
  /** @param end `null` = the session failed with an error */
  finish(end: RunEnd | null): void;
};

/** Shows the progress of a run on stderr, and appends it to the log file if the scenario names one. */
export function showProgress(
  { name, load, allocation, logFile }: Scenario,
  plan: SessionPlan,
  { quiet = false, color }: DisplayFlags,
): ShownProgress {
  const clock = systemClock(hrtimeMs());
  const { shape, concurrency } = load;
  const ratePerSecond = steadyRatePerSecond(shape);
  const scheduleLeftMs = scheduleOf(shape, plan.registrations);
  const estimateMs = estimateRun(load, plan.registrations / load.rounds).durationMs;
  const fold = new ProgressFold({ ...plan, name, ratePerSecond, allocation, concurrency, scheduleLeftMs, estimateMs });
  const progress = (): RunProgress => fold.at(clock.nowMs());
  const live = createLiveView({ stream: process.stderr, color, quiet, clock, progress });
  // A log file that cannot be written is no progress: --quiet does not hide it.
  const warn = (message: string): void => {
    if (quiet) process.stderr.write(`${message}\n`);
    else live.log(message);
  };
  const log = logFile === null ? null : createLineView({ clock, progress }, appendingTo(logFile, warn));
  log?.log(describeSession(plan));
  const show = (line: string): void => {
    live.log(line);
    log?.log(line);
  };
  return {
    log: show,
    finish(end) {
      live.finish();
      log?.finish();
      log?.log(describeEnd(end));
    },
    listener: {
      settled: (outcome) => fold.add(outcome),
      sampled: (sample) => fold.addSample(sample),
      entered: (stage) => fold.enter(stage),
      outage: (outage) => fold.outage(outage),
      notice: show,
      stopping: ({ reason, message }) => {
        fold.stop();
        const { inFlight } = fold.at(clock.nowMs());
        // As of the last sample, which may be a second old.
        const waitedFor = inFlight === 0 ? 'registrations' : formatNoun(inFlight, 'registration');
        show(
          `Stopping (${message ?? reason}). Waiting for ${waitedFor} in progress. Press Ctrl-C again to stop immediately.`,
        );
      },
    },
  };
}

function describeSession({ target, registrations, before }: SessionPlan): string {
  const earlier = before.settled === 0 ? '' : `, ${formatCount(before.settled)} settled by earlier sessions`;
  return `session begins: ${targetLabel(target)}, ${formatNoun(registrations, 'registration')} to do${earlier}`;
}

function describeEnd(end: RunEnd | null): string {
  if (end === null) return 'session failed: its error was printed on stderr';
  return `session ended: ${end.message ?? end.reason}, results in ${end.folder}`;
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
