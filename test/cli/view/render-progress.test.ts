import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../../src/cli/view/colors.ts';
import { progressLine, renderProgress, type ScreenSize } from '../../../src/cli/view/render-progress.ts';
import type { AgentSample } from '../../../src/journal/agent-record.ts';
import type { RunProgress } from '../../../src/metrics/progress.ts';
import { PLAIN } from '../../../src/report/palette.ts';
import { agentSample } from '../../support/agents-journal.ts';
import { sampleRecord } from '../../support/sample-journal.ts';
import { NOTHING_YET, sampleProgress } from '../../support/sample-progress.ts';

const bar = (filled: number, characters: number): string => '█'.repeat(filled) + '░'.repeat(characters - filled);

const many = (count: number): Partial<RunProgress> => ({
  hubs: Array.from({ length: count }, (_, index) => ({
    hub: `hub-${index}`,
    count: 1,
    share: 1 / count,
    expectedShare: null,
  })),
  errors: Array.from({ length: count }, (_, index) => ({
    code: `4000${index}`,
    count: 1,
    message: null,
    firstRow: index,
    lately: 0,
  })),
});

const usual: ScreenSize = { columns: 80, rows: 23 };

const lines = (changes: Partial<RunProgress>, size: ScreenSize): string[] =>
  renderProgress(sampleProgress(changes), size, PLAIN).split('\n');

