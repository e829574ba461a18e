import { appendFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOfRun } from '../../src/cli/host/run-exit-code.ts';
import { encodeHubRecord, type HubJournalRecord } from '../../src/journal/hub-check-record.ts';
import type { JournalRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { HubCheckFold } from '../../src/metrics/hub-check-fold.ts';
import { junitXml } from '../../src/report/junit-xml.ts';
import { type Summary, summaryJson } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults, mergeResults } from '../../src/results/write-results.ts';
import { checkChecksums } from '../../src/run-folder/checksums.ts';
import { operatorError } from '../support/fleet-file.ts';
import { hubCheck, hubSession, writeHubChecks } from '../support/hub-check-journal.ts';
import { folderBytes, readResultRows } from '../support/results.ts';
import { summaryFrom } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { summaryProblems } from '../support/summary-schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

const END = { kind: 'hub-end', atMs: 900, reason: 'completed' } as const;
const REFUSED = { result: 'hub-refused', message: 'CONNECT refused with 5: not authorized', attempts: 3 } as const;

/** 30 devices, of which the last is not assigned. */
function journal(session: Partial<SessionRecord> = {}): readonly JournalRecord[] {
  return [
    sessionOf(30, session),
    ...Array.from({ length: 30 }, (_, row) => outcomeRecord(row, row === 29 ? notAssigned({ result: 'failed' }) : {})),
    { kind: 'end', atMs: 60_000, reason: 'completed', message: null },
  ];
}

async function resultsOf(checks: readonly HubJournalRecord[] | null, session: Partial<SessionRecord> = {}) {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), journal(session));
  if (checks !== null) writeHubChecks(folder, checks);
  const { summary, reportHtml } = await makeResults(folder, { fleet: null });
  return { folder, summary, html: reportHtml() };
}

const checksOf = ({ hubCheck: checks }: Summary) => checks as NonNullable<Summary['hubCheck']>;

const passed = [hubSession(), ...[0, 1, 2, 3, 4, 5].map((row) => hubCheck(row)), END];

/** Made once, for the tests that only look. */
const withoutChecks = resultsOf(null);
const withAllPassed = resultsOf(passed);

