import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { grantRecord, outcomeRecord, sampleRecord, sessionOf } from './sample-journal.ts';

/** Of the run: it starts with the first whole second, and lasts a little longer than its launches. */
export const STALLED_RUN = {
  ratePerSecond: 50,
  launchSeconds: 40,
  serviceMs: 100,
  /** Nothing ends in these seconds; what would have ended in them ends one millisecond after the other when they are over. */
  stallFromMs: 15_000,
  stallToMs: 20_000,
} as const;

/** 50 launches a second, of which the service answers each after 100 ms, but for a total stall of five seconds. */
export function stalledJournal(): JournalRecord[] {
  const { ratePerSecond, launchSeconds, serviceMs, stallFromMs, stallToMs } = STALLED_RUN;
  const rows = ratePerSecond * launchSeconds;
  let lastEndMs = stallToMs;
  const outcomes = Array.from({ length: rows }, (_, row) => {
    const startedAtMs = 1000 + (row * 1000) / ratePerSecond;
    const wouldEndMs = startedAtMs + serviceMs;
    const isStalled = wouldEndMs >= stallFromMs && wouldEndMs < stallToMs;
    if (isStalled) lastEndMs += 1;
    const finishedAtMs = isStalled ? lastEndMs : wouldEndMs;
    return outcomeRecord(row, { intendedAtMs: startedAtMs, startedAtMs, finishedAtMs, waitedMs: 0 });
  });
  const samples = Array.from({ length: launchSeconds + 1 }, (_, second) =>
    sampleRecord((second + 1) * 1000, { startLagMaxMs: second, loopDelayMaxMs: [second / 10] }),
  );
  return [
    sessionOf(rows, { loadShape: 'rate', ratePerSecond, concurrency: 300 }),
    grantRecord(0, rows - 1),
    ...outcomes,
    ...samples,
    { kind: 'end', atMs: (launchSeconds + 1) * 1000 + serviceMs, reason: 'completed', message: null },
  ];
}
