import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { grantRecord, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const thresholds = ['registers_per_device <= 1', 'registers_sent <= 728'];

/** 700 devices, of which a crash took the outcomes of 28, so that a second session made them again. */
it('calls that a crash may hide are stated as a bound, by which thresholds are judged', async () => {
  const folder = mkdtempSync(join(root, 'run-'));
  const outcomes = (first: number, last: number): JournalRecord[] =>
    Array.from({ length: last - first + 1 }, (_, index) => outcomeRecord(first + index));
  writeJournal(join(folder, 'journal.ndjson'), [
    sessionOf(700, { thresholds }),
    grantRecord(0, 427),
    ...outcomes(0, 399),
    sessionOf(700, { thresholds, session: 2 }),
    grantRecord(400, 699),
    ...outcomes(400, 699),
    { kind: 'end', atMs: 9_000, reason: 'completed', message: null },
  ]);
  const { summary, reportHtml } = await makeResults(folder, { fleet: null });
  expect(summary.requests).toMatchObject({ registersSent: 700, registersUncounted: 28, registersReplaced: 0 });
  expect(summaryText(summary)).toContain('700 known register requests, up to 28 more (billed)');
  expect(reportHtml()).toContain('<dd>700</dd><dd class="note">known, up to 28 more · billed</dd>');
  expect(summary.thresholds.map(({ observed, passed }) => [observed, passed])).toEqual([
    [728 / 700, false],
    [728, true],
  ]);
});

it('calls of registrations that were made again are stated apart', async () => {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), [
    sessionOf(1),
    grantRecord(0, 0),
    outcomeRecord(0, { result: 'timed-out', registersSent: 3, assignedHub: null }),
    sessionOf(1, { session: 2 }),
    grantRecord(0, 0),
    outcomeRecord(0),
    { kind: 'end', atMs: 9_000, reason: 'completed', message: null },
  ]);
  const { summary } = await makeResults(folder, { fleet: null });
  expect(summary.requests).toMatchObject({ registersSent: 4, registersUncounted: 0, registersReplaced: 3 });
  expect(summaryText(summary)).toContain('3 register requests by registrations that were made again');
});

it('calls of a launch that an outage ended count once, in the outcome that includes them', async () => {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), [
    sessionOf(2),
    grantRecord(0, 1),
    grantRecord(0, 1),
    outcomeRecord(0, { registersSent: 3, launchesIncluded: 1 }),
    outcomeRecord(1),
    { kind: 'end', atMs: 9_000, reason: 'completed', message: null },
  ]);
  const { summary } = await makeResults(folder, { fleet: null });
  expect(summary.requests).toMatchObject({ registersSent: 4, registersUncounted: 1 });
});
