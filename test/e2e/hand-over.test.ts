import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeChecksums } from '../../src/run-folder/checksums.ts';
import { dpsload, type Ended } from '../support/dpsload-program.ts';
import { folderBytes, onlyRunFolder } from '../support/results.ts';
import { HUBS, sampleJournal, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

const HAS_SHA256SUM = spawnSync('sha256sum', ['--version']).error === undefined || process.env['CI'] === 'true';

/** By coreutils; throws when a file differs. Returns the names. */
const sha256sum = (folder: string): readonly string[] =>
  execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/: OK$/, ''));

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const printedBy = ({ stdout, stderr }: Ended): string | undefined =>
  /^SHA256SUMS: ([0-9a-f]{64})$/m.exec(stdout + stderr)?.[1];

describe.skipIf(!HAS_SHA256SUM).concurrent('the hand-over of a run (needs sha256sum)', () => {
  it('is checked by sha256sum after run, resume and report, and named by what they print', async () => {
    const out = join(mkdtempSync(join(root, 'out-')), 'results');
    const fleet = join(root, 'fleet.csv');
    writeFileSync(fleet, `registration_id\n${Array.from({ length: 40 }, (_, row) => `dev-${row}\n`).join('')}dev 41\n`);
    const args = ['run', fleet, '--emulator', '--on-bad-row', 'skip', '--limit', '20', '--out', out];
    const run = await dpsload([...args, '--note', 'order=4711', '--note', 'operator=Kim Lee']);
    const folder = onlyRunFolder(out);
    const seen: string[] = [];
    const check = (ended: Ended): void => {
      const files = [...folderBytes(folder).keys()].filter((name) => name !== 'SHA256SUMS');
      expect(sha256sum(folder)).toEqual(files.sort());
      expect(files).toEqual(expect.arrayContaining(['journal.ndjson', 'run.json', 'report.html', 'rejected-rows.csv']));
      const digest = sha256(readFileSync(join(folder, 'SHA256SUMS')));
      expect(printedBy(ended)).toBe(digest);
      seen.push(digest);
    };
    check(run);
    check(await dpsload(['report', folder]));
    check(await dpsload(['resume', folder, '--limit', '40', '--note', 'operator=Ada']));
    check(await dpsload(['report', folder]));
    expect([seen[0] === seen[1], seen[1] === seen[2], seen[2] === seen[3]]).toEqual([true, false, true]);

    const journal = join(folder, 'journal.ndjson');
    const text = readFileSync(journal, 'utf8');
    writeFileSync(journal, text.replace('"assigned"', '"refused"'));
    const refused = await dpsload(['resume', folder]);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('journal.ndjson: was changed after the run');
    writeFileSync(journal, text);

    const checked = await dpsload(['report', '--check', folder]);
    expect(checked.code).toBe(0);
    expect(printedBy(checked)).toBe(seen[3]);
    const data = /as report\.html shows\): ([0-9a-f]{64})$/m.exec(checked.stdout)?.[1] ?? 'none';
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(data);

    const { stdout } = await dpsload(['runs', out, '--json']);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        folder,
        state: 'finished',
        rows: 40,
        rejectedRows: 1,
        assigned: 40,
        notes: { order: '4711', operator: 'Ada' },
        checksumsSha256: seen[3],
      },
    ]);
    // One row of the file was left out, so not all were assigned.
    const listed = await dpsload(['runs', out]);
    expect(listed.stdout).toMatch(
      /finished, 40 of 41 devices assigned; 1 row left out {2}order=4711, operator=Ada {2}[0-9a-f]{64}\n$/,
    );
    const { sessions, notes } = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'));
    expect(notes).toEqual({ order: '4711', operator: 'Ada' });
    expect(sessions.map((session: { notes: object }) => session.notes)).toEqual([
      { order: '4711', operator: 'Kim Lee' },
      { order: '4711', operator: 'Ada' },
    ]);
    const page = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(page).toContain('<dt>order</dt><dd>4711</dd>');
    const junit = await dpsload(['report', folder, '--format', 'junit']);
    expect(junit.stdout).toContain('<property name="notes.operator" value="Ada"/>');
  });

  it('notices one changed hub name in the journal', async () => {
    const folder = mkdtempSync(join(root, 'run-'));
    const file = join(folder, 'journal.ndjson');
    writeJournal(file, sampleJournal(200, 21));
    await dpsload(['report', folder]);
    const before = folderBytes(folder);
    writeFileSync(file, readFileSync(file, 'utf8').replace(`"hub":"${HUBS[1]}"`, `"hub":"${HUBS[2]}"`));
    expect(() => sha256sum(folder)).toThrow();
    const checked = await dpsload(['report', '--check', folder]);
    expect([checked.code, checked.stdout]).toEqual([1, '']);
    expect(checked.stderr).toContain('journal.ndjson: differs');
    const report = await dpsload(['report', folder]);
    expect([report.code, report.stdout]).toEqual([1, '']);
    expect(report.stderr).toContain('journal.ndjson: was changed after the run');
    const after = folderBytes(folder);
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(after.get('SHA256SUMS')).toEqual(before.get('SHA256SUMS'));

    // Whoever makes the list again gives it another SHA-256, and contradicts summary.json.
    rmSync(join(folder, 'SHA256SUMS'));
    await writeChecksums(folder, []);
    const again = await dpsload(['report', '--check', folder]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('journal.ndjson: differs from the SHA-256 in summary.json');
  });

  it('covers merged results, but not what else their folder holds', async () => {
    const folders = [1, 2].map((month) => {
      const folder = mkdtempSync(join(root, 'run-'));
      const session = { ...sessionOf(20), startedAtEpochMs: Date.UTC(2026, month) };
      writeJournal(join(folder, 'journal.ndjson'), [session, ...sampleJournal(20, month).slice(1)]);
      return folder;
    });
    const out = mkdtempSync(join(root, 'out-'));
    writeFileSync(join(out, 'mine.txt'), '');
    const merged = await dpsload(['report', ...folders, '--out', out]);
    expect(merged.code).toBe(0);
    expect(sha256sum(out)).toEqual(
      [...folderBytes(out).keys()].filter((name) => !['SHA256SUMS', 'mine.txt'].includes(name)).sort(),
    );
    expect((await dpsload(['report', '--check', out])).code).toBe(0);
  });

  it('escapes names as sha256sum does', async () => {
    const folder = mkdtempSync(join(root, 'run-'));
    for (const name of ['journal.ndjson', 'a b', 'back\\slash', 'line\nfeed', 'return\rhere', '*star', 'ü']) {
      writeFileSync(join(folder, name), name);
    }
    await writeChecksums(folder, []);
    expect(sha256sum(folder)).toHaveLength(7);
  });
});

