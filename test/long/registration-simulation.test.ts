import { expect, it } from 'vitest';
import { simulateRegistrations } from '../support/simulated-registrations.ts';

/** Set it to repeat a run that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_260_101);
const REGISTRATIONS = 100_000;

it(`${REGISTRATIONS} registrations against a bad network and a bad service, seed ${SEED}, end as the traffic on the wire demands`, async () => {
  const { wrong, results } = await simulateRegistrations(SEED, REGISTRATIONS);
  expect(wrong).toEqual([]);
  expect(results.get('assigned')).toBeGreaterThan(REGISTRATIONS / 2);
});
