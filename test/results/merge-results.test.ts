import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import type { JournalRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults, mergeResults } from '../../src/results/write-results.ts';
import { folderBytes, readResultRows } from '../support/results.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import {
  grantRecord,
  HUBS,
  notAssigned,
  outcomeRecord,
  randomFrom,
  sampleJournal,
  sessionOf,
  writeJournal,
} from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const HOUR_MS = 3_600_000;
const FIRST_EPOCH_MS = Date.UTC(2026, 0, 2);

/** A run that began so many hours after the first. */
function run(hour: number, records: readonly JournalRecord[], session: Partial<SessionRecord> = {}, rows = 6): string {
  const folder = mkdtempSync(join(root, `run-${hour}-`));
  const startedAtEpochMs = FIRST_EPOCH_MS + hour * HOUR_MS;
  writeJournal(join(folder, 'journal.ndjson'), [sessionOf(rows, { startedAtEpochMs, ...session }), ...records]);
  return folder;
}

const outFolder = (): string => mkdtempSync(join(root, 'out-'));
const completed: JournalRecord = { kind: 'end', atMs: 9000, reason: 'completed', message: null };
const limit: JournalRecord = { kind: 'end', atMs: 9000, reason: 'limit', message: null };
const refused = notAssigned({ result: 'refused', errorCode: '401000' });
const timedOut = notAssigned({ result: 'timed-out', errorCode: 'no-answer', possiblyTwice: true });
const times = (hour: number) => ({ startedAtMs: hour, finishedAtMs: hour + 1000, intendedAtMs: hour });

/** A canary of rows 0 and 1, the rest of which row 3 is refused and row 4 unclear, and another try of both. */
function threeRuns() {
  const canary = run(0, [grantRecord(0, 1), outcomeRecord(0), outcomeRecord(1), limit]);
  const main = run(1, [
    grantRecord(2, 5),
    outcomeRecord(2),
    outcomeRecord(3, refused),
    outcomeRecord(4, timedOut),
    outcomeRecord(5),
    completed,
  ]);
  const retries = run(2, [grantRecord(3, 4), outcomeRecord(3, times(2)), outcomeRecord(4, times(2)), completed]);
  return [canary, main, retries] as const;
}

describe('runs from several regions', () => {
  const regions: AllocationExpectation = {
    ...EVEN_THIRDS,
    policy: 'lowest-latency',
    by: 'region',
    cohorts: [
      { name: 'europe', hubs: [{ hub: HUBS[0], weight: 1 }] },
      { name: 'america', hubs: [{ hub: HUBS[1], weight: 1 }] },
    ],
  };
  const ROWS = 600;
  const half = (first: number, hub: string) =>
    Array.from({ length: ROWS / 2 }, (_, index) => outcomeRecord(first + index, { assignedHub: hub }));

  it('give the table of hubs and regions, and the verdict on both', async () => {
    const session = { allocation: regions };
    const europe = run(0, [grantRecord(0, 299), ...half(0, HUBS[0]), limit], { ...session, region: 'europe' }, ROWS);
    const america = run(
      1,
      [grantRecord(300, 599), ...half(300, HUBS[1]), completed],
      { ...session, region: 'america' },
      ROWS,
    );
    const alone = await makeResults(europe, { fleet: null });
    expect(alone.summary.allocation?.cohorts.map(({ name, verdict }) => [name, verdict])).toEqual([['europe', 'pass']]);
    const { summary, reportHtml } = await mergeResults([america, europe], outFolder());
    expect(summary.allocation?.verdict).toBe('pass');
    const table = [
      'hub by region             europe         america',
      'hub-a.azure-devices.net  300 (100.00%)  0',
      'hub-b.azure-devices.net  0              300 (100.00%)',
      'verdict                  pass           pass',
    ];
    const squeezed = (text: string): string => text.replace(/ +/g, ' ');
    expect(squeezed(summaryText(summary))).toContain(squeezed(table.join('\n')));
    expect(reportHtml()).toContain('<td>300 (100.00%)</td>');
  });

  it('of which one sends devices elsewhere fails', async () => {
    const session = { allocation: regions };
    const europe = run(0, [grantRecord(0, 299), ...half(0, HUBS[0]), limit], { ...session, region: 'europe' }, ROWS);
    const wrong = run(
      1,
      [grantRecord(300, 599), ...half(300, HUBS[0]), completed],
      { ...session, region: 'america' },
      ROWS,
    );
    const { summary } = await mergeResults([europe, wrong], outFolder());
    expect(summary.allocation?.cohorts.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['europe', 'pass'],
      ['america', 'fail'],
    ]);
  });
});

