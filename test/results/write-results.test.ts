import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it, vi } from 'vitest';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { JournalRecord, OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { dataSha256 } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { holdsResults, withdrawResults } from '../../src/results/result-files.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { checkChecksums } from '../../src/run-folder/checksums.ts';
import { folderBytes } from '../support/results.ts';
import {
  grantRecord,
  HUBS,
  notAssigned,
  outcomeRecord,
  sampleJournal,
  sampleRecord,
  sessionOf,
  writeJournal,
} from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RESULT_FILES = [
  'SHA256SUMS',
  'failures.csv',
  'latency.hlog',
  'moves.csv',
  'not-registered.csv',
  'registrations.csv',
  'report.html',
  'series.csv',
  'summary.json',
  'wrong-hub.csv',
];

/** Of a run that lists what it leaves behind. */
const listing = (record: JournalRecord): JournalRecord =>
  record.kind === 'session' ? { ...record, listsLeftBehind: true } : record;

const root = temporaryFolder();

function runFolder(records: readonly JournalRecord[], torn = ''): string {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records, torn);
  return folder;
}

/** Ten devices, with a column that dpsload does not know. */
const fleetText = `registration_id,Site\n${Array.from({ length: 10 }, (_, row) => `dev-${row},site-${row}\n`).join('')}`;
const fleet: FleetFile = { file: join(root, 'fleet.csv'), delimiter: ',', header: true, columns: {} };
writeFileSync(fleet.file, fleetText);

function fleetSession(changes: Partial<SessionRecord> = {}): SessionRecord {
  const digest = createHash('sha256').update(fleetText).digest('hex');
  return sessionOf(10, {
    fleet: { file: 'fleet.csv', digest, bytes: 200, rows: 10, rejectedRows: 0, otherColumns: ['Site'] },
    ...changes,
  });
}

type Row = Readonly<Record<string, string>>;
const rowsOf = (folder: string): Row[] =>
  parse(readFileSync(join(folder, 'registrations.csv'), 'utf8'), { columns: true });

const completed: JournalRecord = { kind: 'end', atMs: 9000, reason: 'completed', message: null };
const interrupted: JournalRecord = { kind: 'end', atMs: 9000, reason: 'interrupted', message: null };

