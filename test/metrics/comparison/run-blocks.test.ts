import { describe, expect, it } from 'vitest';
import { RunBlocksFold } from '../../../src/metrics/comparison/run-blocks.ts';
import { RunSample } from '../../../src/metrics/comparison/run-sample.ts';
import { RunTotals } from '../../../src/metrics/run-totals.ts';
import { notAssigned, outcomeRecord, randomFrom } from '../../support/sample-journal.ts';

const at = (second: number, tookMs = 200) => {
  const startedAtMs = second * 1000;
  return { intendedAtMs: startedAtMs, startedAtMs, finishedAtMs: startedAtMs + tookMs, waitedMs: 0 };
};

describe('the blocks of a run', () => {
  it('are its seconds, or more of them together in a long run: never more than 30', () => {
    const blocksOf = (seconds: number): number => {
      const fold = new RunBlocksFold();
      fold.beginSession();
      for (let second = 0; second < seconds; second += 1) fold.add(outcomeRecord(second, at(second)), true);
      return fold.blocks().launches.length;
    };
    expect([1, 12, 30, 31, 60, 61, 10_000].map(blocksOf)).toEqual([1, 12, 30, 16, 30, 16, 20]);
  });

  it('have together what the whole run has', () => {
    const fold = new RunBlocksFold();
    const totals = new RunTotals();
    fold.beginSession();
    for (let row = 0; row < 50; row += 1) {
      const failed = row % 10 === 0 ? notAssigned({ result: 'failed', errorCode: '404201' }) : {};
      const outcome = outcomeRecord(row, { throttles: row % 5 === 0 ? 2 : 0, ...failed, ...at(row / 5, 100 + row) });
      fold.add(outcome, true);
      totals.add(outcome);
    }
    const run = new RunSample(fold.blocks());
    expect(run.perLaunched('assigned')).toBe(0.9);
    expect(run.perLaunched('failed')).toBe(0.1);
    expect(run.errorShare('404201')).toBe(0.1);
    expect(run.perLaunched('throttles')).toBe(0.4);
    expect(run.hubShare('hub-a.azure-devices.net')).toBeCloseTo(15 / 45, 10);
    expect(run.endedPerSecond()).toBeCloseTo(totals.values().endedPerSecond ?? 0, 2);
  });

  it('count requests of an outcome that was replaced, but not its result', () => {
    const fold = new RunBlocksFold();
    fold.beginSession();
    fold.add(outcomeRecord(0, { ...at(0), registersSent: 3 }), false);
    fold.beginSession();
    fold.add(outcomeRecord(0, at(0)), true);
    const run = new RunSample(fold.blocks());
    expect([run.perLaunched('launched'), run.perLaunched('registersSent')]).toEqual([1, 4]);
  });

  it('do not hold the time between sessions, but the seconds in which nothing ended', () => {
    const fold = new RunBlocksFold();
    fold.beginSession();
    for (const second of [0, 9]) fold.add(outcomeRecord(second, at(second, 999)), true);
    fold.beginSession();
    for (const second of [0, 9]) fold.add(outcomeRecord(second, at(second, 999)), true);
    const { ends } = fold.blocks();
    expect(ends).toHaveLength(20);
    expect(ends.reduce((sum, { activeMs }) => sum + activeMs, 0)).toBe(19_998);
    expect(new RunSample(fold.blocks()).endedPerSecond()).toBeCloseTo(0.2, 4);
  });

  it('hold an end at the very end of a session', () => {
    const fold = new RunBlocksFold();
    fold.beginSession();
    for (const second of [0, 9]) fold.add(outcomeRecord(second, at(second, 1000)), true);
    expect(new RunSample(fold.blocks()).endedPerSecond()).toBe(0.2);
  });

  it('are drawn as many as there are, with replacement', () => {
    const fold = new RunBlocksFold();
    fold.beginSession();
    for (let second = 0; second < 20; second += 1) {
      fold.add(outcomeRecord(second, { ...at(second), throttles: second }), true);
    }
    const run = new RunSample(fold.blocks());
    const random = randomFrom(1);
    let sum = 0;
    for (let draw = 0; draw < 2_000; draw += 1) {
      run.draw(random);
      sum += run.perLaunched('throttles') ?? 0;
    }
    expect(sum / 2_000).toBeCloseTo(9.5, 0);
  });
});
