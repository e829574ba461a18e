import { describe, expect, it } from 'vitest';
import { isAlarm, missesTruth, SERVICES, simulatedPair } from '../support/simulated-pairs.ts';

/** `npm run bench compare` has a thousand pairs, and real ones. */
const PAIRS_EACH = 2;

describe('runs whose latencies depend on each other', () => {
  it.each(Object.entries(SERVICES))('are no regression by chance: %s', (_, service) => {
    for (let seed = 1; seed <= PAIRS_EACH; seed += 1) {
      const unchanged = simulatedPair({ ...service, devices: 600 }, seed, { slowdown: 1 }).unchanged();
      expect([isAlarm(unchanged), missesTruth(unchanged)]).toEqual([false, false]);
    }
  });

  it('are one if they take 20% longer, and there are enough of them', () => {
    const service = { ...(SERVICES['independent latencies'] as (typeof SERVICES)[string]), devices: 2_000 };
    expect(simulatedPair(service, 1, { slowdown: 1.2 }).slower().verdict).toBe('worse');
  });
});