describe('runs of one fleet', () => {
  it('become one set of files in which each device has its last outcome', async () => {
    const [canary, main, retries] = threeRuns();
    const out = outFolder();
    const { summary } = await mergeResults([canary, main, retries], out);
    const rows = readResultRows(join(out, 'registrations.csv'));
    expect(rows.map((row) => [row['registration_id'], row['result']])).toEqual(
      [0, 1, 2, 3, 4, 5].map((row) => [`dev-00000${row}`, 'assigned']),
    );
    expect(rows[3]?.['finished_at']).toBe('2026-01-02T02:00:01.002Z');
    expect(readResultRows(join(out, 'failures.csv'))).toEqual([]);
    expect(summary).toMatchObject({
      verdict: 'all-assigned',
      mergedRuns: [canary, main, retries].map((folder) => basename(folder)),
      results: { assigned: 6, refused: 0, 'timed-out': 0, 'not-started': 0 },
      // Also of outcomes that were replaced.
      requests: { registersSent: 8 },
      warnings: [],
    });
    expect(summary.sessions.map(({ startedAt }) => startedAt.slice(11, 13))).toEqual(['00', '01', '02']);
  });

  it('give the same bytes in whatever order they are named, for their owner alone', async () => {
    const [canary, main, retries] = threeRuns();
    const [once, again] = [join(outFolder(), 'made'), outFolder()];
    await mergeResults([canary, main, retries], once);
    await mergeResults([retries, canary, main], again);
    await mergeResults([main, retries, canary], again);
    expect(folderBytes(again)).toEqual(folderBytes(once));
    expect(statSync(once).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(once)) expect(statSync(join(once, name)).mode & 0o777).toBe(0o600);
  });

  it('keep their own files, and name rows that none of them took from the fleet', async () => {
    const [canary, main] = threeRuns();
    await makeResults(main, { fleet: null });
    const before = folderBytes(main);
    const { summary } = await mergeResults([canary, main], outFolder());
    expect(folderBytes(main)).toEqual(before);
    expect(summary).toMatchObject({ verdict: 'some-failed', results: { assigned: 4, refused: 1, 'timed-out': 1 } });
  });

  it('agree with a naive merge, over random journals', async () => {
    for (const seed of [1, 2, 3]) {
      const random = randomFrom(seed);
      const journals = [0, 1, 2].map((hour) => {
        const whole = sampleJournal(60, seed * 10 + hour);
        const taken = new Set(Array.from({ length: 60 }, (_, row) => row).filter(() => hour === 0 || random() < 0.3));
        const outcomes = whole.flatMap((record) =>
          record.kind === 'outcome' && taken.has(record.row) ? [record] : [],
        );
        const grants = [...taken].map((row) => grantRecord(row, row));
        return { folder: run(hour, [...grants, ...outcomes, completed], {}, 60), outcomes };
      });
      const expected = Array.from({ length: 60 }, (_, row) => {
        const all = journals.flatMap(({ outcomes }) => outcomes.filter((outcome) => outcome.row === row));
        return (all.findLast(({ result }) => result === 'assigned') ?? all.at(-1))?.result;
      });
      const out = outFolder();
      await mergeResults(journals.map(({ folder }) => folder).toReversed(), out);
      expect(readResultRows(join(out, 'registrations.csv')).map((row) => row['result'])).toEqual(expected);
    }
  });
});

