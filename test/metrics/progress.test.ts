import { describe, expect, it } from 'vitest';
import { ProgressFold } from '../../src/metrics/progress.ts';
import { HUBS, notAssigned, outcomeRecord, sampleRecord, sessionRecord } from '../support/sample-journal.ts';

const plan = {
  target: sessionRecord().target,
  name: null,
  total: 100,
  ratePerSecond: 5,
  allocation: null,
  concurrency: 100,
  scheduleLeftMs: () => null,
};

describe('progress', () => {
  it('counts what has ended, and shows the last second', () => {
    const fold = new ProgressFold(plan);
    fold.add(outcomeRecord(0, { assignedHub: HUBS[0], registersSent: 3 }));
    fold.add(outcomeRecord(1, notAssigned({ result: 'refused', errorCode: '401000' })));
    fold.add(outcomeRecord(2, notAssigned({ result: 'not-started', registersSent: 0 })));
    fold.addSample(sampleRecord(1000, { throttles: 2, inFlight: 7, launched: 4, settled: 1 }));
    fold.addSample(sampleRecord(2000, { throttles: 1, inFlight: 6, launched: 5, settled: 2 }));
    expect(fold.at(2500)).toMatchObject({
      total: 100,
      settled: 2,
      assigned: 1,
      failed: 1,
      elapsedMs: 2500,
      inFlight: 6,
      launched: 5,
      settledLately: 2,
      throttles: 3,
      repeatedRegisters: 2,
      latency: { accepted: { count: 1, p50Ms: 180 }, service: { count: 1, p50Ms: 200 } },
      hubs: [{ hub: HUBS[0], count: 1, share: 1 }],
      errors: [{ code: '401000', count: 1 }],
    });
  });

  it('tells the completions of the last minute, not of the whole run', () => {
    const fold = new ProgressFold(plan);
    for (let row = 0; row < 80; row += 1) fold.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 0 }));
    for (let second = 0; second < 160; second += 1) {
      fold.addSample(sampleRecord(second * 1000, { inFlight: 0, settled: second < 100 ? 9 : 2 }));
    }
    expect(fold.at(160_000).etaMs).toBe(10_000);
    expect(fold.at(160_000).recent).toHaveLength(60);
  });

  it('tells how errors grew in the last ten seconds, and what was expected of hubs', () => {
    const fold = new ProgressFold(plan);
    const fail = (row: number): void =>
      fold.add(outcomeRecord(row, notAssigned({ result: 'refused', errorCode: '401000' })));
    for (let second = 0; second < 15; second += 1) {
      fail(second);
      fold.addSample(sampleRecord(second * 1000));
    }
    fold.add(outcomeRecord(20, { assignedHub: HUBS[0], expectedHub: HUBS[0].toUpperCase() }));
    fold.add(outcomeRecord(21, { assignedHub: HUBS[0], expectedHub: HUBS[1] }));
    const { errors, hubs } = fold.at(15_000);
    expect(errors).toMatchObject([{ code: '401000', count: 15, lately: 9 }]);
    expect(hubs).toEqual([{ hub: HUBS[0], count: 2, share: 1, expectedShare: 0.5 }]);
  });

  it('launches nothing more when it stops: what is in flight is all that is waited for', () => {
    const fold = new ProgressFold(plan);
    for (let row = 0; row < 10; row += 1) fold.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 3_000 }));
    fold.addSample(sampleRecord(5_000, { inFlight: 4, launched: 2, settled: 2 }));
    expect(fold.at(5_000).etaMs).toBeGreaterThan(40_000);
    fold.stop();
    expect(fold.at(5_000)).toMatchObject({ stopping: true, etaMs: expect.closeTo(3_000, -2) });
    expect(fold.at(6_000).etaMs).toBeCloseTo(2_000, -2);
  });

  it('begins with nothing known', () => {
    expect(new ProgressFold(plan).at(0)).toMatchObject({
      settled: 0,
      etaMs: null,
      latency: { accepted: null, service: null },
      hubs: [],
      errors: [],
      recent: [],
    });
  });

  it('begins with the estimate of the run, until something has ended, it stops, or the estimate is over', () => {
    const eta = (fold: ProgressFold, atMs: number) => fold.at(atMs).etaMs;
    const estimated = () => new ProgressFold({ ...plan, estimateMs: 60_000 });
    const fold = estimated();
    expect([eta(fold, 0), eta(fold, 10_000), eta(fold, 60_000)]).toEqual([60_000, 50_000, null]);
    for (let row = 0; row < 10; row += 1) fold.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 3_000 }));
    fold.addSample(sampleRecord(5_000, { inFlight: 4, launched: 2, settled: 2 }));
    const unestimated = new ProgressFold(plan);
    for (let row = 0; row < 10; row += 1) unestimated.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 3_000 }));
    unestimated.addSample(sampleRecord(5_000, { inFlight: 4, launched: 2, settled: 2 }));
    expect(eta(fold, 5_000)).toBe(eta(unestimated, 5_000));
    const stopped = estimated();
    stopped.stop();
    expect(eta(stopped, 1_000)).toBeNull();
  });
});