describe('the live view', () => {
  it.each<[string, ScreenSize, Partial<RunProgress>, string[]]>([
    [
      'on a usual terminal',
      usual,
      {},
      [
        'EMULATOR, ID scope 0ne00111111   sample',
        'running   Ctrl-C stops, resumable',
        `${bar(15, 34)}   450/1,000   45.0%   elapsed 12 s   ETA 15 s`,
        'in flight 100   launched 37/s of 50.0/s   ended 35/s   throttles 3   retries 1',
        'failed 10',
        '',
        'ms             p50      p95      p99      max',
        'accepted       220      250      250      250',
        'service        230      300      300      300',
        '',
        `hub-a.azure-devices.net   ${bar(21, 39)}   240    54.5%`,
        `hub-b.azure-devices.net   ${bar(18, 39)}   200    45.5%`,
        '',
        '401000   10   Unauthorized',
        '',
        'health   start lag 2.50 ms   loop delay 4.50 ms   CPU 0.50 cores',
        'emulator 0.25 cores   files 130',
      ],
    ],
    [
      'on a narrow and low terminal: no bars, no gaps, the first lines',
      { columns: 30, rows: 14 },
      {},
      [
        'EMULATOR, ID scope 0ne00111111',
        'running',
        'Ctrl-C stops, resumable',
        '450/1,000   45.0%',
        'elapsed 12 s   ETA 15 s',
        'in flight 100',
        'launched 37/s of 50.0/s',
        'ended 35/s   throttles 3',
        'retries 1   failed 10',
        'ms             p50      p95   ',
        'accepted       220      250   ',
        'service        230      300   ',
        'health   start lag 2.50 ms',
        'loop delay 4.50 ms',
      ],
    ],
    [
      'in the first moment of the closed model',
      usual,
      { ...NOTHING_YET, name: null, ratePerSecond: null },
      [
        'EMULATOR, ID scope 0ne00111111',
        'connecting to the target   Ctrl-C stops',
        `${bar(0, 39)}   0/1,000   0.0%   elapsed 0.0 s   ETA –`,
        'in flight 0   launched 0/s   ended 0/s   throttles 0   retries 0   failed 0',
      ],
    ],
  ])('%s', (_, size, changes, expected) => {
    expect(lines(changes, size)).toEqual(expected);
  });

  it.each<[RunProgress['phase'], number, string[]]>([
    [{ kind: 'starting' }, 80, ['connecting to the target   Ctrl-C stops']],
    [
      { kind: 'canary', ended: 3, devices: 8 },
      80,
      ['canary: 3 of 8 devices ended   the rest start once all are assigned', 'Ctrl-C stops, resumable'],
    ],
    [
      { kind: 'canary', ended: 0, devices: 1 },
      120,
      ['canary: 0 of 1 device ended   the rest start once all are assigned   Ctrl-C stops, resumable'],
    ],
    [{ kind: 'running' }, 120, ['running   Ctrl-C stops, resumable']],
    [
      { kind: 'outage', lastedMs: 3_725_000, held: 1_234 },
      80,
      ['outage: no response for 1 h 2 min   1,234 registrations held', 'Ctrl-C stops, resumable'],
    ],
    [
      { kind: 'outage', lastedMs: 45_000, held: 12 },
      120,
      ['outage: no response for 45 s   12 registrations held   Ctrl-C stops, resumable'],
    ],
    [
      { kind: 'waiting', labels: ['region=asia'], leftMs: 42_000 },
      80,
      ['waiting for an agent with region=asia   gives up in 42 s', 'Ctrl-C stops, resumable'],
    ],
    [{ kind: 'draining' }, 80, ['draining: all launched   waiting for 100 registrations   Ctrl-C stops, resumable']],
    [{ kind: 'stopping' }, 80, ['stopping: waiting for 100 registrations   Ctrl-C again stops immediately']],
    [{ kind: 'ended' }, 80, ['all registrations ended, writing the results']],
  ])('shows the phase %o in %d columns', (phase, columns, expected) => {
    const shown = lines({ phase }, { columns, rows: 30 });
    expect(shown.slice(1, 1 + expected.length)).toEqual(expected);
    expect(shown[1 + expected.length]).toMatch(/450\/1,000/);
  });

  it('shows the whole run after a resume, and how much of it earlier sessions did', () => {
    const shown = lines({ settledBefore: 400 }, usual);
    expect(shown[1]).toBe('running   400 settled earlier (hubs: this session)   Ctrl-C stops, resumable');
    expect(shown[2]).toMatch(/ 450\/1,000 {3}45\.0% {3}elapsed 12 s {3}ETA 15 s$/);
  });

  it.each<[number, RegExp]>([
    [80, /^cannot-read {3}3 {3}cannot read ….*\/device-0000000017\.pem$/],
    [120, /^cannot-read {3}3 {3}cannot read .*\/lines\/line-a\/certificates\/batch-7\/device-0000000017\.pem$/],
    [50, /^cannot-read {3}3 {3}cannot read…/],
  ])('cuts no file name in %d columns', (columns, expected) => {
    const message = `cannot read /srv/factory/lines/line-a/certificates/batch-7/device-0000000017.pem`;
    const errors = [{ code: 'cannot-read', count: 3, message, firstRow: 3, lately: 0 }];
    const line = lines({ errors }, { columns, rows: 30 }).find((text) => text.startsWith('cannot-read'));
    expect(line).toMatch(expected);
    expect(line?.length).toBeLessThanOrEqual(columns);
  });

  it('shows hubs against what is expected of them', () => {
    const hubs = [
      { hub: 'hub-a', count: 300, share: 0.75, expectedShare: 0.5 },
      { hub: 'hub-b', count: 100, share: 0.25, expectedShare: null },
    ];
    const shown = lines({ hubs }, usual).filter((line) => line.startsWith('hub-'));
    expect(shown).toEqual([
      `hub-a   ${'█'.repeat(20)}│${'█'.repeat(9)}${'░'.repeat(10)}   300    75.0%   expected 50.0%`,
      `hub-b   ${bar(10, 40)}   100    25.0%   expected –`,
    ]);
  });

  it('shows how errors grow, in columns', () => {
    const errors = [
      { code: 'no-answer', count: 1200, message: 'silence', firstRow: 3, lately: 25 },
      { code: '401000', count: 10, message: null, firstRow: 4, lately: 0 },
    ];
    const shown = lines({ errors }, usual).filter((line) => /^(no-answer|401000)/.test(line));
    expect(shown[0]).toBe('no-answer   1,200   +25 in 10 s   silence');
    expect(shown[1]).toMatch(/^401000 {9}10 +$/);
  });

  it('shows the rate that the governor allows, no ETA while the run stops, and whether this machine is at its limit', () => {
    const recent = [
      sampleRecord(12_000, { rateAllowedPerSecond: 17.5, loopDelayMaxMs: [255, 3], saturatedMs: 900, cpuShare: 1.7 }),
    ];
    const text = lines({ recent, phase: { kind: 'stopping' }, eta: null }, usual).join('\n');
    // Nothing more is to be launched.
    expect(text).toContain('launched 37/s, allowed 17.5/s');
    expect(text).toContain('ETA –');
    expect(text).toContain('loop delay 255 ms (the load generator stood still)');
  });

  it('shows the last minute and every phase where there is room', () => {
    const recent = [0, 10, 20, 40].map((launched, second) => sampleRecord(second * 1000, { launched, settled: 5 }));
    const shown = lines({ recent }, { columns: 200, rows: 59 });
    expect(shown).toContain('launched     ▂▄█   max 40/s');
    expect(shown).toContain('ended       ████   max 5/s');
    expect(shown.some((line) => line.startsWith('throttles'))).toBe(false);
    expect(lines({ recent }, usual).some((line) => line.includes('max 40/s'))).toBe(false);
  });

  it('hands no control character of a name on to the terminal', () => {
    expect(lines({ name: 'ev\u001b[31mil\nrun' }, usual)[0]).toMatch(/ {3}ev \[31mil run$/);
  });

  it.each([1, 10, 20, 40, 79, 80, 200])('stays within %d columns, with colors too', (columns) => {
    const progress = sampleProgress({ ...many(30), name: 'a long name '.repeat(20) });
    for (const rows of [5, 23, 59]) {
      const plain = renderProgress(progress, { columns, rows }, PLAIN);
      expect(plain.split('\n').filter((line) => line.length > columns)).toEqual([]);
      expect(plain.split('\n').length).toBeLessThanOrEqual(rows);
      const colored = renderProgress(progress, { columns, rows }, paletteFor(true));
      expect(colored).toContain('\u001b[');
      expect(stripVTControlCharacters(colored)).toBe(plain);
    }
  });

  it.each<[ScreenSize, number, string[]]>([
    [usual, 23, ['and 44 more hubs', 'and 45 more codes']],
    [{ columns: 80, rows: 59 }, 59, ['and 30 more hubs', 'and 30 more codes']],
  ])('fits however many hubs and errors there are, on %o', (size, rowsMax, more) => {
    const shown = lines(many(50), size);
    expect(shown.length).toBeLessThanOrEqual(rowsMax);
    expect(shown).toEqual(expect.arrayContaining(more));
    expect(shown.at(-1)).toContain('files 130');
  });

  it('is not torn by what others wrote', () => {
    const hostile = '\u001b[2J\u001b[H\nhub\r';
    const progress = sampleProgress({
      hubs: [{ hub: hostile, count: 1, share: 1, expectedShare: null }],
      errors: [{ code: hostile, count: 1, message: hostile, firstRow: 0, lately: 0 }],
    });
    const view = renderProgress(progress, usual, PLAIN);
    expect(view).not.toContain('\u001b');
    expect(view).not.toContain('\r');
    expect(view.split('\n')).toHaveLength(16);
  });
});

describe('agents in the live view', () => {
  const of = (...agents: readonly AgentSample[]): Partial<RunProgress> => ({
    recent: [sampleRecord(12_000, { agents })],
  });
  const three = [
    agentSample('west-1', { launched: 1_250, inFlight: 12_345 }),
    agentSample('west-2.westeurope.example.net', { saturatedMs: 100, offsetMs: -1_234, startLagMaxMs: 12_345 }),
    agentSample('north-1', { isLost: true }),
  ];

  it('have a line each, with a lost one said, in 80 columns and 24 rows', () => {
    const shown = lines(of(...three), usual);
    const head = shown.findIndex((line) => line.startsWith('agent '));
    expect(shown.slice(head, head + 4)).toEqual([
      'agent            launched in flight start lag loop delay  CPU files    clock, ms',
      'north-1              lost',
      'west-1            1,250/s    12,345   2.50 ms    3.25 ms 0.40    77  +1.25 ±0.30',
      'west-2.westeur…      17/s        12 12,345 ms    3.25 ms 0.40    77 −1,234 ±0.30',
    ]);
    expect(shown.length).toBeLessThanOrEqual(23);
    expect(shown.at(-1)).toBe('coordinator   CPU 0.50 cores   emulator 0.25 cores   files 130');
    const painted = renderProgress(sampleProgress(of(...three)), usual, paletteFor(true)).split('\n');
    const [bad, warning] = [paletteFor(true).bad('x'), paletteFor(true).warning('x')].map((text) => text.split('x')[0]);
    expect(painted.find((line) => line.includes('north-1'))?.startsWith(bad ?? '')).toBe(true);
    expect(painted.find((line) => line.includes('west-2'))?.startsWith(warning ?? '')).toBe(true);
  });

  it('are the worst few of many, and a count', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      agentSample(`agent-${String(index).padStart(2, '0')}`, { startLagMaxMs: index }),
    );
    const shown = lines(of(...many, ...three), usual).join('\n');
    expect(shown).toMatch(/\nagent-49 .*\nnorth-1 .*\nwest-2.*\nand 50 more agents; 1 lost in all\n/);
    expect(lines(of(...many), { columns: 80, rows: 59 }).filter((line) => line.startsWith('agent-'))).toHaveLength(8);
  });

  it('leave room for hubs and errors, and stay within the screen', () => {
    for (const columns of [10, 40, 80, 200]) {
      for (const rows of [5, 23, 59]) {
        const plain = renderProgress(sampleProgress({ ...many(50), ...of(...three) }), { columns, rows }, PLAIN);
        expect(plain.split('\n').length).toBeLessThanOrEqual(rows);
        expect(plain.split('\n').filter((line) => line.length > columns)).toEqual([]);
      }
    }
    const shown = lines({ ...many(50), ...of(...three) }, usual);
    expect(shown.some((line) => line.includes('more hubs'))).toBe(true);
    expect(shown.some((line) => line.startsWith('west-2'))).toBe(true);
  });

  it('are counted in a line for logs, with the names of those that are lost', () => {
    const text = (agents: readonly AgentSample[]): string => progressLine(sampleProgress(of(...agents)));
    expect(text(three.slice(0, 2))).toContain('  failed 10  agents 2  accepted');
    expect(text(three)).toContain('  agents 2 of 3 (north-1 lost)  ');
    const lost = Array.from({ length: 9 }, (_, index) => agentSample(`agent-${index}`, { isLost: true }));
    expect(text([...three, ...lost])).toContain('  agents 2 of 12 (north-1, agent-0, agent-1, 7 more lost)  ');
  });

  it('cannot tear the view by their names', () => {
    const view = renderProgress(sampleProgress(of(agentSample('\u001b[2J\nx'))), usual, PLAIN);
    expect(view).not.toContain('\u001b');
    expect(view).toContain('[2J x');
  });
});

