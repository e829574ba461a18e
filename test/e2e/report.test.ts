import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { lockRunFolder } from '../../src/run-folder/run-lock.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { folderBytes } from '../support/results.ts';
import { sampleJournal, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

/** User ID of one who may do little. */
const NOBODY = 65_534;

function runFolder(records: readonly JournalRecord[], torn = ''): string {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records, torn);
  return folder;
}

/** A summary without the digest of a file that was written. */
const unvouched = (text: string): string => text.replace(/^ +[0-9a-f]{64} {2}registrations\.csv\n/m, '');

describe('dpsload report', () => {
  it('makes the same bytes wherever it runs', async () => {
    const folder = runFolder(sampleJournal(200, 21));
    const places = [
      { TZ: 'UTC', LANG: 'C', LC_ALL: 'C' },
      { TZ: 'Asia/Kathmandu', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', COLUMNS: '40' },
    ];
    const made = [];
    for (const env of places) {
      const { code, stdout, stderr } = await dpsload(['report', folder], { env });
      made.push({ code, stdout, stderr, files: folderBytes(folder) });
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[0]).toMatchObject({ code: 0, stderr: expect.stringMatching(/^SHA256SUMS: [0-9a-f]{64}\n$/) });
    expect(made[0]?.stdout).toMatch(/^target {6}EMULATOR, ID scope 0ne00111111\nverdict/);
  });

  it('prints summary.json, exactly, with --format json', async () => {
    const folder = runFolder(sampleJournal(20, 22));
    const { stdout } = await dpsload(['report', folder, '--format', 'json']);
    expect(stdout).toBe(folderBytes(folder).get('summary.json')?.toString());
  });

  it('prints report.html, exactly, with --format html', async () => {
    const folder = runFolder(sampleJournal(20, 25));
    const { stdout } = await dpsload(['report', folder, '--format', 'html']);
    expect(stdout).toBe(folderBytes(folder).get('report.html')?.toString());
  });

  it('of a killed run prints what is known, and writes nothing', async () => {
    const folder = runFolder(sampleJournal(20, 23).slice(0, 12), '{"kind":"out');
    const { code, stdout } = await dpsload(['report', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('not finished');
    expect([...folderBytes(folder).keys()]).toEqual(['journal.ndjson']);
  });

  it('prints what is known and writes nothing while another dpsload works in the folder', async () => {
    const folder = runFolder(sampleJournal(20, 28));
    const unlock = lockRunFolder(folder);
    const held = [...folderBytes(folder).keys()];
    const locked = await dpsload(['report', folder]);
    expect([...folderBytes(folder).keys()]).toEqual(held);
    unlock();
    expect(locked.stderr).toContain(`nothing is written: ${folder}: another dpsload is working in this folder`);
    const { code, stdout } = await dpsload(['report', folder]);
    expect(locked).toMatchObject({ code, stdout: unvouched(stdout) });
    expect([...folderBytes(folder).keys()]).toContain('summary.json');
  });

  it('prints what is known and writes nothing where it may not', async () => {
    const folder = runFolder(sampleJournal(20, 29));
    chmodSync(root, 0o755);
    chmodSync(folder, 0o555);
    // Root may write everywhere.
    const { code, stdout, stderr } = await dpsload(['report', folder], process.getuid?.() === 0 ? { uid: NOBODY } : {});
    chmodSync(folder, 0o755);
    expect(stderr).toMatch(/nothing is written: .*cannot be locked \(EACCES/);
    expect([...folderBytes(folder).keys()]).toEqual(['journal.ndjson']);
    expect(unvouched((await dpsload(['report', folder])).stdout)).toBe(stdout);
    expect(code).toBe(0);
  });

  it('made several times at once is whole', async () => {
    const folder = runFolder(sampleJournal(2_000, 30));
    const made = await Promise.all(Array.from({ length: 3 }, () => dpsload(['report', folder])));
    expect(made.map(({ code }) => code)).toEqual(made.map(() => 0));
    expect([...folderBytes(folder).keys()].filter((name) => /tmp|lock/.test(name))).toEqual([]);
    const { stdout } = await dpsload(['report', folder]);
    expect(made.map((one) => unvouched(one.stdout))).toEqual(made.map(() => unvouched(stdout)));
  });

  it('does not merge into a folder in which another dpsload works', async () => {
    const folder = runFolder(sampleJournal(20, 31));
    const out = mkdtempSync(join(root, 'out-'));
    const unlock = lockRunFolder(out);
    const { code, stderr } = await dpsload(['report', folder, '--out', out]);
    unlock();
    expect([code, [...folderBytes(out).keys()]]).toEqual([1, []]);
    expect(stderr).toContain(`${out}: another dpsload is working in this folder`);
  });

  it('merges several runs under --out, and prints their summary', async () => {
    const folder = runFolder(sampleJournal(20, 26));
    const records = sampleJournal(20, 27).slice(1);
    const later = runFolder([{ ...sessionOf(20), startedAtEpochMs: Date.UTC(2026, 0, 3) }, ...records]);
    const out = join(root, 'final', 'files');
    const { code, stdout } = await dpsload(['report', later, folder, '--out', out, '--format', 'json']);
    expect(code).toBe(0);
    expect(stdout).toBe(folderBytes(out).get('summary.json')?.toString());
    expect(JSON.parse(stdout)).toMatchObject({ mergedRuns: [basename(folder), basename(later)] });
    expect([...folderBytes(folder).keys(), ...folderBytes(later).keys()]).toEqual(['journal.ndjson', 'journal.ndjson']);
  });

  const damaged = runFolder(sampleJournal(20, 24));
  writeFileSync(join(damaged, 'journal.ndjson'), '{"kind":"session","version":9}\n');

  it.each([
    ['a journal of another version', [damaged], 1, 'journal.ndjson:1: the line at byte 0 has journal version 9'],
    ['a format that is none', [damaged, '--format', 'xml'], 2, 'text, json, html'],
  ])('refuses %s', async (_, args, exitCode, message) => {
    const { code, stdout, stderr } = await dpsload(['report', ...args]);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([exitCode, '']);
  });
});
