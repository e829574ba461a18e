import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JournalRecordReader, readJournal } from '../../src/journal/journal-reader.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { outcomeRecord, sessionRecord, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('gives any record by its offset, in any order', async () => {
  const file = join(temporaryFolder(), 'journal.ndjson');
  const lengths = Array.from({ length: 150 }, (_, row) => (row % 7 === 0 ? 90_000 : row % 500));
  const outcomes = lengths.map((length, row) => outcomeRecord(row, { returnedPayload: 'ü'.repeat(length) }));
  writeJournal(file, [sessionRecord(), ...outcomes]);
  const placed: { record: JournalRecord; offset: number }[] = [];
  await readJournal(file, (record, offset) => placed.push({ record, offset }));
  const lines = await JournalRecordReader.open(file);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(placed), async (asked) => {
      for (const { record, offset } of asked) expect(await lines.recordAt(offset)).toEqual(record);
    }),
    { numRuns: 3 },
  );
  await lines.close();
});
