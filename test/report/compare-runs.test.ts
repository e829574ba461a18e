import { describe, expect, it } from 'vitest';
import type { OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { type ComparedRun, compareRuns, type RunComparison } from '../../src/report/compare-runs.ts';
import { comparisonText } from '../../src/report/comparison-text.ts';
import { DeviceComparisonFold, type DeviceResult } from '../../src/report/device-comparison.ts';
import { summaryFrom } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, SETUP, sessionOf } from '../support/sample-journal.ts';
import { comparedRun, SERVICES, type SimulatedService, simulatedPair } from '../support/simulated-pairs.ts';

type Shape = {
  readonly serviceMs?: number;
  readonly failed?: number;
  /** Devices of the hundred that came to the first hub; the others came to the second. */
  readonly atFirstHub?: number;
  readonly throttles?: number;
  readonly session?: Partial<SessionRecord>;
  readonly machine?: ComparedRun['machine'];
  readonly spacingMs?: number;
};

/** A run of five hundred devices, a hundred every five seconds, whose service always takes as long. */
function run(folder: string, shape: Shape = {}): ComparedRun {
  const { serviceMs = 200, failed = 0, atFirstHub = 50, throttles = 0, session = {}, machine = { cores: 2 } } = shape;
  const { spacingMs = 50 } = shape;
  const outcomes: OutcomeRecord[] = Array.from({ length: 500 }, (_, row) => {
    const startedAtMs = row * spacingMs;
    const times = { intendedAtMs: startedAtMs, startedAtMs, finishedAtMs: startedAtMs + serviceMs, waitedMs: 0 };
    // Spread over the hundred, so that all seconds are alike.
    const place = (row * 37) % 100;
    if (place < failed) return outcomeRecord(row, notAssigned({ result: 'refused', errorCode: '401000', ...times }));
    return outcomeRecord(row, {
      assignedHub: place - failed < atFirstHub ? HUBS[0] : HUBS[1],
      throttles: place < throttles ? 1 : 0,
      ...times,
    });
  });
  return { ...comparedRun(folder, outcomes), summary: summaryFrom(outcomes, session), machine };
}

const compare = (runs: readonly ComparedRun[], tolerance = 0.1, baselines = 1) =>
  compareRuns({ runs, baselines, tolerance }, null);

const worseFigures = (runs: readonly ComparedRun[], tolerance = 0.1, baselines = 1) =>
  compare(runs, tolerance, baselines)
    .figures.filter(({ regressed }) => regressed.includes(true))
    .map(({ name }) => name);

const verdictOf = (comparison: RunComparison, name: string) =>
  comparison.figures.find((figure) => figure.name === name)?.verdicts;