describe('a line for logs', () => {
  it.each<[number, number, string]>([
    [15, 15, '15 s'],
    [1, 2.9, '1.9 s'],
    [100, 120, '1 min 50 s'],
    [0, 8, '0 to 8 s'],
    [20, 35, '20 to 35 s'],
    [50, 150, '50 s to 3 min'],
    [119, 151, '119 s to 3 min'],
    [120, 300, '2 to 5 min'],
    [5_400, 14_400, '90 min to 4 h'],
    [7_200, 9_100, '2 to 3 h'],
  ])('shows an ETA of %d to %d s as %s', (low, high, text) => {
    const eta = { lowMs: low * 1_000, highMs: high * 1_000 };
    expect(progressLine(sampleProgress({ eta }))).toMatch(new RegExp(`  ETA ${text}$`));
  });

  it.each<[Partial<RunProgress>, string]>([
    [
      {},
      '12 s:  running  450/1,000 (45.0%)  in flight 100  launched 37/s of 50.0/s  ended 35/s  throttles 3  failed 10  ' +
        'accepted p50 220 ms p95 250 ms  ETA 15 s',
    ],
    [
      { ...NOTHING_YET, total: 0 },
      '0.0 s:  starting  0/0 (0.0%)  in flight 0  launched 0/s of 50.0/s  ended 0/s  throttles 0  failed 0  ETA –',
    ],
    [
      { phase: { kind: 'canary', ended: 3, devices: 8 }, settledBefore: 400, eta: null },
      '12 s:  canary 3/8  450/1,000 (45.0%, 400 before)  in flight 100  launched 37/s of 50.0/s  ended 35/s  throttles 3  ' +
        'failed 10  accepted p50 220 ms p95 250 ms  ETA –',
    ],
    [
      { phase: { kind: 'outage', lastedMs: 45_000, held: 12 }, eta: null },
      '12 s:  outage 45 s, 12 held  450/1,000 (45.0%)  in flight 100  launched 37/s of 50.0/s  ended 35/s  throttles 3  ' +
        'failed 10  accepted p50 220 ms p95 250 ms  ETA –',
    ],
    [
      { phase: { kind: 'waiting', labels: ['region=asia', 'region=africa'], leftMs: 42_000 }, eta: null },
      '12 s:  waiting for region=asia or region=africa, gives up in 42 s  450/1,000 (45.0%)  in flight 100  ' +
        'launched 37/s of 50.0/s  ended 35/s  throttles 3  failed 10  accepted p50 220 ms p95 250 ms  ETA –',
    ],
  ])('%#', (changes, line) => {
    expect(progressLine(sampleProgress(changes))).toBe(line);
  });
});
