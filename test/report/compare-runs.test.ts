import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { type ComparedRun, compareRuns } from '../../src/report/compare-runs.ts';
import { comparisonText } from '../../src/report/comparison-text.ts';
import { DeviceComparisonFold, type DeviceResult } from '../../src/report/device-comparison.ts';
import { summaryFrom } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, sessionOf } from '../support/sample-journal.ts';

type Shape = {
  readonly serviceMs?: number;
  readonly failed?: number;
  /** Devices of the hundred that came to the first hub; the others came to the second. */
  readonly atFirstHub?: number;
  readonly throttles?: number;
  readonly session?: Partial<SessionRecord>;
  readonly machine?: ComparedRun['machine'];
};

/** A run of a hundred devices. */
function run(folder: string, shape: Shape = {}): ComparedRun {
  const { serviceMs = 200, failed = 0, atFirstHub = 50, throttles = 0, session = {}, machine = { cores: 2 } } = shape;
  const outcomes: OutcomeRecord[] = Array.from({ length: 100 }, (_, row) => {
    const times = { intendedAtMs: row, startedAtMs: row, finishedAtMs: row + serviceMs, waitedMs: 0 };
    if (row < failed) return outcomeRecord(row, notAssigned({ result: 'refused', errorCode: '401000', ...times }));
    return outcomeRecord(row, {
      assignedHub: row - failed < atFirstHub ? HUBS[0] : HUBS[1],
      throttles: row < throttles ? 1 : 0,
      ...times,
    });
  });
  return { folder, summary: summaryFrom(outcomes, session), machine };
}

const worseFigures = (runs: readonly ComparedRun[], tolerance = 0.1) =>
  compareRuns(runs, tolerance, null)
    .figures.filter(({ regressed }) => regressed.includes(true))
    .map(({ name }) => name);

describe('a comparison', () => {
  it.each<[string, Shape, string[]]>([
    ['of a run with itself', {}, []],
    ['within the tolerance', { serviceMs: 219 }, []],
    ['with a faster one', { serviceMs: 20 }, []],
    [
      'with a slower one',
      { serviceMs: 240 },
      [
        ...['response', 'service'].flatMap((time) => ['p50', 'p95', 'p99'].map((p) => `${time} ${p}`)),
        'time to 99%',
        'registrations/s',
      ],
    ],
    ['with one of which some failed', { failed: 20, atFirstHub: 40 }, ['assigned', 'failed', '401000']],
    ['with another spread over hubs', { atFirstHub: 61 }, [HUBS[0], HUBS[1]]],
    ['with a spread that the tolerance allows', { atFirstHub: 60 }, []],
    ['with throttles', { throttles: 1 }, ['throttles/device']],
  ])('%s', (_, shape, expected) => {
    expect([...worseFigures([run('a'), run('b', shape)])].sort()).toEqual([...expected].sort());
  });

  it('knows which way is worse: of two runs that differ in speed, only the slower one is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 1000 }), fc.integer({ min: 10, max: 1000 }), (a, b) => {
        const allowed = Math.max(1, a * 0.1);
        // Both are only known within the 0.1% of the histogram.
        fc.pre(Math.abs(b - a - allowed) > 0.005 * (a + b));
        const found = worseFigures([run('a', { serviceMs: a }), run('b', { serviceMs: b })]);
        expect(found.includes('service p50')).toBe(b - a > allowed);
      }),
      {
        numRuns: 15,
        examples: [
          [100, 120],
          [120, 100],
          [100, 105],
        ],
      },
    );
  });

  it('shows values, changes and spread of every run', () => {
    const runs = [run('a', { serviceMs: 100 }), run('b', { serviceMs: 150 }), run('c', { serviceMs: 50 })];
    const { figures, regressed } = compareRuns(runs, 0.1, null);
    const p50 = figures.find(({ name }) => name === 'service p50');
    expect(p50).toMatchObject({ regressed: [false, true, false], changes: [null, 0.5, -0.5], spread: 1 });
    expect(regressed).toBe(true);
    const text = comparisonText(compareRuns(runs, 0.1, null));
    expect(text).toMatch(/^\d+ figures worse \(tolerance 10%\)\nA {2}a \(EMULATOR, ID scope 0ne00111111\)\nB {2}b /);
    expect(text).toMatch(/\nservice p50 +100 ms +150 ms +\+50.0% +50 ms +-50.0% +100.0% {2}worse\n/);
  });

  it('tells a change of ten times and more as such', () => {
    const text = comparisonText(compareRuns([run('a'), run('b', { serviceMs: 2_500 })], 0.1, null));
    expect(text).toMatch(/\nservice p50 +200 ms +2\.5 s +×12\.5 /);
  });

  it.each<[string, Shape]>([
    ['fleets', { session: { fleet: { ...sessionOf(100).fleet, digest: 'cd'.repeat(32) } } }],
    ['targets', { session: { target: { kind: 'service', host: 'h', port: 1, idScope: '0ne1' } } }],
    ['dpsload versions', { session: { dpsloadVersion: '9.9.9' } }],
    ['machines', { machine: { cores: 4 } }],
    ['workers, concurrency, load shapes, rates or limits', { session: { concurrency: 7 } }],
    ['workers, concurrency, load shapes, rates or limits', { session: { loadShape: 'at-once' } }],
  ])('warns of different %s', (noun, shape) => {
    const { warnings } = compareRuns([run('a'), run('b', shape)], 0.1, null);
    expect(warnings).toEqual([`a and b have different ${noun}`]);
  });
});

