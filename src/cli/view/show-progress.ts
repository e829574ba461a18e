import { type TargetName, targetLabel } from '../../journal/target-name.ts';
import { scheduleLeft, steadyRatePerSecond } from '../../load/pace.ts';
import { estimateRun } from '../../load/run-estimate.ts';
import { ProgressFold, type RunProgress, type SettledBefore } from '../../metrics/progress.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import type { RunListener } from '../../run/run-listener.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import type { DisplayFlags } from './display-flags.ts';
import { createLineView, createLiveView } from './live-view.ts';
import type { LiveView } from './redrawn-view.ts';
import { appendingTo } from './run-log.ts';
import { stoppingLine } from './say.ts';

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
export async function showProgress(
  scenario: Scenario,
  plan: SessionPlan,
  { quiet = false, color }: DisplayFlags,
): Promise<ShownProgress> {
  const clock = systemClock(hrtimeMs());
  const { logFile } = scenario;
  const fold = progressFold(scenario, plan);
  const progress = (): RunProgress => fold.at(clock.nowMs());
  const live = await createLiveView({ stream: process.stderr, color, quiet, clock, progress });
  // A log file that cannot be written is not progress, so --quiet does not hide it.
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
      counted: (counts) => fold.count(counts),
      sampled: (sample) => fold.addSample(sample),
      entered: (stage) => fold.enter(stage),
      outage: (outage) => fold.outage(outage),
      awaiting: (agents) => fold.awaiting(agents),
      notice: show,
      stopping: ({ reason, message }) => {
        fold.stop();
        const { inFlight } = fold.at(clock.nowMs());
        // As of the last sample, which may be a second old.
        const waitedFor = inFlight === 0 ? 'registrations' : formatNoun(inFlight, 'registration');
        show(stoppingLine(message ?? reason, waitedFor));
      },
    },
  };
}

function progressFold({ name, load, allocation }: Scenario, plan: SessionPlan): ProgressFold {
  const { shape, concurrency } = load;
  const ratePerSecond = steadyRatePerSecond(shape);
  const scheduleLeftMs = scheduleLeft(shape, plan.registrations);
  const estimate = estimateRun(load, plan.registrations / load.rounds);
  const estimateMs = estimate.isGuess ? null : estimate.durationMs;
  return new ProgressFold({ ...plan, name, ratePerSecond, allocation, concurrency, scheduleLeftMs, estimateMs });
}

function describeSession({ target, registrations, before }: SessionPlan): string {
  const earlier = before.settled === 0 ? '' : `, ${formatCount(before.settled)} settled by earlier sessions`;
  return `session begins: ${targetLabel(target)}, ${formatNoun(registrations, 'registration')} to do${earlier}`;
}

function describeEnd(end: RunEnd | null): string {
  if (end === null) return 'session failed: its error was printed on stderr';
  return `session ended: ${end.message ?? end.reason}, results in ${end.folder}`;
}
