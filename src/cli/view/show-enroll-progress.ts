import { countStates, ROW_STATES } from '../../enroll/row-result.ts';
import type { RowJournal } from '../../enroll-folder/row-journal.ts';
import { formatCount, formatDuration } from '../../report/format.ts';
import type { ServiceRequests } from '../../service-api/service-requests.ts';
import { type Clock, repeat } from '../../time/clock.ts';
import { say } from './say.ts';

/** Often enough to see that it goes on, rarely enough for a log of hours. */
const LINE_INTERVAL_MS = 5_000;

type EnrollView = {
  readonly rows: number;
  readonly journal: Pick<RowJournal, 'results'>;
  readonly requests: Pick<ServiceRequests, 'troubles'>;
  readonly clock: Clock;
  readonly isQuiet: boolean;
  readonly folder: string;
};

/** Shows on stderr how far the command is, a line from time to time. */
export function showEnrollProgress(view: EnrollView): {
  readonly log: (line: string) => void;
  readonly finish: () => void;
} {
  const { clock, isQuiet, journal, folder } = view;
  const before = journal.results.size;
  const beganMs = clock.nowMs();
  const log = (line: string): void => {
    if (!isQuiet) say(line);
  };
  log(`folder: ${folder}${before === 0 ? '' : `; ${formatCount(before)} rows ended in earlier sessions`}`);
  const timer = repeat(clock, LINE_INTERVAL_MS, () => log(progressText(view, before, clock.nowMs() - beganMs)));
  return { log, finish: () => timer.cancel() };
}

function progressText({ rows, journal, requests }: EnrollView, before: number, elapsedMs: number): string {
  const done = journal.results.size;
  const counts = countStates(journal.results.values());
  const states = ROW_STATES.filter((state) => counts[state] > 0).map(
    (state) => `${state} ${formatCount(counts[state])}`,
  );
  const { throttled, failed } = requests.troubles;
  const troubles =
    throttled + failed === 0
      ? []
      : [`${formatCount(throttled)} throttled and ${formatCount(failed)} failed requests tried again`];
  const leftMs = done === before ? null : (elapsedMs / (done - before)) * (rows - done);
  const left = leftMs === null ? [] : [`about ${formatDuration(leftMs)} left`];
  return [`${formatCount(done)} of ${formatCount(rows)} rows`, ...states, ...troubles, ...left].join(', ');
}
