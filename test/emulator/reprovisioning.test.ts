import { describe, expect, it } from 'vitest';
import type { EnrollmentReprovisionPolicy } from '../../src/emulator/service/dps-instance.ts';
import { reprovisionPolicyOf, substatusOf } from '../../src/emulator/service/reprovisioning.ts';
import { individualEnrollment } from '../support/emulated-instance.ts';

const MIGRATE: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: true };
const RESET: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: false };
const NEVER: EnrollmentReprovisionPolicy = { updateHubAssignment: false, migrateDeviceData: false };

describe('re-provisioning', () => {
  it.each([
    ['a', null, MIGRATE, 'initialAssignment'],
    ['a', null, NEVER, 'initialAssignment'],
    ['a', 'a', MIGRATE, 'reprovisionedToInitialAssignment'],
    ['a', 'a', RESET, 'reprovisionedToInitialAssignment'],
    ['b', 'a', MIGRATE, 'deviceDataMigrated'],
    ['b', 'a', RESET, 'deviceDataReset'],
  ] as const)('to %s from %s with %j: %s', (hub, previousHub, policy, expected) => {
    expect(substatusOf(hub, previousHub, policy)).toBe(expected);
  });

  it.each([
    [null, '2021-06-01', MIGRATE],
    [null, '2018-11-01', MIGRATE],
    [null, '2018-09-01-preview', MIGRATE],
    [null, '2018-04-01', NEVER],
    [null, '2017-11-15', NEVER],
    [RESET, '2018-04-01', RESET],
    [NEVER, '2021-06-01', NEVER],
  ])('policy %j for api-version %s is %j', (reprovisionPolicy, apiVersion, expected) => {
    expect(reprovisionPolicyOf(individualEnrollment({ reprovisionPolicy }), apiVersion)).toEqual(expected);
  });
});
