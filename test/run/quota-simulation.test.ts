import { describe, expect, it } from 'vitest';
import { PERMIT_LAPSE_MS } from '../../src/registration/registration-policy.ts';
import { brokenInvariants, quotaRun } from '../support/quota-scenarios.ts';
import { SimulatedRandom } from '../support/simulated-random.ts';
import { simulateSession } from '../support/simulated-session.ts';
import type { WorkerFault } from '../support/simulated-worker.ts';

/** Set it to repeat a run that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_260_101);

describe('a run that only the governor bounds', () => {
  it.each([
    ['twice the rate', 1, { kind: 'rate', ratePerSecond: 60 }],
    ['twice the rate, and no retry-after', null, { kind: 'rate', ratePerSecond: 60 }],
    ['what 100 slots can', 1, { kind: 'closed' }],
  ] as const)('asks for %s, is throttled in its first second, and soon keeps to what is granted', async (_, retryAfterSeconds, shape) => {
    const limit = { algorithm: 'fixed-window', limit: 30, perMs: 1_000 } as const;
    const options = quotaRun(limit.algorithm, 1, {
      registrations: 4_500,
      shape,
      concurrency: shape.kind === 'closed' ? 100 : 600,
      sharePerMinute: null,
      service: { limit, retryAfterSeconds, trouble: 0 },
    });
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBe(4_500);
    expect(result.durationMs / 150_000 - 1).toBeLessThanOrEqual(0.4);
    expect(result.throttled / result.requests).toBeLessThanOrEqual(0.01);
  });
});

const WORKERS = 4;
const FAULTS_UNTIL_MS = 10 * 60_000;

/** Each worker stands still again and again, while the others go on. */
function standstills(longestMs: number, random: SimulatedRandom): readonly WorkerFault[] {
  const faults: WorkerFault[] = [];
  for (let worker = 0; worker < WORKERS; worker += 1) {
    for (let atMs = random.whole(0, 20_000); atMs < FAULTS_UNTIL_MS; atMs += random.whole(5_000, 120_000)) {
      faults.push({ worker, atMs, durationMs: random.whole(500, longestMs), kind: 'stands-still' });
    }
  }
  return faults;
}

/** Workers are lost, and join again a little later. */
function departures(random: SimulatedRandom): readonly WorkerFault[] {
  const faults: WorkerFault[] = [];
  for (let atMs = random.whole(0, 20_000); atMs < FAULTS_UNTIL_MS; atMs += random.whole(20_000, 40_000)) {
    faults.push({
      worker: random.whole(0, WORKERS - 1),
      atMs,
      durationMs: random.whole(1_000, 19_000),
      kind: 'is-lost',
    });
  }
  return faults;
}

describe('on workers that are not alike', () => {
  const random = new SimulatedRandom(SEED);
  // Enough slots that those of one worker that hangs are not missed.
  const busy = { registrations: 2_500, concurrency: 1_000, workers: WORKERS, seed: SEED };
  it.each([
    ['that stand still for as long as permits are valid', { faults: standstills(PERMIT_LAPSE_MS - 100, random) }],
    ['that stand still for longer', { faults: standstills(20_000, random) }],
    ['that are heard late, where much is repeated', { messageDelayMaxMs: 5_000, trouble: 0.02 }],
    [
      'that stand still and are heard late, at a rate of their own',
      {
        faults: standstills(PERMIT_LAPSE_MS, random),
        messageDelayMaxMs: 2_000,
        shape: { kind: 'rate', ratePerSecond: 16 } as const,
      },
    ],
    ['that leave and join', { faults: departures(random) }],
    [
      'that do all of this',
      { faults: [...departures(random), ...standstills(5_000, random)], messageDelayMaxMs: 3_000, trouble: 0.005 },
    ],
  ])(`%s, no minute holds more register requests than the share, seed ${SEED}`, async (_, changes) => {
    const options = quotaRun('sliding-window', 0.9, { ...busy, ...changes });
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBeGreaterThan(0.95 * options.registrations);
  });
});

it('the same seed gives the same run', async () => {
  const options = quotaRun('token-bucket', 0.75, { registrations: 500, trouble: 0.02 });
  expect(await simulateSession(options)).toEqual(await simulateSession(options));
});
