import { expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import { HubExpectation } from '../../src/allocation/hub-expectation.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

const NOTHING_SAID: AllocationExpectation = {
  policy: null,
  by: 'fleet',
  cohorts: [],
  asRun: null,
  tolerance: 0.02,
  confidence: 0.95,
  reprovision: null,
  moved: null,
};

it('shares the assigned registrations out as their rows expect, whatever the case', () => {
  const expectation = new HubExpectation(null);
  expectation.add(outcomeRecord(0, { expectedHub: 'Hub-A.azure-devices.net' }));
  expectation.add(outcomeRecord(1, { expectedHub: 'hub-a.azure-devices.net' }));
  expectation.add(outcomeRecord(2, { expectedHub: 'hub-b.azure-devices.net' }));
  expectation.add(outcomeRecord(3, { expectedHub: 'hub-a.azure-devices.net' }));
  expectation.add(outcomeRecord(4));
  expectation.add(outcomeRecord(5, notAssigned({ result: 'failed', expectedHub: 'hub-b.azure-devices.net' })));
  expect([...expectation.shares()]).toEqual([
    ['hub-a.azure-devices.net', 0.75],
    ['hub-b.azure-devices.net', 0.25],
  ]);
});

it('is what the allocation policy is expected to do with the whole fleet, whatever rows say', () => {
  const hubs = [
    { hub: 'hub-a', weight: 2 },
    { hub: 'hub-b', weight: 1 },
    { hub: 'hub-c', weight: 1 },
  ];
  const stated = { ...NOTHING_SAID, cohorts: [{ name: '', hubs }] };
  const expectation = new HubExpectation(stated);
  expectation.add(outcomeRecord(0, { expectedHub: 'hub-b' }));
  expect([...expectation.shares()]).toEqual([
    ['hub-a', 0.5],
    ['hub-b', 0.25],
    ['hub-c', 0.25],
  ]);
  const byGroup = new HubExpectation({ ...stated, by: 'group' });
  byGroup.add(outcomeRecord(0, { expectedHub: 'hub-b' }));
  expect([...byGroup.shares()]).toEqual([['hub-b', 1]]);
});
