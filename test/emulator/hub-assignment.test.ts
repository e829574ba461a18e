import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { hubNamesInCertificate } from '../../src/emulator/server/hub-names.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import type { EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import { FaultPlan } from '../../src/emulator/service/fault-plan.ts';
import { authenticationOf, type HubAssignment, thumbprintOf } from '../../src/emulator/service/hub-assignment.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { authority, deviceCertificate, parsed, x509Attestation, x509Group } from '../support/certificates.ts';
import { connectedDevice } from '../support/connected-device.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  individualEnrollment,
  SECONDARY_KEY,
} from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const [HUB_1, HUB_2] = [1, 2].map((number) => `emulated-hub-${number}.azure-devices.net`);
const MIGRATE = { updateHubAssignment: true, migrateDeviceData: true };
const RESET = { updateHubAssignment: true, migrateDeviceData: false };

function ownGroup(settings: Partial<EnrollmentGroup>): EnrollmentGroup {
  const [group] = emulatedInstance().enrollmentGroups;
  if (group === undefined) throw new Error('no group');
  return { ...group, ...settings };
}

/** What the service tells the hubs. */
function told(group: Partial<EnrollmentGroup> = {}, faults: FaultPlan | null = null) {
  const assigned: HubAssignment[] = [];
  const service = new ProvisioningService({
    instances: [emulatedInstance({ enrollmentGroups: [ownGroup(group)] })],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    newGuid: () => '00000000-0000-4000-8000-000000000000',
    onAssigned: (each) => assigned.push(each),
    ...(faults === null ? {} : { faults }),
  });
  const register = (nowMs = NOW_MS) => service.register(connectedDevice(service, 'Dev-1', nowMs), '', nowMs);
  return { assigned, service, register };
}

const CUSTOM = {
  allocationPolicy: 'custom',
  customAllocationDefinition: { webhookUrl: 'http://localhost:1/', apiVersion: '2018-09-01-preview' },
} as const;

describe('what the service tells the hubs', () => {
  it('is device, keys and twin, once the hub is decided, with the time at which the operation ends', () => {
    const initialTwin = { tags: { line: 'a' } };
    const attestation = { kind: 'symmetricKey', primaryKey: GROUP_KEY, secondaryKey: SECONDARY_KEY } as const;
    const { assigned, register } = told({ initialTwin, attestation, capabilities: { iotEdge: true } });
    register();
    expect(assigned).toEqual([
      {
        hub: expect.stringMatching(/^emulated-hub-\d/),
        deviceId: 'Dev-1',
        substatus: 'initialAssignment',
        movesFrom: null,
        authentication: {
          type: 'sas',
          primaryKey: deriveDeviceKey(GROUP_KEY, 'Dev-1'),
          secondaryKey: deriveDeviceKey(SECONDARY_KEY, 'Dev-1'),
        },
        iotEdge: true,
        initialTwin,
        atMs: NOW_MS + 200,
      },
    ]);
  });

  it.each([
    ['fail-assignment', { kind: 'fail-assignment', errorCode: 400_208, errorMessage: 'x' }],
    ['endless-assigning', { kind: 'endless-assigning' }],
  ] as const)('is nothing when the operation never ends at a hub: %s', (_, fault) => {
    const { assigned, register } = told({}, new FaultPlan([faultRule(fault)], 1, NOW_MS));
    register();
    expect(assigned).toEqual([]);
  });

  it.each([
    ['migrates', MIGRATE, 'deviceDataMigrated'],
    ['resets', RESET, 'deviceDataReset'],
  ] as const)('names the old hub when the device moves and %s its data', (_, reprovisionPolicy, substatus) => {
    const { assigned, register, service } = told({ ...CUSTOM, reprovisionPolicy });
    for (const hub of [HUB_1, HUB_1, HUB_2]) {
      register();
      const body = JSON.stringify({ iotHubHostName: hub, initialTwin: { tags: { from: hub } } });
      for (const call of service.takeWebhookCalls()) call.settle({ kind: 'answered', status: 200, body }, NOW_MS);
    }
    expect(assigned).toMatchObject([
      { hub: HUB_1, substatus: 'initialAssignment', movesFrom: null, initialTwin: { tags: { from: HUB_1 } } },
      { hub: HUB_1, substatus: 'reprovisionedToInitialAssignment', movesFrom: null },
      { hub: HUB_2, substatus, movesFrom: { hub: HUB_1, deviceId: 'Dev-1' } },
    ]);
  });

  it('is how the device proves who it is', async () => {
    const line = await authority('Line');
    const leaf = await deviceCertificate('dev-1', line);
    const device = { credentials: { kind: 'certificates', chain: [parsed(leaf)] } } as unknown as ConnectedDevice;
    const individual = individualEnrollment({ attestation: x509Attestation('client', leaf) });
    const group = x509Group('line', line);
    const leafBehavior = { ...SERVICE_BEHAVIOR_DEFAULT, hubGroupCertificates: 'leaf' } as const;
    const thumbprints = [thumbprintOf(parsed(leaf))];
    expect(thumbprints[0]).toMatch(/^[0-9A-F]{64}$/);
    expect(authenticationOf(individual, 'dev-1', device, SERVICE_BEHAVIOR_DEFAULT)).toEqual({
      type: 'selfSigned',
      thumbprints,
    });
    expect(authenticationOf(group, 'dev-1', device, SERVICE_BEHAVIOR_DEFAULT)).toMatchObject({
      type: 'certificateAuthority',
    });
    expect(authenticationOf(group, 'dev-1', device, leafBehavior)).toEqual({ type: 'selfSigned', thumbprints });
    expect(authenticationOf(individualEnrollment(), 'x', device, SERVICE_BEHAVIOR_DEFAULT)).toEqual({
      type: 'sas',
      primaryKey: DEVICE_KEY,
      secondaryKey: SECONDARY_KEY,
    });
  });
});

describe('the names of hubs in the certificate', () => {
  it.each([
    [['a.azure-devices.net', 'B.Azure-devices.net'], ['*.azure-devices.net']],
    [
      ['a.azure-devices.net', 'a.azure-devices.cn'],
      ['*.azure-devices.net', '*.azure-devices.cn'],
    ],
    [
      ['hub.local', 'hub'],
      ['hub.local', 'hub'],
    ],
    [[], []],
  ])('%j: %j', (hosts, names) => {
    expect(hubNamesInCertificate(hosts)).toEqual(names);
  });
});
