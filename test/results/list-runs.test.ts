import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EndReason, JournalRecord } from '../../src/journal/journal-record.ts';
import { type ListedRun, listRuns } from '../../src/results/list-runs.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { checksumsSha256 } from '../../src/run-folder/checksums.ts';
import { lockRunFolder } from '../../src/run-folder/run-lock.ts';
import { grantRecord, notAssigned, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

const runFile = (rows: number, changes: object = {}): string =>
  JSON.stringify({
    version: 1,
    startedAt: '2026-01-02T03:04:05.678Z',
    target: { kind: 'emulator', host: '127.0.0.1', port: 8883, idScope: '0ne00111111' },
    fleet: { file: 'data/fleet.csv', digest: 'ab', bytes: 200, rows, rejectedRows: 0, otherColumns: [] },
    settings: { name: 'line 4', notes: { operator: 'Kim', order: 4711 } },
    ...changes,
  });

const end = (reason: EndReason): JournalRecord => ({ kind: 'end', atMs: 9000, reason, message: null });
const failed = outcomeRecord(1, notAssigned({ result: 'refused', errorCode: '401000' }));
const two = [sessionOf(2), grantRecord(0, 1)];

function runIn(out: string, records: readonly JournalRecord[], changes: object = {}, name = 'run', torn = ''): string {
  const folder = join(out, name);
  mkdirSync(folder);
  writeJournal(join(folder, 'journal.ndjson'), records, torn);
  writeFileSync(join(folder, 'run.json'), runFile(2, changes));
  return folder;
}

async function listed(records: readonly JournalRecord[], torn = ''): Promise<ListedRun | undefined> {
  const out = mkdtempSync(join(root, 'out-'));
  const folder = runIn(out, records, {}, 'run', torn);
  await writeResults(folder, { fleet: null }).catch(() => null);
  return (await listRuns(out))[0];
}

describe('the list of runs', () => {
  it.each<readonly [string, readonly JournalRecord[], string, Partial<ListedRun>]>([
    [
      'that assigned all',
      [...two, outcomeRecord(0), outcomeRecord(1), end('completed')],
      '',
      { state: 'finished', end: 'completed', devices: 'all 2 devices assigned', assigned: 2, failed: 0, left: 0 },
    ],
    [
      'in which some failed',
      [...two, outcomeRecord(0), failed, end('completed')],
      '',
      { state: 'finished', assigned: 1, failed: 1, left: 0 },
    ],
    [
      'that reached its limit',
      [sessionOf(2), grantRecord(0, 0), outcomeRecord(0), end('limit')],
      '',
      { state: 'finished', end: 'limit', devices: '1 of 2 devices assigned; 1 not selected', assigned: 1, left: 0 },
    ],
    [
      'of several rounds by its devices',
      [
        sessionOf(1, { rounds: 2 }),
        grantRecord(0, 0),
        outcomeRecord(0),
        outcomeRecord(0, { round: 2 }),
        end('completed'),
      ],
      '',
      { state: 'finished', devices: '1 of 1 device assigned', assigned: 2 },
    ],
    [
      'that was stopped',
      [...two, outcomeRecord(0), end('interrupted')],
      '',
      { state: 'stopped', end: 'interrupted', assigned: 1, left: 1 },
    ],
    [
      'that was stopped and had selected a part of the fleet',
      [
        sessionOf(10, { selectedRows: 3 }),
        { kind: 'selection', rows: [[0, 2]] },
        grantRecord(0, 0),
        outcomeRecord(0),
        end('interrupted'),
      ],
      '',
      { state: 'stopped', rows: 10, assigned: 1, left: 2 },
    ],
    [
      'that was killed',
      [...two, outcomeRecord(0)],
      '',
      { state: 'killed', end: null, assigned: null, checksumsSha256: null },
    ],
    ['that was killed within a line', [...two, outcomeRecord(0)], '{"kind":"end","atMs', { state: 'killed' }],
    [
      'that was killed within a later session',
      [...two, end('interrupted'), sessionOf(2, { session: 2 })],
      '',
      { state: 'killed' },
    ],
    ['that was killed before it wrote anything', [], '', { state: 'killed' }],
  ])('says what became of a run %s', async (_, records, torn, expected) => {
    const run = await listed(records, torn);
    expect(run).toMatchObject({
      name: 'line 4',
      fleet: 'fleet.csv',
      target: 'EMULATOR, ID scope 0ne00111111',
      startedAt: '2026-01-02T03:04:05.678Z',
      notes: { operator: 'Kim', order: '4711' },
      ...expected,
    });
    expect(run?.checksumsSha256).toBe(checksumsSha256(run?.folder ?? ''));
  });

  it('knows a stopped run by its journal when results are missing', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    runIn(out, [...two, outcomeRecord(0), end('outage')]);
    expect(await listRuns(out)).toMatchObject([{ state: 'stopped', end: 'outage', assigned: null }]);
  });

  it.each<readonly [string, (folder: string) => void, object]>([
    ['running while a process works there', (folder) => void lockRunFolder(folder), { state: 'running' }],
    [
      'unreadable without run.json',
      (folder) => rmSync(join(folder, 'run.json')),
      { state: 'unreadable', startedAt: null },
    ],
    [
      'unreadable with a damaged run.json',
      (folder) => writeFileSync(join(folder, 'run.json'), '{'),
      { state: 'unreadable' },
    ],
    ['unreadable without a journal', (folder) => rmSync(join(folder, 'journal.ndjson')), { state: 'unreadable' }],
    [
      'unreadable when the journal ends in nonsense',
      (folder) => writeFileSync(join(folder, 'journal.ndjson'), 'x\n'),
      { state: 'unreadable' },
    ],
  ])('gives a run the state %s', async (_, change, expected) => {
    const out = mkdtempSync(join(root, 'out-'));
    change(runIn(out, [...two, outcomeRecord(0), end('interrupted')]));
    expect(await listRuns(out)).toMatchObject([expected]);
  });

  it('does without a damaged summary.json', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const folder = runIn(out, [...two, outcomeRecord(0), end('interrupted')]);
    writeFileSync(join(folder, 'summary.json'), '{"schemaVersion":1}');
    const runs = await listRuns(out);
    rmSync(join(folder, 'summary.json'));
    expect(runs).toMatchObject([{ state: 'stopped', assigned: null }]);
  });

  it('has the newest first, and passes over what is not a run', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const started = ['2026-01-02', '2026-03-04', '2025-12-31'];
    for (const [place, day] of started.entries()) {
      runIn(out, [...two, end('completed')], { startedAt: `${day}T00:00:00.000Z` }, `run-${place}`);
    }
    mkdirSync(join(out, 'photos'));
    writeFileSync(join(out, 'note.txt'), '');
    expect((await listRuns(out)).map(({ startedAt }) => startedAt?.slice(0, 10))).toEqual(started.toSorted().reverse());
  });

  it('refuses a folder that does not exist', async () => {
    await expect(listRuns(join(root, 'none'))).rejects.toMatchObject({ kind: 'usage' });
  });

  it('reads only the tail of a journal', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const folder = runIn(out, []);
    const file = join(folder, 'journal.ndjson');
    // Nonsense before the end is not looked at.
    writeFileSync(file, `${'nonsense\n'.repeat(20_000)}{"kind":"end","atMs":1,"reason":"completed"}\n`);
    expect(await listRuns(out)).toMatchObject([{ state: 'finished' }]);
    writeFileSync(file, `${'x'.repeat(200_000)}\n`);
    expect(await listRuns(out)).toMatchObject([{ state: 'killed' }]);
  });
});