describe('the results of a run with hub checks', () => {
  it('say of each device how it fared, and of each hub what was found', async () => {
    const { folder, summary } = await resultsOf([
      hubSession(),
      ...[0, 2, 3, 5].map((row) => hubCheck(row)),
      hubCheck(1, REFUSED),
      hubCheck(4, { ...REFUSED, result: 'hub-late', message: 'no CONNACK within 60 s', attempts: 5 }),
      END,
    ]);
    const rows = readResultRows(join(folder, 'registrations.csv'));
    expect(rows.slice(0, 7).map((row) => row['hub_check'])).toEqual([
      'passed',
      'hub-refused',
      'passed',
      'passed',
      'hub-late',
      'passed',
      '',
    ]);
    expect(checksOf(summary)).toMatchObject({ devices: 30, sampled: 6, passed: 4, failed: 2, left: 0, attempts: 12 });
    expect(checksOf(summary).hubs.map(({ passed: good, failed }) => [good, failed])).toEqual([
      [2, 0],
      [0, 2],
      [2, 0],
    ]);
    expect(checksOf(summary).hubs[0]?.connect).toMatchObject({
      count: 2,
      minMs: expect.closeTo(30, 0),
      maxMs: expect.closeTo(33, 0),
    });
    expect(checksOf(summary).hubs[1]?.connect).toBeNull();
    expect(
      checksOf(summary).errors.map(({ code, count, firstRow, remedy }) => [code, count, firstRow, remedy !== null]),
    ).toEqual([
      ['hub-refused', 1, 1, true],
      ['hub-late', 1, 4, true],
    ]);
    expect(
      readResultRows(join(folder, 'hub-checks.csv')).map((row) => [row['registration_id'], row['hub_check']]),
    ).toHaveLength(6);
    expect(summaryProblems(summaryJson(summary))).toBeNull();
  });

  it('have the same figures for the registrations as without', async () => {
    const { hubCheck: _, journals: __, files: ___, ...with_ } = (await withAllPassed).summary;
    const { journals: ____, files: _____, ...without } = (await withoutChecks).summary;
    expect(with_).toEqual(without);
  });

  it('are vouched for together with the checks, and made again the same', async () => {
    const { folder, summary } = await resultsOf(passed);
    expect(summary.journals?.map(({ name }) => name)).toEqual(['journal.ndjson', 'hub-checks.ndjson']);
    expect((await checkChecksums(folder)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['hub-checks.ndjson', 'hub-checks.csv']),
    );
    const before = folderBytes(folder);
    await makeResults(folder, { fleet: null });
    expect(folderBytes(folder)).toEqual(before);
    appendFileSync(join(folder, 'hub-checks.ndjson'), `${encodeHubRecord(hubCheck(1))}\n`);
    const error = await operatorError(() => makeResults(folder, { fleet: null }));
    expect(error.message).toMatch(/hub-checks\.ndjson: was changed after the run/);
  });

  it('do not count a check at a hub that the device has left, nor what is not checked yet', async () => {
    const { summary } = await resultsOf([hubSession(), hubCheck(0, { hub: HUBS[1] }), hubCheck(1), hubCheck(2)]);
    expect(checksOf(summary)).toMatchObject({ passed: 2, failed: 0, left: 4, end: null });
    expect(summaryText(summary)).toMatch(
      /^hub check {3}2 of 6 devices of the sample connected to their hubs, 4 not checked; 30 devices have a hub$/m,
    );
  });

  it('say that no device was checked because the hubs have ended, or because no device has one', async () => {
    const ofHub = { hub: HUBS[0], sampled: 0, perSecond: 50 };
    const ended = await resultsOf([hubSession({ hubs: [{ ...ofHub, devices: 400 }] }), END]);
    expect(summaryText(ended.summary)).toMatch(/^hub check {3}not checked: the hubs of 400 devices have ended$/m);
    const without = await resultsOf([hubSession({ hubs: [] }), END]);
    expect(summaryText(without.summary)).toMatch(/^hub check {3}no device has a hub$/m);
  });

  it('do not change where no hub was checked', async () => {
    const { folder, summary, html } = await withoutChecks;
    expect([...folderBytes(folder).keys()]).not.toContain('hub-checks.csv');
    expect(readResultRows(join(folder, 'registrations.csv'))[0]).not.toHaveProperty('hub_check');
    expect(summary).not.toHaveProperty('hubCheck');
    expect(summaryText(summary) + junitXml(summary) + html).not.toMatch(/hub check/i);
  });

  it('show what failed, and why, in every form', async () => {
    const { summary, html } = await resultsOf([
      hubSession(),
      ...[0, 2, 3, 4, 5].map((row) => hubCheck(row)),
      hubCheck(1, REFUSED),
      END,
    ]);
    const text = summaryText(summary);
    expect(text).toMatch(
      /^hub-refused {2}1: CONNECT refused with 5: not authorized\n {2}Look the device up at the hub/m,
    );
    expect(text).toMatch(/^dev-000001 +hub-b\.azure-devices\.net +hub-refused/m);
    expect(junitXml(summary)).toMatch(
      /name="hub check \(connect\): hub-b[^>]*>\s*<failure message="1 device hub-refused; dev-000001: hub-refused"/,
    );
    expect(html).toContain('<h2 id="hub-check">Hub check</h2>');
    expect(html).toMatch(/<code>dev-000001<\/code>/);
  });

  it('of several runs count the last check of each device', async () => {
    const one = await resultsOf([
      hubSession(),
      ...[0, 2, 3, 4, 5].map((row) => hubCheck(row)),
      hubCheck(1, REFUSED),
      END,
    ]);
    const two = await resultsOf([hubSession(), hubCheck(1), END], { startedAtEpochMs: Date.UTC(2027, 0, 1) });
    const { summary } = await mergeResults([one.folder, two.folder], join(root, 'merged'));
    expect(checksOf(summary)).toMatchObject({ passed: 6, failed: 0, left: 0 });
    expect(summary.journals?.filter(({ name }) => name.endsWith('/hub-checks.ndjson'))).toHaveLength(2);
  });
});

describe('a run whose devices all were assigned', () => {
  const summaryWith = (checks: readonly HubJournalRecord[], thresholds: readonly string[]): Summary => {
    const fold = new HubCheckFold(hubSession(), null);
    for (const record of checks) if (record.kind === 'hub-check') fold.add(record);
    const outcomes = Array.from({ length: 30 }, (_, row) => outcomeRecord(row));
    return summaryFrom(outcomes, { thresholds }, { hubChecks: fold });
  };
  const failed = [hubSession(), ...[0, 2, 3, 4, 5].map((row) => hubCheck(row)), hubCheck(1, REFUSED), END];

  it.each([
    ['all passed', passed, [], 0],
    ['one failed', failed, [], 3],
    ['some were not checked', [hubSession(), hubCheck(0)], [], 3],
    ['one failed, and thresholds speak of other things', failed, ['throttles == 0'], 3],
    ['one failed, as a threshold permits', failed, ['hub_check_failed <= 1'], 0],
    ['one failed, as a share permits', failed, ['hub_check_failed_share < 20%'], 0],
    ['one failed, more than a threshold permits', failed, ['hub_check_failed == 0'], 99],
  ])('ends with its hub checks: %s', (_, checks, thresholds, code) => {
    expect(exitCodeOfRun({ reason: 'completed', summary: summaryWith(checks, thresholds) })).toBe(code);
  });

  it('is judged by what was observed', () => {
    const { thresholds } = summaryWith(failed, ['hub_check_failed <= 1', 'hub_check_failed_share < 20%']);
    expect(thresholds.map(({ observed }) => observed)).toEqual([1, 1 / 6]);
  });
});
