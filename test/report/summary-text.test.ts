import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../src/cli/view/colors.ts';
import type { EndRecord, OutcomeRecord, SampleRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import type { Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { healthOf, summaryFrom } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, stalledTimes } from '../support/sample-journal.ts';

type Parts = {
  readonly session?: Partial<SessionRecord>;
  readonly end?: EndRecord | null;
  readonly outcomes?: readonly OutcomeRecord[];
  readonly sample?: Partial<SampleRecord>;
  readonly mergedRuns?: readonly string[] | null;
  readonly warnings?: readonly string[];
};

function summaryOf({ session, end, outcomes = [], sample, mergedRuns = null, warnings = [] }: Parts): Summary {
  const facts = { health: healthOf(sample, outcomes), mergedRuns, warnings };
  return summaryFrom(outcomes, session, end === undefined ? facts : { ...facts, end });
}

const assigned = (count: number, changes: Partial<OutcomeRecord> = {}): OutcomeRecord[] =>
  Array.from({ length: count }, (_, row) => outcomeRecord(row, changes));

const text = (parts: Parts): string => summaryText(summaryOf(parts));

it('hands no control character of a name on to the terminal', () => {
  const named = text({ session: { name: 'ev\u001b[31mil\nrun' }, mergedRuns: ['a\u001b[2J'], warnings: ['b\u0007c'] });
  expect(named).toContain('run         ev [31mil run\n');
  expect(named).not.toMatch(/[^\P{Cc}\n]/u);
});

it('says target and verdict first, then how it went', () => {
  const outcomes = [
    ...assigned(3, { throttles: 1, assignedHub: HUBS[0] }),
    outcomeRecord(3, notAssigned({ result: 'refused', errorCode: '401000', errorMessage: 'Unauthorized', polls: 0 })),
  ];
  expect(text({ outcomes })).toBe(`\
target      EMULATOR, ID scope 0ne00111111
verdict     3 of 4 devices assigned; 1 failed
run         sample
started     2026-01-02T03:04:05.678Z
fleet       fleet.csv, 4 rows
SHA-256     ${'ab'.repeat(32)}

results     3 assigned, 1 refused
requests    4 register requests (billed), 3 polls, 4 connections, 3 throttles
throughput  1.24 registrations/s over 3.2 s

latency of 3 assigned registrations, in ms
                          p50    p90    p95    p99  p99.9    max   mean  count
response                3,210  3,210  3,210  3,210  3,210  3,210  3,210      3
  held                   0.00   0.00   0.00   0.00   0.00   0.00   0.00      3
  start lag              10.0   10.0   10.0   10.0   10.0   10.0   10.0      3
  service                 200    200    200    200    200    200    200      3
  waited                3,000  3,000  3,000  3,000  3,000  3,000  3,000      3
tcp                      1.00   1.00   1.00   1.00   1.00   1.00   1.00      3
tls                      5.00   5.00   5.00   5.00   5.00   5.00   5.00      3
connack                  2.00   2.00   2.00   2.00   2.00   2.00   2.00      3
suback                   2.00   2.00   2.00   2.00   2.00   2.00   2.00      3
accepted                  180    180    180    180    180    180    180      3
assigned                3,010  3,010  3,010  3,010  3,010  3,010  3,010      3
allocation                210    210    210    210    210    210    210      3
response, not assigned  3,210  3,210  3,210  3,210  3,210  3,210  3,210      1

assigned hubs
hub-a.azure-devices.net  3  100.0%

errors
401000  1, first in row 4: Unauthorized
  Check that the device key or group key belongs to the enrollment of this device.

load generator
longest event-loop delay  4.50 ms
CPU mean, max             0.50, 0.50 cores
emulator CPU mean         0.25 cores
open files max            130
memory max                150 MB
`);
});

it('counts a row that was not selected in the verdict alone, and calls the others not started', () => {
  const unsent = [2, 3].map((row) => outcomeRecord(row, notAssigned({ result: 'not-started' })));
  const resultsOf = (end: EndRecord['reason']): string | undefined =>
    /^results .*$/m.exec(
      text({ outcomes: [...assigned(2), ...unsent], end: { kind: 'end', atMs: 5_000, reason: end, message: null } }),
    )?.[0];
  expect(resultsOf('limit')).toBe('results     2 assigned');
  expect(resultsOf('interrupted')).toBe('results     2 assigned, 2 not started');
});

describe('the verdict', () => {
  const end = (reason: EndRecord['reason'], message: string | null = null): EndRecord => ({
    kind: 'end',
    atMs: 5000,
    reason,
    message,
  });
  const failed = outcomeRecord(2, notAssigned({ result: 'timed-out', errorCode: 'deadline' }));
  const notStarted = outcomeRecord(3, notAssigned({ result: 'not-started' }));

  it.each<[string, Parts, string]>([
    ['all', { outcomes: assigned(2) }, 'all 2 devices assigned'],
    [
      'limited',
      { outcomes: [...assigned(2), notStarted], end: end('limit') },
      '2 of 3 devices assigned; 1 not selected',
    ],
    ['a selection', { outcomes: [...assigned(2), notStarted] }, '2 of 3 devices assigned; 1 not selected'],
    ['some', { outcomes: [...assigned(2), failed] }, '2 of 3 devices assigned; 1 failed'],
    [
      'stopped',
      { outcomes: [...assigned(2), notStarted], end: end('interrupted') },
      'stopped (interrupted): 2 of 3 devices assigned; 1 not started',
    ],
    [
      'with a reason',
      { end: end('unreachable', 'no device connected') },
      'stopped (unreachable: no device connected): none of 0 devices assigned',
    ],
    [
      'done but for what a dead worker held',
      { outcomes: [...assigned(2), outcomeRecord(2, notAssigned({ result: 'unknown' }))] },
      'some did not finish: 2 of 3 devices assigned; 1 unknown',
    ],
    ['killed', { outcomes: assigned(1), end: null }, 'not finished (still running, or killed): 1 of 1 device assigned'],
  ])('%s', (_, parts, expected) => {
    expect(text(parts).split('\n')[1]).toBe(`verdict     ${expected}`);
  });

  it('is followed by what the load generator did to the figures, when, and what to do', () => {
    const outcomes = assigned(20, { stalled: stalledTimes({ serviceMs: 150, acceptedMs: 100 }) });
    const samples = { sample: { saturatedMs: 30_000 } };
    expect(
      text({ outcomes, ...samples })
        .split('\n')
        .slice(2, 6),
    ).toEqual([
      'limited     by the load generator: its own delays may account for part of service p50 200 ms (50.0 ms without them); accepted p50 180 ms (80.0 ms without them)',
      '            a worker had almost no idle time for 30 s',
      '            this happened at 0.0 to 1.1 s',
      '            Use a machine with free cores, more --workers or a lower --rate.',
    ]);
    expect(text({ outcomes: assigned(20) })).not.toContain('limited');
  });

  it('says that slots did not suffice, which is another matter', () => {
    const outcomes = assigned(20, { intendedAtMs: -2_000, slotWaitMs: 2_000 });
    const lines = text({ outcomes, session: { loadShape: 'rate', ratePerSecond: 50, concurrency: 100 } }).split('\n');
    expect(lines[2]).toBe(
      'slots       20 of 20 launches waited for one of the 100 slots (p95 2.0 s, at most 2.0 s), because registrations take too long for this load. Raise --concurrency to 160 or more, or lower the load.',
    );
  });

  it.each<[boolean, Partial<SessionRecord>]>([
    [false, { loadShape: 'closed' }],
    [true, { loadShape: 'rate', ratePerSecond: 10 }],
    [true, { loadShape: 'stages' }],
    [true, { loadShape: 'batches' }],
    [true, { loadShape: 'at-once' }],
    // Journals that do not tell.
    [false, { loadShape: null }],
    [true, { loadShape: null, ratePerSecond: 10 }],
  ])('shows the start lag where launches have a schedule: %s of %j', (isShown, session) => {
    const { loadGenerator } = summaryOf({ outcomes: assigned(9, { intendedAtMs: -90 }), session });
    expect(loadGenerator.startLagP99Ms).toEqual(isShown ? expect.closeTo(180, 0) : null);
    expect(loadGenerator.limited).toBe(false);
  });
});

describe('what others wrote', () => {
  const hostile = '\u001b[2Jboo\nverdict     all assigned';
  it('cannot make lines or colors', () => {
    const outcomes = [
      outcomeRecord(0, { assignedHub: hostile }),
      outcomeRecord(1, notAssigned({ result: 'failed', errorCode: hostile, errorMessage: hostile })),
    ];
    const lines = text({ outcomes }).split('\n');
    expect(lines.join('')).not.toContain('\u001b');
    expect(lines.filter((line) => line.startsWith('verdict'))).toHaveLength(1);
  });
});

it('has the same words with colors', () => {
  const summary = summaryOf({
    outcomes: [...assigned(3), outcomeRecord(3, notAssigned({ result: 'failed', errorCode: '404201' }))],
    sample: { saturatedMs: 30_000 },
    warnings: ['something'],
  });
  const colored = summaryText(summary, paletteFor(true));
  expect(colored).toContain('\u001b[');
  expect(stripVTControlCharacters(colored)).toBe(summaryText(summary));
});

it('names the runs that were merged', () => {
  expect(text({ outcomes: assigned(1) })).not.toContain('merged');
  expect(text({ outcomes: assigned(1), mergedRuns: ['canary', 'main'] })).toContain('\nmerged      canary, main\n');
});

it('gives the rates while the run launched, and then the mean with the tail', () => {
  const outcomes = Array.from({ length: 500 }, (_, row) =>
    outcomeRecord(row, { startedAtMs: row * 10, finishedAtMs: row * 10 + 3_000 }),
  );
  const session = { loadShape: 'rate', ratePerSecond: 100 } as const;
  expect(text({ outcomes, session })).toMatch(
    /\nthroughput {2}100\/s launched, (99\.\d|100)\/s ended in steady state\n {12}62\.\d registrations\/s over 8\.0 s, the tail included\n/,
  );
});

describe('a load without a rate', () => {
  const said = (session: Partial<SessionRecord>, count: number): number =>
    text({ session, outcomes: assigned(count) }).split('coordinated omission').length - 1;

  it('is said once to hide stalls, with the remedy', () => {
    const session = { loadShape: 'closed', concurrency: 2 } as const;
    expect(said(session, 3)).toBe(1);
    expect(text({ session, outcomes: assigned(3) })).toContain('Set --rate to');
  });

  it.each(['rate', 'stages', 'batches', 'at-once', null] as const)('is no other: %s', (loadShape) => {
    expect(said({ loadShape }, 2)).toBe(0);
  });

  it('hides nothing where each device has a slot', () => {
    expect(said({ loadShape: 'closed', concurrency: 3 }, 3)).toBe(0);
  });
});
