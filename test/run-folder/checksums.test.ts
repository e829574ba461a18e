import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumsText, readChecksums } from '../../src/files/checksum-list.ts';
import { quoteForShell } from '../../src/files/quote-for-shell.ts';
import {
  checkChecksums,
  checksumsSha256,
  refuseChangedJournal,
  writeChecksums,
} from '../../src/run-folder/checksums.ts';
import { lockRunFolder } from '../../src/run-folder/run-lock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, 'run-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function runFolder(): Promise<string> {
  const folder = folderWith({ 'journal.ndjson': 'hub-a\n', 'run.json': '{}\n', 'report.html': '<p>', 'empty.csv': '' });
  await writeChecksums(folder, []);
  return folder;
}

const name = fc
  .string({ unit: fc.constantFrom('a', 'Z', '.', ' ', '\\', '\n', '\r', 'é', '*', '-'), minLength: 1, maxLength: 12 })
  .filter((text) => !/^\.{1,2}$/.test(text) && text !== 'SHA256SUMS');
const digests = fc.uniqueArray(fc.record({ name, sha256: fc.stringMatching(/^[0-9a-f]{64}$/) }), {
  selector: (digest) => digest.name,
  minLength: 1,
});

describe('a list of checksums', () => {
  it('reads as it was written, sorted by name', () => {
    fc.assert(
      fc.property(digests, (listed) => {
        const sorted = [...listed].sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(readChecksums(checksumsText(listed))).toEqual(sorted);
      }),
    );
  });

  it('is not read when it was cut anywhere', () => {
    const text = checksumsText([
      { name: 'a.csv', sha256: 'ab'.repeat(32) },
      { name: 'b', sha256: 'cd'.repeat(32) },
    ]);
    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        const whole = length > 0 && text[length - 1] === '\n';
        expect(readChecksums(text.slice(0, length)) !== null).toBe(whole);
      }),
    );
  });
});

describe('SHA256SUMS', () => {
  it('covers every file of a run but itself, locks and unfinished files', async () => {
    const folder = await runFolder();
    writeFileSync(join(folder, 'odd \\ name\n'), 'x');
    writeFileSync(join(folder, 'summary.json.tmp'), 'x');
    mkdirSync(join(folder, 'sub'));
    const unlock = lockRunFolder(folder);
    await writeChecksums(folder, []);
    const locked = readdirSync(folder);
    unlock();
    expect(locked.some((file) => file.startsWith('lock-'))).toBe(true);
    expect((await checkChecksums(folder)).map((file) => file.name)).toEqual(
      ['empty.csv', 'journal.ndjson', 'odd \\ name\n', 'report.html', 'run.json'].sort(),
    );
    const bytes = readFileSync(join(folder, 'SHA256SUMS'));
    expect(checksumsSha256(folder)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('lists only what was made where the folder is not that of a run', async () => {
    const folder = folderWith({ 'moves.csv': '', 'private.txt': 'x' });
    await writeChecksums(folder, ['moves.csv']);
    expect((await checkChecksums(folder)).map((file) => file.name)).toEqual(['moves.csv']);
  });

  it.each<readonly [string, (folder: string) => void, string, RegExp]>([
    [
      'a changed file',
      (folder) => writeFileSync(join(folder, 'journal.ndjson'), 'hub-b\n'),
      'journal.ndjson',
      /differs: its SHA-256 is [0-9a-f]{64}/,
    ],
    ['a missing file', (folder) => rmSync(join(folder, 'empty.csv')), 'empty.csv', /is missing/],
    ['a new file', (folder) => writeFileSync(join(folder, 'late.csv'), ''), 'late.csv', /is new/],
    [
      'a folder in place of a file',
      (folder) => {
        rmSync(join(folder, 'run.json'));
        mkdirSync(join(folder, 'run.json'));
      },
      'run.json',
      /cannot be read/,
    ],
  ])('names %s', async (_, change, file, message) => {
    const folder = await runFolder();
    change(folder);
    const error = await checkChecksums(folder).catch((thrown) => thrown);
    expect(error.kind).toBe('local');
    expect(error.problems).toEqual([
      expect.objectContaining({ file: join(folder, file), message: expect.stringMatching(message) }),
    ]);
  });

  it('says how a file that is made from the journal comes back, and that the journal needs a copy', async () => {
    const folder = await runFolder();
    for (const file of ['journal.ndjson', 'report.html']) writeFileSync(join(folder, file), 'other');
    const error = await checkChecksums(folder, ['report.html']).catch((thrown) => thrown);
    expect(error.problems).toMatchObject([
      { file: join(folder, 'journal.ndjson'), remedy: 'Restore it from a copy' },
      {
        file: join(folder, 'report.html'),
        remedy: `Rebuild it from the journal: dpsload report ${quoteForShell(folder)}`,
      },
    ]);
  });

  it('names all that differs at once', async () => {
    const folder = await runFolder();
    for (const file of ['journal.ndjson', 'report.html']) writeFileSync(join(folder, file), 'other');
    writeFileSync(join(folder, 'late.csv'), '');
    await expect(checkChecksums(folder)).rejects.toMatchObject({ problems: { length: 3 } });
  });

  it.each([
    ['is missing', null, 'does not exist'],
    ['is empty', '', 'is damaged'],
    ['is not a list', 'hello\n', 'is damaged'],
  ])('that %s is refused', async (_, text, message) => {
    const folder = folderWith(text === null ? {} : { SHA256SUMS: text });
    await expect(checkChecksums(folder)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(message),
    });
  });

  it('keeps a changed journal from being reported or continued', async () => {
    const folder = await runFolder();
    await refuseChangedJournal(folder);
    writeFileSync(join(folder, 'journal.ndjson'), 'hub-b\n');
    await expect(refuseChangedJournal(folder)).rejects.toMatchObject({
      kind: 'local',
      message: expect.stringContaining('was changed after the run'),
    });
    rmSync(join(folder, 'SHA256SUMS'));
    await refuseChangedJournal(folder);
  });
});