describe('runs that are handed over', () => {
  it('are listed, also 1,000 of them', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const results = mkdtempSync(join(root, 'run-'));
    writeJournal(join(results, 'journal.ndjson'), sampleJournal(500, 5));
    await dpsload(['report', results]);
    const files = folderBytes(results);
    const runFile = readFileSync(new URL('../fixtures/earlier-version/done/run.json', import.meta.url));
    for (let run = 0; run < 1_000; run += 1) {
      const folder = join(out, `run-${String(run).padStart(4, '0')}`);
      mkdirSync(folder);
      for (const name of ['journal.ndjson', 'summary.json', 'SHA256SUMS']) {
        writeFileSync(join(folder, name), files.get(name) ?? '');
      }
      writeFileSync(join(folder, 'run.json'), runFile);
    }
    const { stdout, code } = await dpsload(['runs', out, '--json']);
    const states = (JSON.parse(stdout) as readonly { readonly state: string }[]).map(({ state }) => state);
    expect([code, states.length, new Set(states)]).toEqual([0, 1_000, new Set(['finished'])]);
    rmSync(out, { recursive: true });
  });

  it('have no note that looks like a key', async () => {
    const { code, stdout, stderr } = await dpsload(['run', '--note', `order=${'Ab1/'.repeat(11)}`]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('is or may be a secret');
    expect(stderr).not.toContain('Ab1/');
  });
});
