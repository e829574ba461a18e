import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOfRun } from '../../../src/cli/host/run-exit-code.ts';
import type { EndReason, JournalRecord, SessionRecord } from '../../../src/journal/journal-record.ts';
import { junitXml } from '../../../src/report/junit-xml.ts';
import type { Summary } from '../../../src/report/summary.ts';
import { summaryText } from '../../../src/report/summary-text.ts';
import { makeResults } from '../../../src/results/write-results.ts';
import { EVEN_THIRDS, summaryFrom } from '../../support/run-measures.ts';
import {
  grantRecord,
  HUBS,
  notAssigned,
  outcomeRecord,
  sessionOf,
  writeJournal,
} from '../../support/sample-journal.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const root = temporaryFolder();

type Case = {
  /** Usable rows. */
  readonly rows: number;
  readonly leftOut?: number;
  /** Rows before this one are selected. */
  readonly selected?: number;
  readonly assigned: number;
  readonly failed?: number;
  readonly thresholds?: readonly string[];
  readonly end?: EndReason;
};

function journalOf({ rows, leftOut = 0, selected = rows, assigned, failed = 0, thresholds = [], end }: Case) {
  const session = sessionOf(rows, { thresholds, selectedRows: selected });
  const fleet: SessionRecord['fleet'] = { ...session.fleet, rejectedRows: leftOut };
  const reason = end ?? 'completed';
  const sent = assigned + failed;
  const records: JournalRecord[] = [
    { ...session, fleet },
    ...(selected < rows ? [{ kind: 'selection' as const, rows: [[0, selected - 1] as const] }] : []),
    ...(sent > 0 ? [grantRecord(0, sent - 1)] : []),
    ...Array.from({ length: sent }, (_, row) =>
      outcomeRecord(row, row < assigned ? {} : notAssigned({ result: 'refused', errorCode: '401000' })),
    ),
    { kind: 'end', atMs: 99_000, reason, message: null },
  ];
  return { records, reason };
}

/** Each case of a run that came to an end, with what a person and a script are told. */
describe('exit code and headline', () => {
  it.each<[string, Case, number, string]>([
    ['all', { rows: 9, assigned: 9 }, 0, 'all 9 devices assigned'],
    ['one device', { rows: 1, assigned: 1 }, 0, '1 of 1 device assigned'],
    ['rows left out', { rows: 226, leftOut: 77, assigned: 226 }, 3, '226 of 303 devices assigned; 77 rows left out'],
    [
      'rows left out as a threshold permits',
      { rows: 226, leftOut: 77, assigned: 226, thresholds: ['count(left_out) <= 77'] },
      0,
      '226 of 303 devices assigned; 77 rows left out',
    ],
    [
      'rows left out as the older metric permits',
      { rows: 226, leftOut: 77, assigned: 226, thresholds: ['rejected_rows < 80'] },
      0,
      '226 of 303 devices assigned; 77 rows left out',
    ],
    [
      'more rows left out than a threshold permits',
      { rows: 226, leftOut: 77, assigned: 226, thresholds: ['count(left_out) < 5'] },
      99,
      '226 of 303 devices assigned; 77 rows left out',
    ],
    [
      'rows left out, and thresholds that speak of others',
      { rows: 226, leftOut: 77, assigned: 226, thresholds: ['count(failed) == 0'] },
      3,
      '226 of 303 devices assigned; 77 rows left out',
    ],
    [
      'rows left out, and another threshold that failed',
      { rows: 20, leftOut: 1, assigned: 19, failed: 1, thresholds: ['count(failed) == 0'] },
      99,
      '19 of 21 devices assigned; 1 failed, 1 row left out',
    ],
    [
      '--limit',
      { rows: 250, selected: 60, assigned: 60, end: 'limit' },
      0,
      '60 of 250 devices assigned; 190 not selected',
    ],
    ['--only or --exclude', { rows: 250, selected: 6, assigned: 6 }, 0, '6 of 250 devices assigned; 244 not selected'],
    [
      'a selection with rows left out',
      { rows: 25, leftOut: 2, selected: 6, assigned: 6 },
      3,
      '6 of 27 devices assigned; 2 rows left out, 19 not selected',
    ],
    ['--duration', { rows: 25, assigned: 6, end: 'limit' }, 0, '6 of 25 devices assigned; 19 not started'],
    ['some failed', { rows: 25, assigned: 24, failed: 1 }, 3, '24 of 25 devices assigned; 1 failed'],
    ['all failed', { rows: 10, assigned: 0, failed: 10 }, 3, 'none of 10 devices assigned; 10 failed'],
    [
      'some failed, as thresholds permit',
      { rows: 25, assigned: 24, failed: 1, thresholds: ['rate(failed) < 5%'] },
      0,
      '24 of 25 devices assigned; 1 failed',
    ],
    [
      'the canary failed',
      { rows: 97, assigned: 2, failed: 1, end: 'canary' },
      4,
      'stopped (canary): 2 of 97 devices assigned; 1 failed, 94 not started',
    ],
    [
      'Ctrl-C with a limit',
      { rows: 97, selected: 50, assigned: 2, end: 'interrupted' },
      130,
      'stopped (interrupted): 2 of 97 devices assigned; 47 not selected, 48 not started',
    ],
    [
      'an outage',
      { rows: 97, assigned: 2, end: 'outage' },
      5,
      'stopped (outage): 2 of 97 devices assigned; 95 not started',
    ],
  ])('%s', async (_, run, code, headline) => {
    const folder = mkdtempSync(join(root, 'run-'));
    const { records, reason } = journalOf(run);
    writeJournal(join(folder, 'journal.ndjson'), records);
    const { summary, reportHtml } = await makeResults(folder, { fleet: null });
    expect(exitCodeOfRun({ reason, summary })).toBe(code);
    expect(summaryText(summary).split('\n')[1]).toBe(`verdict     ${headline}`);
    const title = /<h1>(.*?)<\/h1>/.exec(reportHtml())?.[1] ?? '';
    expect(title.toLowerCase()).toBe(headline.replace(/ \(\w+\)/, '').toLowerCase());
    expect(junitXml(summary).includes('name="all assigned"/>')).toBe(
      summary.verdict === 'all-assigned' && (run.thresholds ?? []).length === 0,
    );
    expect(junitXml(summary).includes('<failure')).toBe(code !== 0);
  });

  it('is 3 when the summary is not known', () => {
    expect(exitCodeOfRun({ reason: 'completed', summary: null })).toBe(3);
  });
});