describe('a device that was assigned', () => {
  it.each<[string, JournalRecord[], string, string]>([
    // what a later run did with it → its hub, possibly twice
    ['was assigned again', [grantRecord(0, 0), outcomeRecord(0, { assignedHub: 'hub-z' }), completed], 'hub-z', 'true'],
    ['was refused', [grantRecord(0, 0), outcomeRecord(0, refused), completed], 'hub-a.azure-devices.net', 'false'],
    ['got no answer', [grantRecord(0, 0), outcomeRecord(0, timedOut), completed], 'hub-a.azure-devices.net', 'true'],
    [
      'was handed back',
      [grantRecord(0, 0), outcomeRecord(0, notAssigned({ result: 'not-started', startedAtMs: null })), limit],
      'hub-a.azure-devices.net',
      'false',
    ],
    ['was lost by a crash', [grantRecord(0, 0), outcomeRecord(1), completed], 'hub-a.azure-devices.net', 'true'],
  ])('stays assigned when it later %s', async (_, later, hub, twice) => {
    const before = run(0, [grantRecord(0, 5), ...[0, 1, 2, 3, 4, 5].map((row) => outcomeRecord(row)), completed]);
    const out = outFolder();
    const { summary } = await mergeResults([before, run(1, later)], out);
    const [row] = readResultRows(join(out, 'registrations.csv'));
    expect([row?.['result'], row?.['assigned_hub'], row?.['possibly_twice']]).toEqual(['assigned', hub, twice]);
    expect(summary).toMatchObject({ verdict: 'all-assigned', results: { assigned: 6 } });
  });
});

describe('a fleet that grew', () => {
  const fleetOf = (rows: number, digest: string) => ({ fleet: { ...sessionOf(rows).fleet, digest, bytes: rows * 10 } });
  const grown = fleetOf(6, 'cd'.repeat(32));
  const firstEnd = [grantRecord(0, 3), ...[0, 1, 2, 3].map((row) => outcomeRecord(row)), completed];
  const retry = (session: Partial<SessionRecord>) =>
    run(1, [grantRecord(4, 5), outcomeRecord(4), outcomeRecord(5), completed], session);

  it('is the same when a run was resumed with it', async () => {
    const resumed = sessionOf(6, { ...grown, session: 2, startedAtEpochMs: FIRST_EPOCH_MS + 60_000 });
    const before = run(0, [...firstEnd, resumed, completed], fleetOf(4, 'ab'.repeat(32)), 4);
    const { summary } = await mergeResults([before, retry(grown)], outFolder());
    expect(summary).toMatchObject({ verdict: 'all-assigned', results: { assigned: 6 }, fleet: { rows: 6 } });
  });

  it('is another one when no run has seen how it begins', async () => {
    const before = run(0, firstEnd, fleetOf(4, 'ab'.repeat(32)), 4);
    const failure = await mergeResults([before, retry(grown)], outFolder()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'usage', message: expect.stringContaining('used a different fleet') });
  });
});