describe('devices, one by one', () => {
  const device = (result: string, assignedHub: string, serviceMs: number | null, id = 'd'): DeviceResult => ({
    registrationId: id,
    round: '1',
    result,
    assignedHub,
    deviceId: assignedHub === '' ? '' : id,
    substatus: '',
    serviceMs,
  });

  it('moved as many as the shares had to, when a hub was added and the policy is consistent', () => {
    const fold = new DeviceComparisonFold(0.1);
    for (let row = 0; row < 300; row += 1) {
      const before = device('assigned', row % 2 === 0 ? 'a' : 'b', 500);
      fold.add(before, row % 3 === 0 ? { ...before, assignedHub: 'c', deviceId: 'new' } : before);
    }
    const { changes, changedDeviceId, expectedMovement } = fold.result();
    expect([changes.movedHub, changedDeviceId]).toEqual([100, 100]);
    expect(expectedMovement?.least).toBeCloseTo(1 / 3, 10);
    expect(expectedMovement?.redrawn).toBeCloseTo(2 / 3, 10);
  });

  it.each<[DeviceResult, DeviceResult, object]>([
    [device('assigned', 'a', 500), device('assigned', 'A', 500), { changes: { keptHub: 1 }, slower: 0, faster: 0 }],
    [device('assigned', 'a', 500), device('assigned', 'b', 551), { changes: { movedHub: 1 }, slower: 1, moved: ['d'] }],
    [device('assigned', 'a', 500), device('assigned', 'a', 449), { changes: { keptHub: 1 }, faster: 1 }],
    [device('assigned', 'a', 5), device('assigned', 'a', 45), { slower: 0 }],
    [device('assigned', 'a', 5), device('failed', '', 900), { changes: { lost: 1 }, slower: 0, lost: ['d'] }],
    [device('assigned', 'a', 5), device('cancelled', '', 9), { changes: { lost: 0, untold: 1 }, lost: [] }],
    [device('refused', '', 5), device('assigned', 'a', 900), { changes: { won: 1 }, slower: 0 }],
    [device('not-started', '', null), device('failed', '', 9), { changes: { neverAssigned: 1 } }],
  ])('%#', (before, after, expected) => {
    const fold = new DeviceComparisonFold(0.1);
    fold.add(before, after);
    expect(fold.result()).toMatchObject(expected);
  });

  it('names but the first ones', () => {
    const fold = new DeviceComparisonFold(0.1);
    for (let row = 0; row < 1_000; row += 1)
      fold.add(device('assigned', 'a', 1), device('assigned', 'b', 1, `d${row}`));
    expect(fold.result().changes.movedHub).toBe(1_000);
    expect(fold.result().moved).toEqual(['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8', 'd9']);
  });
});