/** All devices assigned, to hubs in turn. */
function judged(devices: number, hubs: number, thresholds: readonly string[]): Summary {
  const outcomes = Array.from({ length: devices }, (_, row) =>
    outcomeRecord(row, { assignedHub: HUBS[row % hubs] as string }),
  );
  return summaryFrom(outcomes, { allocation: EVEN_THIRDS, thresholds });
}

describe('the verdict on the allocation policy', () => {
  const [inconclusive, fail] = [[30, 3] as const, [300, 2] as const];

  it.each<[string, readonly [number, number], readonly string[], number, string]>([
    ['fails nothing when inconclusive', inconclusive, [], 0, 'neither shown nor refuted, so it does not fail the run'],
    ['nor beside other thresholds', inconclusive, ['count(failed) == 0'], 0, 'neither shown nor refuted'],
    ['fails the run by a threshold', inconclusive, ['allocation == pass'], 99, 'allocation == pass decides: failed'],
    ['or not', inconclusive, ['allocation != fail'], 0, 'allocation != fail decides: passed'],
    ['fails the run when it is fail', fail, [], 99, 'fail: even'],
    ['also beside other thresholds', fail, ['count(failed) == 0'], 99, 'fail: even'],
    ['unless a threshold expects that', fail, ['allocation == fail'], 0, 'allocation == fail decides: passed'],
    ['or forbids it', fail, ['allocation != fail'], 99, 'allocation != fail decides: failed'],
    ['or another one failed', fail, ['allocation == fail', 'count(failed) > 0'], 99, 'decides: passed'],
  ])('%s', (_, [devices, hubs], thresholds, code, said) => {
    const summary = judged(devices, hubs, thresholds);
    expect(exitCodeOfRun({ reason: 'completed', summary })).toBe(code);
    expect(summaryText(summary).split('\n').slice(2, 4).join('\n')).toContain(said);
    expect(junitXml(summary).includes('<failure')).toBe(code !== 0);
    expect(junitXml(summary).includes('<skipped')).toBe(hubs === 3 || thresholds.includes('allocation == fail'));
  });
});
