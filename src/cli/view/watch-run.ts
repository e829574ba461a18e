import type { TargetName } from '../../journal/target-name.ts';
import { type LoadShape, paceOf, steadyRatePerSecond } from '../../load/pace.ts';
import { ProgressFold, type ProgressPlan } from '../../metrics/progress.ts';
import type { RunListener } from '../../run/run-listener.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import type { RunSwitches } from '../host/run-inputs.ts';
import { createLiveView } from './live-view.ts';

export type RunDisplay = Pick<RunSwitches, 'json' | 'quiet' | 'color'>;

/** Shows a run on stderr while it goes on. */
export function watchRun(
  { name, load, allocation }: Scenario,
  total: number,
  target: TargetName,
  { quiet, color }: RunDisplay,
): { readonly listener: RunListener; log(line: string): void; finish(): void } {
  const clock = systemClock(hrtimeMs());
  const ratePerSecond = steadyRatePerSecond(load.shape);
  const scheduleLeftMs = scheduleOf(load.shape, total);
  const fold = new ProgressFold({
    target,
    name,
    total,
    ratePerSecond,
    allocation,
    concurrency: load.concurrency,
    scheduleLeftMs,
  });
  const view = createLiveView({ stream: process.stderr, color, quiet, clock, progress: () => fold.at(clock.nowMs()) });
  return {
    listener: {
      settled: (outcome) => fold.add(outcome),
      sampled: (sample) => fold.addSample(sample),
      notice: (message) => view.log(message),
      stopping: ({ reason, message }) => {
        fold.stop();
        view.log(
          `stopping (${message ?? reason}): no new launches; what is in flight finishes. Once more to stop at once.`,
        );
      },
    },
    log: (line) => view.log(line),
    finish: () => view.finish(),
  };
}

/** How long the shape takes from one launch to the last of `total`; a pause before the first makes no difference. */
function scheduleOf(shape: LoadShape, total: number): ProgressPlan['scheduleLeftMs'] {
  const pace = paceOf(shape, 0);
  const last = Math.min(total, pace.total) - 1;
  return (launch) => {
    const [from, to] = [pace.intendedAtMs(Math.min(launch, last)), pace.intendedAtMs(last)];
    return from === null || to === null ? null : to - from;
  };
}
