import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../src/cli/colors.ts';
import { progressLine, renderProgress } from '../../src/cli/render-progress.ts';
import type { Progress } from '../../src/metrics/progress.ts';
import { PLAIN } from '../../src/report/palette.ts';
import { NOTHING_YET, sampleProgress } from '../support/sample-progress.ts';

const bar = (filled: number, characters: number): string => '█'.repeat(filled) + '░'.repeat(characters - filled);

const many = (count: number): Partial<Progress> => ({
  hubs: Array.from({ length: count }, (_, index) => ({ hub: `hub-${index}`, count: 1, share: 1 / count })),
  errors: Array.from({ length: count }, (_, index) => ({
    code: `4000${index}`,
    count: 1,
    message: null,
    firstRow: index,
  })),
});

describe('the live view', () => {
  it.each<[string, number, Partial<Progress>, string[]]>([
    [
      'on a usual terminal',
      80,
      {},
      [
        'EMULATOR, ID scope 0ne00111111   sample',
        `${bar(15, 34)}   450/1,000   45.0%   elapsed 12 s   ETA 15 s`,
        'in flight 100   launched 37/s of 50.0/s   ended 35/s   throttles 3   repeated 1',
        'failed 10',
        'ms             p50      p95      p99      max',
        'accepted       220      250      250      250',
        'service        230      300      300      300',
        `hub-a.azure-devices.net   ${bar(21, 39)}    54.5%   240`,
        `hub-b.azure-devices.net   ${bar(18, 39)}    45.5%   200`,
        '401000   10   Unauthorized',
        'start lag 2.50 ms   loop delay 4.50 ms   CPU 0.50 cores   emulator 0.25 cores',
        'files 130',
      ],
    ],
    [
      'on a narrow terminal: no bars, more lines',
      30,
      {},
      [
        'EMULATOR, ID scope 0ne00111111',
        '450/1,000   45.0%',
        'elapsed 12 s   ETA 15 s',
        'in flight 100',
        'launched 37/s of 50.0/s',
        'ended 35/s   throttles 3',
        'repeated 1   failed 10',
        'ms             p50      p95   ',
        'accepted       220      250   ',
        'service        230      300   ',
        'hub-a.azure-de…    54.5%   240',
        'hub-b.azure-de…    45.5%   200',
        '401000   10   Unauthorized',
        'start lag 2.50 ms',
        'loop delay 4.50 ms',
        'CPU 0.50 cores',
        'emulator 0.25 cores',
        'files 130',
      ],
    ],
    [
      'in the first moment of the closed model',
      80,
      { ...NOTHING_YET, name: null, ratePerSecond: null },
      [
        'EMULATOR, ID scope 0ne00111111',
        `${bar(0, 39)}   0/1,000   0.0%   elapsed 0.0 s   ETA –`,
        'in flight 0   launched 0/s   ended 0/s   throttles 0   repeated 0   failed 0',
      ],
    ],
  ])('%s', (_, columns, changes, lines) => {
    expect(renderProgress(sampleProgress(changes), columns, PLAIN).split('\n')).toEqual(lines);
  });

  it.each([1, 10, 20, 40, 79, 80, 200])('stays within %d columns, with colours too', (columns) => {
    const progress = sampleProgress({ ...many(30), name: 'a long name '.repeat(20) });
    const plain = renderProgress(progress, columns, PLAIN);
    expect(plain.split('\n').filter((line) => line.length > columns)).toEqual([]);
    const colored = renderProgress(progress, columns, paletteFor(true));
    expect(colored).toContain('\u001b[');
    expect(stripVTControlCharacters(colored)).toBe(plain);
  });

  it('fits on 24 rows however many hubs and errors there are', () => {
    const lines = renderProgress(sampleProgress(many(50)), 80, PLAIN).split('\n');
    expect(lines.length).toBeLessThan(24);
    expect(lines).toContain('and 45 more hubs');
    expect(lines).toContain('and 46 more codes');
  });

  it('is not torn by what others wrote', () => {
    const hostile = '\u001b[2J\u001b[H\nhub\r';
    const progress = sampleProgress({
      hubs: [{ hub: hostile, count: 1, share: 1 }],
      errors: [{ code: hostile, count: 1, message: hostile, firstRow: 0 }],
    });
    const view = renderProgress(progress, 80, PLAIN);
    expect(view).not.toContain('\u001b');
    expect(view).not.toContain('\r');
    expect(view.split('\n')).toHaveLength(11);
  });
});

describe('a line for logs', () => {
  it.each<[Partial<Progress>, string]>([
    [
      {},
      '12 s:  450/1,000 (45.0%)  in flight 100  launched 37/s of 50.0/s  ended 35/s  throttles 3  failed 10  ' +
        'accepted p50 220 ms p95 250 ms  ETA 15 s',
    ],
    [
      { ...NOTHING_YET, total: 0 },
      '0.0 s:  0/0 (0.0%)  in flight 0  launched 0/s of 50.0/s  ended 0/s  throttles 0  failed 0  ETA –',
    ],
  ])('%#', (changes, line) => {
    expect(progressLine(sampleProgress(changes))).toBe(line);
  });
});
