import { beforeAll, describe, expect, it } from 'vitest';
import { REGISTRATION_RESULTS } from '../../src/registration/registration-outcome.ts';
import {
  type SimulatedRegistrations,
  simulateBatch,
  simulateRegistrations,
} from '../support/simulated-registrations.ts';

/** Set it to repeat a run that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_260_101);
const REGISTRATIONS = 10_000;

describe(`${REGISTRATIONS} registrations against a bad network and a bad service, seed ${SEED}`, () => {
  let simulated: SimulatedRegistrations;

  beforeAll(async () => {
    simulated = await simulateRegistrations(SEED, REGISTRATIONS);
  });

  it('each end as the traffic on the wire demands', () => {
    expect(simulated.wrong).toEqual([]);
  });

  it('meet every end that there is', () => {
    const possible = REGISTRATION_RESULTS.filter((result) => result !== 'not-started' && result !== 'unknown');
    expect([...simulated.results.keys()].sort()).toEqual([...possible].sort());
  });

  it.each([
    ...[
      'no-connack',
      'no-suback',
      'no-answer',
      'deadline',
      'polls-exhausted',
      'malformed-answer',
      'connack-3',
      'closed',
    ],
    ...['secondary-key', '400207', '401000', '401002', '404201', '404203', '409203', '429001', '500000', '503'],
  ])('meet %s', (code) => {
    expect(simulated.codes).toContain(code);
  });

  it('are all there, and most reach a hub', () => {
    expect([...simulated.results.values()].reduce((sum, count) => sum + count, 0)).toBe(REGISTRATIONS);
    expect(simulated.results.get('assigned')).toBeGreaterThan(REGISTRATIONS / 2);
  });
});

it('the same seed gives the same outcomes', async () => {
  expect(await simulateBatch(7, 0, 500)).toEqual(await simulateBatch(7, 0, 500));
});
