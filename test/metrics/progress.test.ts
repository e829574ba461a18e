import { describe, expect, it } from 'vitest';
import { ProgressFold } from '../../src/metrics/progress.ts';
import { noCounts } from '../../src/registration/event-counts.ts';
import { HUBS, notAssigned, outcomeRecord, sampleRecord, sessionRecord } from '../support/sample-journal.ts';

const plan = {
  target: sessionRecord().target,
  name: null,
  registrations: 100,
  before: { settled: 0, assigned: 0, failed: 0 },
  ratePerSecond: 5,
  allocation: null,
  concurrency: 100,
  scheduleLeftMs: () => null,
  estimateMs: 60_000,
};

describe('progress', () => {
  it('counts what has ended, and shows the last second', () => {
    const fold = new ProgressFold(plan);
    fold.add(outcomeRecord(0, { assignedHub: HUBS[0], registersSent: 3 }));
    // Of a registration in progress as well.
    fold.count({ ...noCounts(), registersSent: 8, connectionsLost: 0, registersRepeated: 3 });
    fold.count({ ...noCounts(), registersSent: 2, connectionsLost: 0, registersRepeated: 1 });
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
      repeatedRegisters: 4,
      latency: { accepted: { count: 1, p50Ms: 180 }, service: { count: 1, p50Ms: 200 } },
      hubs: [{ hub: HUBS[0], count: 1, share: 1 }],
      errors: [{ code: '401000', count: 1 }],
    });
  });

  it('tells the completions of the last minute, not of the whole run', () => {
    const fold = new ProgressFold(plan);
    for (let row = 0; row < 80; row += 1) fold.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 0 }));
    for (let second = 0; second < 160; second += 1) {
      fold.addSample(sampleRecord(second * 1000, { inFlight: 0, settled: second < 100 ? 9 : 2, throttles: 1 }));
    }
    const { eta, recent } = fold.at(160_000);
    expect(((eta?.lowMs ?? 0) + (eta?.highMs ?? 0)) / 2 / 10_000).toBeCloseTo(1, 0);
    expect(recent).toHaveLength(60);
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
    expect(hubs).toEqual([
      { hub: HUBS[0], count: 2, share: 1, expectedShare: 0.5 },
      { hub: HUBS[1], count: 0, share: 0, expectedShare: 0.5 },
    ]);
  });

  it('waits only for what is in flight once the run is stopping', () => {
    const fold = new ProgressFold(plan);
    for (let row = 0; row < 10; row += 1) fold.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 3_000 }));
    fold.addSample(sampleRecord(5_000, { inFlight: 4, outstanding: 4, launched: 2, settled: 2 }));
    expect(fold.at(5_000).eta?.lowMs).toBeGreaterThan(40_000);
    fold.stop();
    const left = (ms: number) => ({ lowMs: expect.closeTo(ms, -2), highMs: expect.closeTo(ms, -2) });
    expect(fold.at(5_500)).toMatchObject({ phase: { kind: 'stopping' }, eta: left(2_000) });
    expect(fold.at(6_000).eta).toEqual(left(1_500));
  });

  it('does not count cancelled registrations as ended', () => {
    const fold = new ProgressFold({ ...plan, registrations: 3 });
    for (const result of ['assigned', 'cancelled', 'cancelled'] as const) {
      fold.add(outcomeRecord(0, result === 'assigned' ? {} : notAssigned({ result })));
    }
    fold.addSample(sampleRecord(1_000, { inFlight: 0 }));
    expect(fold.at(1_000)).toMatchObject({ settled: 1, total: 3, phase: { kind: 'starting' } });
  });

  it('shows the whole run after a resume', () => {
    const fold = new ProgressFold({
      ...plan,
      registrations: 400,
      before: { settled: 800, assigned: 795, failed: 5 },
    });
    fold.add(outcomeRecord(0, { startedAtMs: 0, finishedAtMs: 1_000 }));
    fold.add(outcomeRecord(1, notAssigned({ result: 'failed', errorCode: '400207' })));
    expect(fold.at(1_000)).toMatchObject({ total: 1_200, settled: 802, settledBefore: 800, assigned: 796, failed: 6 });
  });

  it('knows each phase of a run', () => {
    const fold = new ProgressFold({ ...plan, registrations: 6 });
    let row = 0;
    const end = (count: number): void => {
      for (; count > 0; count -= 1) fold.add(outcomeRecord(row++, { startedAtMs: 0, finishedAtMs: 1_000 }));
    };
    expect(fold.at(0).phase).toEqual({ kind: 'starting' });
    fold.enter({ kind: 'canary', devices: 2 });
    end(1);
    expect(fold.at(500).phase).toEqual({ kind: 'canary', ended: 1, devices: 2 });
    end(1);
    fold.enter({ kind: 'launching' });
    fold.addSample(sampleRecord(1_000, { inFlight: 2, outstanding: 2, launched: 2 }));
    expect(fold.at(1_000).phase).toEqual({ kind: 'running' });
    // The sample is older than this outcome: two are still to be launched.
    end(1);
    expect(fold.at(1_100).phase).toEqual({ kind: 'running' });
    expect(fold.at(1_100).eta).not.toBeNull();
    fold.outage({ sinceMs: 1_500, held: 1 });
    expect(fold.at(46_500)).toMatchObject({ phase: { kind: 'outage', lastedMs: 45_000, held: 1 }, eta: null });
    // The clock of the view may be behind that of the session.
    expect(fold.at(1_400).phase).toMatchObject({ lastedMs: 0 });
    fold.outage(null);
    fold.awaiting({ labels: ['region=asia'], giveUpAtMs: 88_500 });
    expect(fold.at(46_500)).toMatchObject({
      phase: { kind: 'waiting', labels: ['region=asia'], leftMs: 42_000 },
      eta: null,
    });
    fold.awaiting(null);
    fold.addSample(sampleRecord(47_000, { inFlight: 3, launched: 2 }));
    expect(fold.at(47_000).phase).toEqual({ kind: 'draining' });
    fold.stop();
    expect(fold.at(47_000).phase).toEqual({ kind: 'stopping' });
  });

  it.each([
    ['all have ended', 2],
    ['the time is up', 3],
  ])('ends when %s', (_, registrations) => {
    const fold = new ProgressFold({ ...plan, registrations });
    fold.enter({ kind: 'launching' });
    for (let row = 0; row < 2; row += 1) fold.add(outcomeRecord(row, {}));
    fold.enter({ kind: 'draining' });
    fold.addSample(sampleRecord(1_000, { inFlight: 0 }));
    expect(fold.at(1_000).phase).toEqual({ kind: 'ended' });
  });

  it('begins with nothing known', () => {
    expect(new ProgressFold(plan).at(0)).toMatchObject({
      settled: 0,
      latency: { accepted: null, service: null },
      hubs: [],
      errors: [],
      recent: [],
    });
  });

  it('begins with the estimate of the run, until something has ended, it stops, or the estimate is over', () => {
    const eta = (fold: ProgressFold, atMs: number) => fold.at(atMs).eta;
    const [fold, short] = [new ProgressFold(plan), new ProgressFold({ ...plan, estimateMs: 6_000 })];
    const sure = (ms: number) => ({ lowMs: ms, highMs: ms });
    expect([eta(fold, 0), eta(fold, 10_000), eta(fold, 60_000)]).toEqual([sure(60_000), sure(50_000), null]);
    expect(eta(new ProgressFold({ ...plan, estimateMs: null }), 0)).toBeNull();
    for (const one of [fold, short]) {
      for (let row = 0; row < 10; row += 1) one.add(outcomeRecord(row, { startedAtMs: 0, finishedAtMs: 3_000 }));
      one.addSample(sampleRecord(5_000, { inFlight: 4, launched: 2, settled: 2 }));
    }
    expect(eta(fold, 5_000)).toEqual(eta(short, 5_000));
    const stopped = new ProgressFold(plan);
    stopped.stop();
    expect(eta(stopped, 1_000)).toBeNull();
  });
});
