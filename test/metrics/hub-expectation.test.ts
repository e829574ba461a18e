import { expect, it } from 'vitest';
import { HubExpectation } from '../../src/metrics/hub-expectation.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

it('shares the assigned registrations out as their rows expect, whatever the case', () => {
  const expectation = new HubExpectation();
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
