import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvRecord, RECORD_BYTES_MAX, readCsvRecords } from '../../src/fleet/csv-record.ts';

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(bytes: Uint8Array | string, sizes: readonly number[] = [65_536], delimiter = ',') {
  const records: CsvRecord[] = [];
  let error: unknown = null;
  const seen: Uint8Array[] = [];
  try {
    const chunks = inChunks(Buffer.from(bytes), sizes);
    for await (const batch of readCsvRecords('f.csv', chunks, delimiter, (part) => seen.push(part))) {
      records.push(...batch);
    }
  } catch (caught) {
    error = caught;
  }
  return { records, error, bytes: Buffer.concat(seen) };
}

const FIELD = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '"', ',', ';', '\n', '\r\n', ' ', "'"), maxLength: 8 });
const RECORDS = fc.array(fc.array(FIELD, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 });

/** A naive writer: quotes whatever has to be, or everything. */
function write(records: readonly (readonly string[])[], delimiter: string, newline: string, quoteAll: boolean): string {
  const field = (text: string): string =>
    quoteAll || /["\r\n;,]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return records.map((fields) => fields.map(field).join(delimiter) + newline).join('');
}

describe('CSV records', () => {
  it('are read as they were written, whatever the chunks, line ends, delimiter, quotes and byte order mark', async () => {
    await fc.assert(
      fc.asyncProperty(
        RECORDS,
        fc.constantFrom(',', ';'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        async (written, delimiter, newline, quoteAll, mark, isLastOpen, sizes) => {
          const body = write(written, delimiter, newline, quoteAll);
          const text = (mark ? '\uFEFF' : '') + (isLastOpen ? body.slice(0, -newline.length) : body);
          const { records, error, bytes } = await read(text, sizes, delimiter);
          expect(error).toBeNull();
          // A record of one empty field is a blank line.
          const expected = written.filter((fields) => fields.length > 1 || fields[0] !== '');
          expect(records.map(({ fields }) => fields)).toEqual(expected);
          expect(bytes.equals(Buffer.from(text))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('know their lines, also after blank lines and line breaks within quotes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'a\nb', 'a\r\nb', 'a\n\n\r\nb'), fc.nat(2)), {
          minLength: 1,
          maxLength: 10,
        }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 30 }),
        async (rows, newline, size) => {
          // The beginning of a file is read at once, whatever the chunks.
          let text = `${'x'.repeat(64)}${newline}`;
          const lines = [1];
          for (const [field, blankLines] of rows) {
            text += newline.repeat(blankLines);
            lines.push(text.split('\n').length);
            text += `"${field}",x${newline}`;
          }
          expect((await read(text, [size])).records.map(({ line }) => line)).toEqual(lines);
        },
      ),
    );
  });

  it('are decoded field by field, however often a text appears, wherever a chunk ends', async () => {
    // More texts than are remembered, each also as bytes that are not UTF-8.
    const texts = Array.from({ length: 1_100 }, (_, index) => `ü${index}`);
    const rows = [...texts, ...texts].map((text) => Buffer.from(`a,${text},`));
    const bytes = Buffer.concat(rows.flatMap((row, index) => [row, Buffer.from(`ü${index % 1_100}\n`, 'latin1')]));
    for (const size of [1, 2, 3, 1_000, 65_536]) {
      const { records } = await read(bytes, [size]);
      expect(records.map(({ fields, windows1252 }) => [...fields, windows1252?.get(2)])).toEqual(
        [...texts, ...texts].map((text) => ['a', text, text.replace('ü', '\uFFFD'), text]),
      );
    }
  });

  it('of one byte that is not ASCII are decoded, wherever a chunk ends', async () => {
    const bytes = Buffer.from(`${'x'.repeat(64)}\na\nü\nb\nü`, 'latin1');
    for (const size of [1, 2, 3]) {
      const { records } = await read(bytes, [size]);
      expect(records.slice(1).map(({ fields }) => fields)).toEqual([['a'], ['\uFFFD'], ['b'], ['\uFFFD']]);
    }
  });

  it.each([
    ['a,b\n1,2\n\n"x\r\ny",2\n3,"open\n4,5\n', 6, 'never closed', 3],
    ['a,b\n\n1,"2"x\n', 3, 'follows a closing quote', 1],
    ['a,b\n1,x"2"\n', 2, 'in the middle of a field', 1],
    [
      `a,b\n1,2\n1,"${'x'.repeat(RECORD_BYTES_MAX + 10)}"\n`,
      3,
      `more than ${RECORD_BYTES_MAX.toLocaleString('en-US')} bytes`,
      2,
    ],
  ])('that are broken end the reading with file, line and remedy, after those before: %#', async (text, line, reason, before) => {
    for (const size of [1_000_000, 100, 7]) {
      if (text.length > 100_000 && size < 100) continue;
      const { records, error } = await read(text, [size]);
      expect(error).toMatchObject({ kind: 'usage', problems: [{ file: 'f.csv', line }] });
      expect(String(error)).toContain(reason);
      expect(String(error)).toContain('double the quotes');
      expect(records).toHaveLength(before);
    }
  });

  it('are refused in UTF-16', async () => {
    for (const bytes of [Buffer.from('\uFEFFa,b\n', 'utf16le'), Buffer.from('\uFEFFa,b\n', 'utf16le').swap16()]) {
      expect(String((await read(bytes)).error)).toContain(
        'f.csv:1: is UTF-16. Save the file as CSV in UTF-8 (in Excel',
      );
    }
  });

  it('are read no faster than they are used', async () => {
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < 1_000; given += 1) yield Buffer.from('a,b\n'.repeat(100));
    }
    const records = readCsvRecords('f.csv', source(), ',', () => {});
    for (let taken = 0; taken < 10; taken += 1) {
      await records.next();
      expect(given).toBeLessThanOrEqual(taken + 1);
    }
    await records.return(undefined);
  });
});
