import { describe, expect, it } from 'vitest';
import { type EnrollmentSettings, enrollmentColumns, wantedEnrollment } from '../../src/enroll/wanted-enrollment.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import type { Problem } from '../../src/problem/operator-error.ts';

const SETTINGS: EnrollmentSettings = {
  hubs: null,
  policy: null,
  webhook: null,
  initialTwin: { tags: { site: 'a' } },
  reprovisioning: 'migrate',
  status: 'enabled',
  iotEdge: false,
};
const ATTESTATION = { type: 'symmetricKey' } as const;

function wanted(columns: Readonly<Record<string, string>>, settings: Partial<EnrollmentSettings> = {}) {
  const row = { registrationId: 'dev-1', otherValues: Object.values(columns) } as unknown as FleetRow;
  const problems: Problem[] = [];
  const places = enrollmentColumns('f.csv', Object.keys(columns), problems);
  return wantedEnrollment(row, places, { ...SETTINGS, ...settings }, ATTESTATION);
}

describe('a row', () => {
  it('takes what it does not say from the settings, and spells out the defaults', () => {
    expect(wanted({ site: 'x', device_id: '' })).toEqual({
      wanted: {
        registrationId: 'dev-1',
        attestation: ATTESTATION,
        provisioningStatus: 'enabled',
        capabilities: { iotEdge: false },
        reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
        initialTwin: { tags: { site: 'a' } },
      },
    });
  });

  it('decides for itself where it says something', () => {
    const columns = {
      ...{ device_id: 'pump:1', iot_hubs: 'A.net; b.net', allocation_policy: 'custom', reprovisioning: 'never' },
      ...{ initial_twin: '{"properties":{"desired":{"i":60}}}', enrollment_status: 'disabled', iot_edge: 'yes' },
    };
    const webhook = { webhookUrl: 'https://f.example/?code=1', apiVersion: '2019-03-31' };
    expect(wanted(columns, { webhook })).toEqual({
      wanted: {
        ...{ registrationId: 'dev-1', deviceId: 'pump:1', attestation: ATTESTATION, provisioningStatus: 'disabled' },
        capabilities: { iotEdge: true },
        reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false },
        ...{ allocationPolicy: 'custom', iotHubs: ['a.net', 'b.net'], customAllocationDefinition: webhook },
        initialTwin: { properties: { desired: { i: 60 } } },
      },
    });
  });

  it.each([
    [{ device_id: 'a b' }, 'device_id is not a device ID'],
    [{ iot_hubs: 'a b', allocation_policy: 'hashed' }, 'iot_hubs is not a list of hosts, each once'],
    [{ iot_hubs: 'a' }, 'hubs without an allocation policy'],
    [{ allocation_policy: 'custom' }, 'the allocation policy custom without a webhook'],
    [{ allocation_policy: 'even' }, 'allocation_policy is not hashed, geoLatency, static or custom'],
    [{ initial_twin: '{"tags":[]}' }, 'initial_twin is not an initial twin'],
    [{ initial_twin: '{"desired":{}}' }, 'initial_twin is not an initial twin'],
    [{ initial_twin: '{"properties":{"desired":1}}' }, 'initial_twin is not an initial twin'],
    [{ reprovisioning: 'no' }, 'reprovisioning is not migrate, reset or never'],
    [{ enrollment_status: 'on' }, 'enrollment_status is not enabled or disabled'],
    [{ iot_edge: 'maybe' }, 'iot_edge is not true or false'],
  ])('with %j cannot be enrolled: %s', (columns, message) => {
    expect(wanted(columns)).toMatchObject({ complaints: [{ message }] });
  });
});

describe('columns', () => {
  it('without a meaning are named, and those nearly called like one refused', () => {
    const problems: Problem[] = [];
    const { unused } = enrollmentColumns('f.csv', ['site', 'iot_hubs', 'DeviceId'], problems);
    expect(unused).toEqual(['site', 'DeviceId']);
    expect(problems).toMatchObject([{ file: 'f.csv', message: 'column "DeviceId" resembles device_id' }]);
  });
});
