import type { JournalRecord, OutcomeRecord, SampleRecord } from '../../src/journal/journal-record.ts';
import { HUBS, sampleJournal } from './sample-journal.ts';

/** Launches a second that the run intends. */
export const INTENDED_PER_SECOND = 100;

/** A run in which everything is to be seen that a report shows: failures, throttles, a governor, an emulator, expected hubs. */
export function busyJournal(rows: number, seed: number): JournalRecord[] {
  return sampleJournal(rows, seed).map((record) => {
    switch (record.kind) {
      case 'session':
        return { ...record, ratePerSecond: INTENDED_PER_SECOND, concurrency: 400 };
      case 'outcome':
        return busyOutcome(record);
      case 'sample':
        return busySample(record);
      default:
        return record;
    }
  });
}

/** Two hubs are expected evenly, and times grow in the middle of the run. */
function busyOutcome(outcome: OutcomeRecord): OutcomeRecord {
  const slowdownMs = outcome.row % 500 > 300 ? (outcome.row % 97) * 15 : (outcome.row % 13) * 4;
  const finishedAtMs = (outcome.finishedAtMs ?? 0) + slowdownMs;
  return { ...outcome, finishedAtMs, expectedHub: HUBS[outcome.row % 2] ?? null };
}

function busySample(sample: SampleRecord): SampleRecord {
  const second = Math.round(sample.atMs / 1000);
  const throttled = second % 7 === 5;
  return {
    ...sample,
    inFlight: 300 + (second % 5) * 10,
    throttles: throttled ? 4 : 0,
    startLagMaxMs: 2 + (second % 4),
    loopDelayMaxMs: [5 + (second % 3), 4],
    rateAllowedPerSecond: throttled ? 40 : 90,
  };
}
