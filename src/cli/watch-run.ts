import type { RowSelection } from '../coordinator/row-selection.ts';
import type { RunListener } from '../coordinator/run-listener.ts';
import type { TargetName } from '../journal/journal-record.ts';
import { steadyRatePerSecond } from '../load/load-shape.ts';
import { ProgressFold } from '../metrics/progress.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { createLiveView } from './live-view.ts';
import type { RunSwitches } from './run-command.ts';

export type RunDisplay = Pick<RunSwitches, 'json' | 'quiet' | 'color'>;

/** Shows a run on stderr while it goes on. */
export function watchRun(
  { name, load }: Scenario,
  { rows }: Pick<RowSelection, 'rows'>,
  target: TargetName,
  { quiet, color }: RunDisplay,
): { readonly listener: RunListener; finish(): void } {
  const clock = systemClock(hrtimeMs());
  const total = Math.min(load.rowsMax ?? rows, rows) * load.rounds;
  const fold = new ProgressFold({ target, name, total, ratePerSecond: steadyRatePerSecond(load.shape) });
  const view = createLiveView({ stream: process.stderr, color, quiet, clock, progress: () => fold.at(clock.nowMs()) });
  return {
    listener: {
      settled: (outcome) => fold.add(outcome),
      sampled: (sample) => fold.addSample(sample),
      stopping: ({ reason, message }) =>
        view.log(
          `stopping (${message ?? reason}): no new launches; what is in flight finishes. Once more to stop at once.`,
        ),
    },
    finish: () => view.finish(),
  };
}
