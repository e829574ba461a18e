import { describe, expect, it } from 'vitest';
import { ProgressFold } from '../../src/metrics/progress.ts';
import { HUBS, notAssigned, outcomeRecord, sampleRecord, sessionRecord } from '../support/sample-journal.ts';

const plan = { target: sessionRecord().target, name: null, total: 100, ratePerSecond: 5 };

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
      accepted: { count: 1, p50Ms: 180 },
      service: { count: 1, p50Ms: 200 },
      hubs: [{ hub: HUBS[0], count: 1, share: 1 }],
      errors: [{ code: '401000', count: 1 }],
    });
  });

  it.each([
    ['unknown before the first completion', 0, [0, 0, 0], null],
    ['remaining over the measured rate', 20, [10, 5, 5], 12_000],
    ['nothing when all is settled', 100, [50, 50], 0],
    ['that of the last minute', 80, [...Array(100).fill(9), ...Array(60).fill(2)], 10_000],
  ])('the ETA is %s', (_, settled, settledBySecond, etaMs) => {
    const fold = new ProgressFold(plan);
    for (let row = 0; row < settled; row += 1) fold.add(outcomeRecord(row));
    settledBySecond.forEach((count: number, second: number) => {
      fold.addSample(sampleRecord(second * 1000, { settled: count }));
    });
    expect(fold.at(99_000).etaMs).toBe(etaMs);
  });

  it('begins with nothing known', () => {
    expect(new ProgressFold(plan).at(0)).toMatchObject({
      settled: 0,
      etaMs: null,
      accepted: null,
      service: null,
      hubs: [],
      errors: [],
      lastSample: null,
    });
  });
});