describe('a comparison', () => {
  it.each<[string, Shape, string[]]>([
    ['of a run with itself', {}, []],
    ['within the tolerance', { serviceMs: 219 }, []],
    ['with a faster one', { serviceMs: 20 }, []],
    [
      'with a slower one',
      { serviceMs: 240 },
      ['response', 'service'].flatMap((time) => ['p50', 'p95', 'p99'].map((p) => `${time} ${p}`)),
    ],
    ['with one at half the rate', { spacingMs: 100 }, ['registrations/s']],
    ['with one of which some failed', { failed: 20, atFirstHub: 40 }, ['assigned', 'failed', '401000']],
    ['with another spread over hubs', { atFirstHub: 70 }, [HUBS[0], HUBS[1]]],
    ['with a spread that the tolerance allows', { atFirstHub: 55 }, []],
    ['with throttles', { throttles: 10 }, ['throttles/device']],
  ])('%s', (_, shape, expected) => {
    expect([...worseFigures([run('a'), run('b', shape)])].sort()).toEqual([...expected].sort());
  });

  it('knows which way is worse: of two runs that differ in speed, only the slower one is', () => {
    const [fast, slow] = [run('fast', { serviceMs: 100 }), run('slow', { serviceMs: 150 })];
    expect(verdictOf(compare([fast, slow]), 'service p50')).toEqual([null, 'worse']);
    expect(verdictOf(compare([slow, fast]), 'service p50')).toEqual([null, 'better']);
    expect(verdictOf(compare([fast, fast]), 'service p50')).toEqual([null, 'unchanged']);
  });

  it('gives the same for the same runs', () => {
    const service = { ...(SERVICES['stalls'] as Omit<SimulatedService, 'devices'>), devices: 600 };
    const both = [1, 2].map(() => JSON.stringify(simulatedPair(service, 7, { slowdown: 1.2 }).slower()));
    expect(both[0]).toBe(both[1]);
  });

  it('is inconclusive, with a warning, for times of runs that are too short or have no journal', () => {
    const [short, long] = [run('short', { spacingMs: 5 }), run('long')];
    for (const [before, message] of [
      [short, 'short launched devices in fewer than 8 different seconds'],
      [{ ...long, blocks: null }, 'long has no journal'],
    ] as const) {
      const comparison = compare([before, run('b', { serviceMs: 900 })]);
      expect([comparison.verdict, comparison.regressed]).toEqual(['inconclusive', false]);
      expect(comparison.warnings).toContainEqual(expect.stringContaining(message));
    }
  });

  it('finds that most devices failed even if a run is short', () => {
    const worse = worseFigures([run('a', { spacingMs: 1 }), run('b', { spacingMs: 1, failed: 80 })]);
    expect(worse).toEqual(expect.arrayContaining(['assigned', 'failed', '401000']));
  });

  it('does not judge times that the load generator limited', () => {
    const slow = run('b', { serviceMs: 900, failed: 20 });
    const loadGenerator = { ...slow.summary.loadGenerator, limited: true };
    const comparison = compare([run('a'), { ...slow, summary: { ...slow.summary, loadGenerator } }]);
    expect(verdictOf(comparison, 'service p50')).toEqual([null, 'inconclusive']);
    expect(verdictOf(comparison, 'failed')).toEqual([null, 'worse']);
  });

  it('counts what differs between several runs of a baseline', () => {
    const baseline = [180, 200, 220, 190].map((serviceMs, index) => run(`a${index}`, { serviceMs }));
    const slower = run('b', { serviceMs: 240 });
    expect(verdictOf(compare([run('a'), slower]), 'service p50')).toEqual([null, 'worse']);
    expect(verdictOf(compare([...baseline, slower], 0.1, 4), 'service p50')?.at(-1)).toBe('inconclusive');
  });

  it('judges the time to 99% by several runs of a baseline alone', () => {
    const baseline = [1, 2, 3].map((index) => run(`a${index}`));
    const slower = run('b', { spacingMs: 100 });
    expect(verdictOf(compare([run('a'), slower]), 'time to 99%')).toEqual([null, null]);
    expect(verdictOf(compare([...baseline, slower], 0.1, 3), 'time to 99%')?.at(-1)).toBe('worse');
  });

  it('shows values, changes and spread of every run', () => {
    const runs = [run('a', { serviceMs: 100 }), run('b', { serviceMs: 150 }), run('c', { serviceMs: 50 })];
    const comparison = compare(runs);
    const p50 = comparison.figures.find(({ name }) => name === 'service p50');
    expect(p50).toMatchObject({ regressed: [false, true, false], changes: [null, 0.5, -0.5], spread: 1 });
    expect(comparison.regressed).toBe(true);
    const text = comparisonText(comparison);
    expect(text).toMatch(
      /^\d+ figures worse \(tolerance 10%, 99% confidence\)\nA {2}a \(EMULATOR, ID scope 0ne00111111\), baseline\nB {2}b /,
    );
    expect(text).toMatch(
      /\nservice p50 +100 ms +150 ms +\+50.0% +\+49.9% to \+49.9% +worse +50 ms +−50.0% +−50.0% to −50.0% +better +100.0%\n/,
    );
  });

  it('takes no figure to fall by more than all of it, and writes both ends of an interval alike', () => {
    // Two baseline runs as unlike as these say next to nothing about a third.
    const runs = [run('a', { spacingMs: 20 }), run('b', { spacingMs: 100 }), run('c')];
    const comparison = compare(runs, 0.1, 2);
    const lowest = comparison.figures.flatMap(({ quantity, intervals }) =>
      quantity === 'share' ? [] : intervals.map((interval) => interval?.lower ?? 0),
    );
    expect(Math.min(...lowest)).toBe(-1);
    expect(comparisonText(comparison)).toMatch(/\ntime to 99% .*×0\.00 to ×\d/);
  });

  it('names times as the summary does', () => {
    const names = compare([run('a'), run('b')]).figures.map(({ name }) => name);
    expect(names).toContain('start lag p99');
  });

  it('tells a change of ten times and more as such', () => {
    const text = comparisonText(compare([run('a'), run('b', { serviceMs: 2_500 })]));
    expect(text).toMatch(/\nservice p50 +200 ms +2\.5 s +×12\.5 /);
  });

  it.each<[string, Shape]>([
    ['fleets', { session: { fleet: { ...sessionOf(1_000).fleet, digest: 'cd'.repeat(32) } } }],
    ['targets', { session: { target: { kind: 'service', host: 'h', port: 1, idScope: '0ne1' } } }],
    ['machines', { machine: { cores: 4 } }],
  ])('warns of different %s', (noun, shape) => {
    const { warnings } = compare([run('a'), run('b', shape)]);
    expect(warnings).toEqual([`a and b have different ${noun}`]);
  });

  it('names what was run differently, and takes what was not recorded as no difference', () => {
    const recorded: Partial<SessionRecord> = { loadShape: 'rate', ratePerSecond: 50, setup: SETUP };
    const first = run('a', { session: recorded });
    const slower = compare([first, run('b', { session: { ...recorded, ratePerSecond: 25 } })]);
    expect(slower.warnings).toEqual(['b was run differently from a: load 25/s instead of 50/s']);
    expect(comparisonText(slower)).toContain(`warning  ${slower.warnings[0]}\n`);
    const [unnamed, unrecorded] = [{ ...first, machine: null }, run('c', { session: { ...recorded, setup: null } })];
    expect(compare([unnamed, unrecorded]).warnings).toEqual([]);
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
