import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppendFile } from '../../src/files/line-appender.ts';
import { encodeJournalLine } from '../../src/journal/journal-line.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { createJournal, JournalWriter, reopenJournal } from '../../src/journal/journal-writer.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { grantRecord, outcomeRecord, sampleJournal, sessionRecord, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const newFile = (): string => join(mkdtempSync(join(folder, 'run-')), 'journal.ndjson');

async function read(file: string) {
  const records: JournalRecord[] = [];
  const offsets: number[] = [];
  const tail = await readJournal(file, (record, offset) => {
    records.push(record);
    offsets.push(offset);
  });
  return { records, offsets, tail };
}

/** A file in memory that notes what it is asked to do, and can fail. */
function memoryFile(fail: (step: 'write' | 'sync') => Error | null = () => null) {
  const steps: string[] = [];
  let written = '';
  let synced = '';
  const file: AppendFile = {
    async appendFile(data) {
      const error = fail('write');
      if (error) throw error;
      written += String(data);
      steps.push(`write ${String(data).split('\n').length - 1}`);
    },
    async datasync() {
      const error = fail('sync');
      if (error) throw error;
      synced = written;
      steps.push('sync');
    },
    async close() {
      steps.push('close');
    },
  };
  return { file, steps, synced: () => synced };
}

describe('a journal on disk', () => {
  it.runIf(process.platform === 'linux')('that cannot be cut off is closed again (needs Linux)', async () => {
    const file = newFile();
    writeFileSync(file, '');
    await expect(reopenJournal(file, Number.MAX_SAFE_INTEGER)).rejects.toThrow('cannot be opened');
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      const link = join('/proc/self/fd', fd);
      return existsSync(link) && readlinkSync(link) === file;
    });
    expect(open).toEqual([]);
  });

  it('reads back what was appended, with the place of each line', async () => {
    const file = newFile();
    const records = sampleJournal(500, 1);
    const writer = await createJournal(file);
    for (const record of records) writer.append(record);
    await writer.close();
    const { records: back, offsets, tail } = await read(file);
    const bytes = readFileSync(file);
    expect(back.map(encodeJournalLine)).toEqual(records.map(encodeJournalLine));
    expect(tail).toEqual({ records: records.length, bytes: bytes.length, torn: false });
    expect(offsets.map((offset) => bytes.toString('utf8', offset, bytes.indexOf('\n', offset)))).toEqual(
      records.map(encodeJournalLine),
    );
  });

  it('is for its owner alone, and never overwritten', async () => {
    const file = newFile();
    await (await createJournal(file)).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expect(createJournal(file)).rejects.toThrow('never overwritten');
  });

  it('goes on behind the last whole line', async () => {
    const file = newFile();
    writeJournal(file, [sessionRecord(), grantRecord(0, 9)], '{"kind":"outcome","row":3,"id":"to');
    const { tail } = await read(file);
    expect(tail.torn).toBe(true);
    const writer = await reopenJournal(file, tail.bytes);
    writer.append(outcomeRecord(3));
    await writer.close();
    const { records } = await read(file);
    expect(records.map(({ kind }) => kind)).toEqual(['session', 'grant', 'outcome']);
  });

  it('cut at any byte of its last three records, keeps every whole line', async () => {
    const file = newFile();
    const records = sampleJournal(5, 2);
    writeJournal(file, records);
    const whole = readFileSync(file);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([index]) => index + 1);
    for (let bytes = whole.length; bytes >= (ends.at(-4) ?? 0); bytes -= 1) {
      truncateSync(file, bytes);
      const wholeLines = ends.filter((end) => end <= bytes);
      const { tail } = await read(file);
      expect(tail).toEqual({
        records: wholeLines.length,
        bytes: wholeLines.at(-1) ?? 0,
        torn: wholeLines.at(-1) !== bytes,
      });
    }
  });

  it('reads lines of any length over the edges of what it reads at once', async () => {
    const payload = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(payload, async (lengths) => {
        const file = newFile();
        const records = lengths.map((length, row) => outcomeRecord(row, { returnedPayload: 'é'.repeat(length) }));
        writeJournal(file, [sessionRecord(), ...records]);
        const back = await read(file);
        expect(back.records.slice(1)).toEqual(records);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a damaged journal', () => {
  const lines = sampleJournal(3, 3).map(encodeJournalLine);
  const third = lines.slice(0, 2).join('\n').length + 1;

  it.each([
    ['a line in the middle', lines.with(2, '{"kind":"outc'), `:3: the line at byte ${third} is not JSON. Restore`],
    ['an empty line', lines.with(2, ''), `:3: the line at byte ${third} is not JSON`],
    ['a last line that is whole', lines.with(-1, '{"kind":"end"}'), ' is not a valid end record: atMs is missing'],
    ['another version', lines.map((line) => line.replace('"version":1', '"version":7')), 'Use the dpsload that wrote'],
    ['no session at its head', lines.slice(1), ':1: the line at byte 0 is not a session'],
  ])('%s is an error with its place', async (_, damaged, message) => {
    const file = newFile();
    writeFileSync(file, `${damaged.join('\n')}\n`);
    await expect(read(file)).rejects.toThrow(OperatorError);
    await expect(read(file)).rejects.toThrow(message);
  });

  it('that is none at all ends without being loaded', async () => {
    const file = newFile();
    writeFileSync(file, Buffer.alloc(6 * 1024 * 1024, 'x'));
    await expect(read(file)).rejects.toThrow('longer than any record');
  });

  it('that does not exist is an error of its own', async () => {
    await expect(read(join(folder, 'none', 'journal.ndjson'))).rejects.toThrow('no journal found');
  });
});

describe('the writer', () => {
  it('has a grant on the disk before sync resolves', async () => {
    const { file, synced } = memoryFile();
    const writer = new JournalWriter('journal.ndjson', file);
    writer.append(grantRecord(0, 99));
    await writer.sync();
    expect(synced()).toBe(`${encodeJournalLine(grantRecord(0, 99))}\n`);
  });

  it('lets all who ask while a sync is under way share the next', async () => {
    const { file, steps } = memoryFile();
    const writer = new JournalWriter('journal.ndjson', file);
    writer.append(grantRecord(0, 0));
    const first = writer.sync();
    await Promise.resolve();
    const others = [1, 2, 3].map((row) => {
      writer.append(grantRecord(row, row));
      return writer.sync();
    });
    await Promise.all([first, ...others]);
    expect(steps).toEqual(['write 1', 'sync', 'write 3', 'sync']);
  });

  it('writes outcomes without a sync, and by itself when many wait', async () => {
    const { file, steps } = memoryFile();
    const writer = new JournalWriter('journal.ndjson', file);
    for (let row = 0; row < 200; row += 1) writer.append(outcomeRecord(row));
    await new Promise(setImmediate);
    expect(steps).toHaveLength(1);
    await writer.flush();
    expect(steps).not.toContain('sync');
    await writer.close();
    expect(steps.slice(-2)).toEqual(['sync', 'close']);
  });

  it.each(['write', 'sync'] as const)('fails for good when a %s fails, and says what is safe', async (failing) => {
    let broken = false;
    const full = new Error('ENOSPC: no space left on device');
    const { file, steps } = memoryFile((step) => (broken && step === failing ? full : null));
    const writer = new JournalWriter('results/a/journal.ndjson', file);
    writer.append(sessionRecord());
    writer.append(grantRecord(0, 9));
    await writer.sync();
    broken = true;
    writer.append(grantRecord(10, 19));
    const failure = await writer.sync().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperatorError);
    expect((failure as OperatorError).kind).toBe('local');
    expect((failure as OperatorError).message).toMatch(
      /^results\/a\/journal\.ndjson: .*ENOSPC.* the records synced so far \(2\) are safe/,
    );
    broken = false;
    expect(() => writer.append(grantRecord(20, 29))).toThrow(failure as OperatorError);
    await expect(writer.sync()).rejects.toBe(failure);
    await expect(writer.flush()).rejects.toBe(failure);
    await expect(writer.close()).rejects.toBe(failure);
    expect(steps.at(-1)).toBe('close');
  });
});
