import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_PROGRAMS, csvHeader, csvLine } from '../../src/files/csv-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = join(temporaryFolder(), 'table.csv');
const PYTHON = 'python3';
const DELIMITERS = { plain: ',', excel: ',', 'excel-semicolon': ';' } as const;

/** The records as read by a program that knows nothing of dpsload. */
const PROGRAM =
  'import csv,json,sys; f=open(sys.argv[1],encoding=sys.argv[3],newline=""); print(json.dumps(list(csv.reader(f,delimiter=sys.argv[2]))))';

const field = fc.string({
  unit: fc.constantFrom('=', '+', '-', '@', '\t', '\r', "'", '"', ',', ';', '\n', ' ', 'ü', '1'),
});

describe.skipIf(spawnSync(PYTHON, ['-c', '']).status !== 0)('the csv module of Python (needs python3)', () => {
  it.each(CSV_PROGRAMS)('reads hostile fields, guarded for Excel: %s', (program) => {
    const isPlain = program === 'plain';
    const rows = fc.sample(fc.tuple(field, field, field), { numRuns: 300, seed: 7 });
    writeFileSync(file, csvHeader(['a', 'b', 'c'], program) + rows.map((row) => csvLine(row, program)).join(''));
    const args = ['-c', PROGRAM, file, DELIMITERS[program], isPlain ? 'utf-8' : 'utf-8-sig'];
    const [header, ...read] = JSON.parse(String(execFileSync(PYTHON, args))) as readonly (readonly string[])[];
    expect(header).toEqual(['a', 'b', 'c']);
    const guarded = (text: string): string => (!isPlain && /^'*[=+@\t\r-]/.test(text) ? `'${text}` : text);
    expect(read).toEqual(rows.map((row) => row.map(guarded)));
  });
});