describe('the results of a run', () => {
  it('have every registration once, in the order of the fleet, and add up', async () => {
    const journal = sampleJournal(500, 11);
    const folder = runFolder(journal);
    const summary = await writeResults(folder, { fleet: null });
    const outcomes = journal.filter((record): record is OutcomeRecord => record.kind === 'outcome');
    const rows = rowsOf(folder);
    expect(rows.map((row) => row['registration_id'])).toEqual(
      outcomes.toSorted((a, b) => a.row - b.row).map(({ registrationId }) => registrationId),
    );
    const count = (result: string): number => outcomes.filter((outcome) => outcome.result === result).length;
    for (const [result, number] of Object.entries(summary.results)) {
      expect(number).toBe(count(result));
      expect(rows.filter((row) => row['result'] === result)).toHaveLength(number);
    }
    expect(summary.verdict).toBe('some-failed');
    expect(summary.latency.service?.count).toBe(count('assigned'));
    expect(summary.hubs.reduce((sum, hub) => sum + hub.count, 0)).toBe(count('assigned'));
    const failures: Row[] = parse(readFileSync(join(folder, 'failures.csv'), 'utf8'), { columns: true });
    expect(failures.map((row) => row['registration_id'])).toEqual(
      rows.filter((row) => row['result'] !== 'assigned').map((row) => row['registration_id']),
    );
    expect(JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'))).toEqual(summary);
  });

  it('are the same bytes when made again, and for their owner alone', async () => {
    const folder = runFolder(sampleJournal(300, 12));
    const contents = () => RESULT_FILES.map((file) => readFileSync(join(folder, file), 'utf8'));
    const summary = await writeResults(folder, { fleet: null });
    const first = contents();
    expect(await writeResults(folder, { fleet: null })).toEqual(summary);
    expect(contents()).toEqual(first);
    expect(readdirSync(folder).sort()).toEqual([...RESULT_FILES, 'journal.ndjson'].sort());
    expect(RESULT_FILES.map((file) => statSync(join(folder, file)).mode & 0o777)).toEqual(
      RESULT_FILES.map(() => 0o600),
    );
  });

  it('are vouched for by the digests in the summary, and by those that it prints', async () => {
    const folder = runFolder(sampleJournal(300, 12));
    const summary = await writeResults(folder, { fleet: null });
    const sha256 = (file: string) =>
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
    const names = RESULT_FILES.filter((file) => !['SHA256SUMS', 'summary.json', 'report.html'].includes(file));
    expect(summary.files?.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual(
      names.map((name) => ({ name, sha256: sha256(name) })),
    );
    expect(summaryText(summary)).toContain(`${sha256('registrations.csv')}  registrations.csv\n`);
  });

  it('are listed in SHA256SUMS with the journal; the report shows what stands for the journal and the data', async () => {
    const folder = runFolder(sampleJournal(300, 12));
    const summary = await writeResults(folder, { fleet: null });
    const listed = await checkChecksums(folder);
    const others = RESULT_FILES.filter((name) => name !== 'SHA256SUMS');
    expect(listed.map(({ name }) => name)).toEqual([...others, 'journal.ndjson'].sort());
    const lines = readFileSync(join(folder, 'SHA256SUMS'), 'utf8').match(/.*\n/g) ?? [];
    const data = lines.filter((line) => !/ {2}(summary\.json|report\.html)$/m.test(line)).join('');
    const sha256 = createHash('sha256').update(data).digest('hex');
    expect(dataSha256(summary)).toBe(sha256);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(sha256);
  });

  it('stand beside a summary.json of the same making, or of none', async () => {
    const folder = runFolder(sampleJournal(50, 6));
    await writeResults(folder, { fleet: null });
    // The folder's files are replaced one by one; here the disk fails between two of them.
    rmSync(join(folder, 'report.html'));
    mkdirSync(join(folder, 'report.html', 'in-the-way'), { recursive: true });
    await expect(writeResults(folder, { fleet: null })).rejects.toThrow('the results cannot be written');
    expect(readdirSync(folder)).not.toContain('summary.json');
  });

  it('leave out the hubs of devices whose second round did not end', async () => {
    const cancelled = outcomeRecord(1, notAssigned({ round: 2, result: 'cancelled' }));
    const first = [outcomeRecord(0), outcomeRecord(1)];
    const second = [grantRecord(0, 1, { round: 2 }), cancelled];
    const folder = runFolder([sessionOf(2, { rounds: 2 }), grantRecord(0, 1), ...first, ...second, interrupted]);
    const summary = await writeResults(folder, { fleet: null });
    expect(summary).toMatchObject({ results: { assigned: 2, cancelled: 1, unknown: 1 }, movement: null });
    expect(readFileSync(join(folder, 'moves.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(1);
  });

  it.each([
    ['EROFS', /report --out DIR, or make the folder writable/],
    ['EACCES', /report --out DIR, or make the folder writable/],
    ['ENOSPC', /Free disk space/],
  ])('that cannot be written for %s come with a remedy that helps', async (code, remedy) => {
    const folder = runFolder(sampleJournal(5, 6));
    const handle = await open(join(folder, 'journal.ndjson'));
    const failing = vi
      .spyOn(Object.getPrototypeOf(handle) as FileHandle, 'appendFile')
      .mockRejectedValue(Object.assign(new Error(code), { code, syscall: 'write' }));
    await handle.close();
    await expect(writeResults(folder, { fleet: null }).finally(() => failing.mockRestore())).rejects.toThrow(remedy);
  });

  it('are all withdrawn when the run goes on, and nothing else is', async () => {
    const folder = runFolder(sampleJournal(50, 6).map(listing));
    await writeResults(folder, { fleet: null });
    writeFileSync(join(folder, 'rejected-rows.csv'), 'line,reason\n');
    expect([holdsResults(folder), readdirSync(folder).length]).toEqual([true, RESULT_FILES.length + 3]);
    await withdrawResults(folder);
    expect(readdirSync(folder)).toEqual(['journal.ndjson', 'rejected-rows.csv']);
    expect(holdsResults(folder)).toBe(false);
  });

  it('name rows that were never sent, or perhaps sent, from the fleet', async () => {
    const folder = runFolder([fleetSession(), grantRecord(0, 4), outcomeRecord(0), outcomeRecord(3), interrupted]);
    const summary = await writeResults(folder, { fleet });
    expect(
      rowsOf(folder).map((row) => [row['registration_id'], row['result'], row['possibly_twice'], row['Site']]),
    ).toEqual([
      ['dev-000000', 'assigned', 'false', 'site 0'],
      ['dev-1', 'unknown', 'true', 'site-1'],
      ['dev-2', 'unknown', 'true', 'site-2'],
      ['dev-000003', 'assigned', 'false', 'site 0'],
      ['dev-4', 'unknown', 'true', 'site-4'],
      ...[5, 6, 7, 8, 9].map((row) => [`dev-${row}`, 'not-started', 'false', `site-${row}`]),
    ]);
    expect(summary).toMatchObject({
      verdict: 'stopped',
      results: { assigned: 2, unknown: 3, 'not-started': 5 },
      possiblyTwice: 3,
      warnings: [],
    });
  });

  it.each([
    ['is not known', null],
    ['is not there', { ...fleet, file: join(root, 'gone.csv') }],
    ['was changed', { ...fleet, file: join(root, 'changed.csv') }],
  ])('say so when the fleet %s', async (_, fleetFile) => {
    writeFileSync(join(root, 'changed.csv'), fleetText.replace('site-1', 'site-one'));
    const folder = runFolder([fleetSession(), grantRecord(0, 0), outcomeRecord(0), interrupted]);
    const summary = await writeResults(folder, { fleet: fleetFile });
    expect(rowsOf(folder).map((row) => row['registration_id'])).toEqual(['dev-000000', ...Array(9).fill('')]);
    expect(summary.results['not-started']).toBe(9);
    expect(summary.warnings).toEqual([
      expect.stringContaining('neither a registration ID nor columns: fleet.csv is missing or was changed'),
    ]);
  });

  it.each([
    ['is not there', null],
    ['was changed', 'line,reason\n'],
    ['is no CSV', 'line,reason\n"'],
  ])('say so when the list of rows that were left out %s', async (_, text) => {
    const session = fleetSession();
    const skipped = { ...session, fleet: { ...session.fleet, rejectedRows: 1 } };
    const folder = runFolder([skipped, grantRecord(0, 0), outcomeRecord(0), interrupted]);
    const file = join(folder, 'rejected-rows.csv');
    if (text !== null) writeFileSync(file, text);
    const { warnings } = await writeResults(folder, { fleet });
    expect(warnings).toEqual([
      expect.stringContaining(`nor columns: ${file} is missing or was changed`),
      expect.stringContaining('not in not-registered.csv: rejected-rows.csv is missing or was changed'),
    ]);
  });

  it('do not need the fleet when every row is settled', async () => {
    const folder = runFolder(sampleJournal(10, 1));
    const summary = await writeResults(folder, { fleet: { ...fleet, file: join(root, 'gone.csv') } });
    expect(summary.warnings).toEqual([]);
  });
});

describe('a run of several sessions', () => {
  const second = fleetSession({ session: 2, startedAtEpochMs: Date.UTC(2026, 0, 3) });

  it('counts the last outcome of a row, and marks what was released again', async () => {
    const folder = runFolder([
      fleetSession(),
      grantRecord(0, 9),
      outcomeRecord(0),
      outcomeRecord(1, notAssigned({ result: 'failed', errorCode: '404201', registersSent: 2 })),
      outcomeRecord(2, notAssigned({ result: 'not-started', startedAtMs: null, finishedAtMs: null, registersSent: 0 })),
      // Killed here: rows 3 to 9 are open.
      second,
      grantRecord(1, 9),
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((row) => outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 1000 })),
      completed,
    ]);
    const summary = await writeResults(folder, { fleet: null });
    const rows = rowsOf(folder);
    expect(rows.map((row) => row['result'])).toEqual(Array(10).fill('assigned'));
    expect(rows.map((row) => row['possibly_twice'])).toEqual([...Array(3).fill('false'), ...Array(7).fill('true')]);
    expect([rows[0]?.['finished_at'], rows[1]?.['finished_at']]).toEqual([
      '2026-01-02T03:04:08.888Z',
      '2026-01-03T00:00:01.000Z',
    ]);
    expect(summary).toMatchObject({
      verdict: 'all-assigned',
      results: { assigned: 10, failed: 0 },
      possiblyTwice: 7,
      // Also of outcomes that were replaced.
      requests: { registersSent: 12 },
    });
    expect(summary.sessions.map(({ session }) => session)).toEqual([1, 2]);
  });

  it('keeps its times true where the wall clock moved while it went on', async () => {
    const hourMs = 3_600_000;
    const times = { startedAtMs: 0, finishedAtMs: 1_000 };
    const folder = runFolder([
      second,
      grantRecord(0, 9),
      outcomeRecord(0, times),
      sampleRecord(1_000, { epochAtZeroMs: second.startedAtEpochMs + hourMs }),
      outcomeRecord(1, { startedAtMs: 1_500, finishedAtMs: 2_000 }),
      completed,
    ]);
    await writeResults(folder, { fleet });
    const finished = rowsOf(folder).map((row) => row['finished_at']);
    expect(finished.slice(0, 2)).toEqual(['2026-01-03T00:00:01.000Z', '2026-01-03T01:00:02.000Z']);
  });

  it('is unfinished until its last session ends', async () => {
    const folder = runFolder([fleetSession(), grantRecord(0, 0), outcomeRecord(0), interrupted, second]);
    expect((await writeResults(folder, { fleet })).verdict).toBe('unfinished');
  });

  it('is refused when a session is of another fleet', async () => {
    const folder = runFolder([fleetSession(), sessionOf(11, { session: 2 })]);
    await expect(writeResults(folder, { fleet })).rejects.toThrow(/journal\.ndjson:2: .* belongs to a different fleet/);
  });
});

describe('verdicts', () => {
  const limit: JournalRecord = { kind: 'end', atMs: 1, reason: 'limit', message: null };
  const all = Array.from({ length: 10 }, (_, row) => outcomeRecord(row));
  const failed = outcomeRecord(9, notAssigned({ result: 'refused' }));
  const cancelled = outcomeRecord(9, notAssigned({ result: 'cancelled' }));

  it.each<[string, JournalRecord[], string]>([
    ['every row assigned', [...all, completed], 'all-assigned'],
    ['assigned up to the limit', [...all.slice(0, 3), limit], 'part-assigned'],
    ['one refused', [...all.slice(0, 9), failed, completed], 'some-failed'],
    ['one cancelled', [...all.slice(0, 9), cancelled, completed], 'stopped'],
    ['stopped by a signal', [...all, interrupted], 'stopped'],
    ['no end', all, 'unfinished'],
  ])('%s', async (_, records, verdict) => {
    const folder = runFolder([fleetSession(), grantRecord(0, 0), ...records]);
    expect((await writeResults(folder, { fleet })).verdict).toBe(verdict);
  });
});

describe('nothing is written', () => {
  it('while the journal has no end; what is known is told', async () => {
    const folder = runFolder(sampleJournal(50, 5).slice(0, 40), '{"kind":"outco');
    const summary = await writeResults(folder, { fleet: null });
    expect(readdirSync(folder)).toEqual(['journal.ndjson']);
    expect(summary.verdict).toBe('unfinished');
    expect(summary.files).toBeNull();
    expect(summary.end).toBeNull();
    expect(summary.results['unknown']).toBe(12);
    expect(summary.warnings).toEqual(['the last line of the journal is incomplete and was ignored']);
  });

  it('when one of the files cannot be: earlier results stay', async () => {
    const folder = runFolder(sampleJournal(50, 6));
    await writeResults(folder, { fleet: null });
    const before = readFileSync(join(folder, 'registrations.csv'), 'utf8');
    // As a session does before it writes.
    rmSync(join(folder, 'SHA256SUMS'));
    writeJournal(join(folder, 'journal.ndjson'), sampleJournal(50, 7));
    mkdirSync(join(folder, 'latency.hlog.tmp'));
    const failure = await writeResults(folder, { fleet: null }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperatorError);
    expect(failure).toMatchObject({ kind: 'local', message: expect.stringContaining('the journal is complete') });
    expect(readFileSync(join(folder, 'registrations.csv'), 'utf8')).toBe(before);
    expect(readdirSync(folder).filter((file) => file.endsWith('.tmp'))).toEqual(['latency.hlog.tmp']);
  });

  it('when the journal was changed after the run, though by one hub name', async () => {
    const folder = runFolder(sampleJournal(50, 6));
    await writeResults(folder, { fleet: null });
    const file = join(folder, 'journal.ndjson');
    const before = folderBytes(folder);
    writeFileSync(file, readFileSync(file, 'utf8').replace(HUBS[1], HUBS[2]));
    await expect(writeResults(folder, { fleet: null })).rejects.toMatchObject({
      kind: 'local',
      problems: [{ file, message: expect.stringContaining('was changed after the run') }],
    });
    writeFileSync(file, before.get('journal.ndjson') ?? '');
    expect(folderBytes(folder)).toEqual(before);
    await writeResults(folder, { fleet: null });
    expect(folderBytes(folder)).toEqual(before);
  });

  it.each<[string, JournalRecord[], string]>([
    ['an empty journal', [], 'the journal is empty'],
    ['a row that the fleet does not have', [sessionOf(1), outcomeRecord(1)], 'names row 1 of round 1'],
  ])('of %s', async (_, records, message) => {
    const folder = runFolder(records);
    await expect(writeResults(folder, { fleet: null })).rejects.toThrow(message);
    await expect(writeResults(folder, { fleet: null })).rejects.toThrow(OperatorError);
    expect(readdirSync(folder)).toEqual(['journal.ndjson']);
  });
});

it('judges the hubs that rows expect', async () => {
  const outcomes = Array.from({ length: 10 }, (_, row) => outcomeRecord(row, { expectedHub: HUBS[0] }));
  const folder = runFolder([sessionOf(10), grantRecord(0, 9), ...outcomes, completed]);
  const summary = await writeResults(folder, { fleet: null });
  expect(summary.expectedHubs).toEqual({ asExpected: 4, elsewhere: 6 });
  expect(rowsOf(folder).map((row) => row['hub_ok'])).toEqual(outcomes.map(({ row }) => String(row % 3 === 0)));
});