describe('one of several runs that has no end', () => {
  it('is named, and what it released is unknown until another run takes it', async () => {
    const killed = run(0, [grantRecord(0, 3), outcomeRecord(0), outcomeRecord(1)]);
    const rest = run(1, [grantRecord(2, 5), ...[2, 3, 4, 5].map((row) => outcomeRecord(row, times(1))), completed]);
    const out = outFolder();
    const { summary } = await mergeResults([killed, rest], out);
    const rows = readResultRows(join(out, 'registrations.csv'));
    expect(rows.map((row) => row['result'])).toEqual(Array(6).fill('assigned'));
    expect(rows.map((row) => row['possibly_twice'])).toEqual(['false', 'false', 'true', 'true', 'false', 'false']);
    expect(summary.possiblyTwice).toBe(2);
    expect(summary.warnings).toEqual([
      `the journal in ${killed} has no end: its run is still in progress, or was killed`,
    ]);
  });

  it('keeps everything from being written when it is the last', async () => {
    const [canary, main] = threeRuns();
    const going = run(3, [grantRecord(3, 4), outcomeRecord(3, times(3))]);
    const out = outFolder();
    const { summary } = await mergeResults([canary, main, going], out);
    expect(summary).toMatchObject({ verdict: 'unfinished', results: { assigned: 5, unknown: 1 } });
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('rows that no run took', () => {
  const interrupted: JournalRecord = { kind: 'end', atMs: 9000, reason: 'interrupted', message: null };
  const retries = () => run(1, [grantRecord(0, 0), outcomeRecord(0, times(1)), completed]);

  it('are left by the run that was stopped, though the last one did all it was to do', async () => {
    const stopped = run(0, [grantRecord(0, 1), outcomeRecord(0, refused), outcomeRecord(1), interrupted]);
    const { summary } = await mergeResults([stopped, retries()], outFolder());
    expect(summary).toMatchObject({
      verdict: 'stopped',
      end: { reason: 'interrupted' },
      results: { 'not-started': 4 },
    });
  });

  it('are not looked for in a fleet of which all runs took a part only', async () => {
    const part = run(0, [grantRecord(0, 1), outcomeRecord(0, refused), outcomeRecord(1), limit]);
    const { summary } = await mergeResults([part, retries()], outFolder());
    expect(summary).toMatchObject({ verdict: 'part-assigned', results: { assigned: 2, 'not-started': 4 } });
  });

  it('keep everything from being written when a run was killed that may still be resumed', async () => {
    const killed = run(0, [grantRecord(0, 1), outcomeRecord(0, refused), outcomeRecord(1)]);
    const out = outFolder();
    expect((await mergeResults([killed, retries()], out)).summary.verdict).toBe('unfinished');
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('runs that are refused', () => {
  const fleet = (changes: Partial<SessionRecord['fleet']>): Partial<SessionRecord> => ({
    fleet: { ...sessionOf(6).fleet, ...changes },
  });
  const target = sessionOf(6).target;
  const first = run(0, [completed]);

  it.each<[string, Partial<SessionRecord>, string]>([
    [
      'another fleet',
      fleet({ digest: 'cd'.repeat(32) }),
      'used a different fleet from the run before it: SHA-256 cdcd',
    ],
    ['other rows of it', fleet({ rows: 5 }), 'interprets the rows or columns of the fleet differently'],
    [
      'other columns of it',
      fleet({ otherColumns: ['Place'] }),
      'interprets the rows or columns of the fleet differently',
    ],
    ['another ID scope', { target: { ...target, idScope: '0ne00222222' } }, 'has a different target from'],
    ['the service, not the emulator', { target: { ...target, kind: 'service' } }, 'has a different target from'],
    ['other rounds', { rounds: 2 }, 'has 2 rounds, but'],
  ])('of %s', async (_, session, message) => {
    const other = run(1, [completed], session, session.fleet?.rows);
    const out = outFolder();
    const failure = await mergeResults([first, other], out).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperatorError);
    expect(failure).toMatchObject({ kind: 'usage', message: expect.stringContaining(`${other}: ${message}`) });
    expect(readdirSync(out)).toEqual([]);
  });

  it('with every reason at once', async () => {
    const others = [
      run(1, [completed], { rounds: 3, ...fleet({ digest: 'ef'.repeat(32) }) }),
      run(2, [completed], { rounds: 2 }),
    ];
    const failure = await mergeResults([first, ...others], outFolder()).catch((error: unknown) => error);
    expect((failure as OperatorError).problems).toHaveLength(3);
  });

  it('when one is named twice, also as a copy', async () => {
    const copy = run(0, [completed]);
    await expect(mergeResults([first, first], outFolder())).rejects.toThrow('is the same run as');
    await expect(mergeResults([first, copy], outFolder())).rejects.toThrow('is the same run as');
  });

  it('when one has no journal, or an empty one', async () => {
    const empty = outFolder();
    await expect(mergeResults([first, empty], outFolder())).rejects.toThrow('no journal found');
    writeFileSync(join(empty, 'journal.ndjson'), '{"kind":"sess');
    await expect(mergeResults([first, empty], outFolder())).rejects.toThrow('the journal is empty');
  });

  it('into the folder of a run', async () => {
    const [canary, main] = threeRuns();
    const before = readFileSync(join(main, 'journal.ndjson'));
    await expect(mergeResults([canary, main], main)).rejects.toThrow('is the folder of a run');
    expect(folderBytes(main)).toEqual(new Map([['journal.ndjson', before]]));
  });
});

it('warns when versions or credentials differ, and merges nevertheless', async () => {
  const [canary, main] = threeRuns();
  const retries = run(4, [grantRecord(3, 3), outcomeRecord(3, times(4)), completed], {
    dpsloadVersion: '0.2.0',
    apiVersion: '2025-07-01-preview',
    attestation: 'device-key',
  });
  const { summary } = await mergeResults([canary, main, retries], outFolder());
  expect(summary.results.assigned).toBe(5);
  expect(summary.warnings).toEqual([
    `${retries} used dpsload version 0.2.0, but ${canary} used 0.1.0`,
    `${retries} used API version 2025-07-01-preview, but ${canary} used 2021-06-01`,
    `${retries} used attestation device-key, but ${canary} used group-key`,
  ]);
});
