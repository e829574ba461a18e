import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import type { RunComparison } from '../../src/report/compare-runs.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { readResultRows } from '../support/results.ts';
import { HUBS, sampleJournal, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

async function runFolder(records: readonly JournalRecord[]): Promise<string> {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records);
  await writeResults(folder, { fleet: null });
  return folder;
}

/** Every device of the first hub moved to the second, and all took a second more. */
const changed = (records: readonly JournalRecord[]): JournalRecord[] =>
  records.map((record) => {
    if (record.kind !== 'outcome') return record;
    const assignedHub = record.assignedHub === HUBS[0] ? HUBS[1] : record.assignedHub;
    return { ...record, assignedHub, finishedAtMs: Number(record.finishedAtMs) + 1_000 };
  });

describe('dpsload compare', () => {
  const journal = sampleJournal(2_000, 41);
  const moved = journal.filter((record) => record.kind === 'outcome' && record.assignedHub === HUBS[0]).length;
  let [before, same, after, other] = ['', '', '', ''];
  beforeAll(async () => {
    [before, same, after] = [await runFolder(journal), await runFolder(journal), await runFolder(changed(journal))];
    other = await runFolder(sampleJournal(200, 42));
  });

  it('finds no regression in the same run', async () => {
    const { code, stdout, stderr } = await dpsload(['compare', before, same, '--by-device']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^(no regression \(tolerance 10%\)|inconclusive: .*)\n/);
    expect(stdout).toMatch(/moved to another hub +0\n/);
  });

  it('finds the one that is worse, and ends with 99', async () => {
    const { code, stdout } = await dpsload(['compare', before, same, after, '--by-device', '--format', 'json']);
    const { figures, devices } = JSON.parse(stdout) as RunComparison;
    expect(code).toBe(99);
    expect(figures.find(({ name }) => name === 'service p50')?.regressed).toEqual([false, false, true]);
    expect(figures.find(({ name }) => name === HUBS[0])?.regressed).toEqual([false, false, true]);
    expect(devices?.map(({ changes }) => changes.movedHub)).toEqual([0, moved]);
    expect(devices?.map(({ slower, faster }) => [slower > 200, faster])).toEqual([
      [false, 0],
      [true, 0],
    ]);
  });

  it('writes who moved, from where to where', async () => {
    const moves = join(root, 'moves.csv');
    const { code, stdout } = await dpsload(['compare', before, after, '--moves', moves]);
    expect([code, stdout.includes('expected to move')]).toEqual([99, true]);
    const rows = readResultRows(moves).filter((row) => row['change'] === 'moved');
    expect(rows).toHaveLength(moved);
    expect(rows[0]).toMatchObject({ hub_before: HUBS[0], hub: HUBS[1], device_id_changed: 'false' });
    expect((await dpsload(['compare', before, same, after, '--moves', moves])).code).toBe(2);
  });

  it('refuses a file of moves that is there, or has no folder, before it compares', async () => {
    const kept = join(root, 'kept.csv');
    writeFileSync(kept, 'mine\n');
    for (const [file, message] of [
      [kept, 'kept.csv: already exists. Name a new file'],
      [join(root, 'no', 'moves.csv'), 'cannot be written (ENOENT). Check the folder'],
    ] as const) {
      const { code, stdout, stderr } = await dpsload(['compare', before, after, '--moves', file]);
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
    }
    expect(readFileSync(kept, 'utf8')).toBe('mine\n');
  });

  it('takes the tolerance that it is told', async () => {
    expect((await dpsload(['compare', before, after, '--tolerance', '1000%'])).code).toBe(0);
  });

  it.each<[string, () => string[], string]>([
    ['one run alone', () => [before], 'there is only one run'],
    ['other devices one by one', () => [before, other, '--by-device'], 'does not have the same devices'],
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await dpsload(['compare', ...args()]);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, '']);
  });
});
