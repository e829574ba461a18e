import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import type { DpsInstance } from '../../src/emulator/service/dps-instance.ts';
import type { InstanceState } from '../../src/emulator/service/instance-state.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { connectedDevice } from '../support/connected-device.ts';
import {
  emulatedInstance,
  GROUP_KEY,
  ID_SCOPE,
  individualEnrollment,
  OTHER_KEY,
} from '../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function serviceWith(...instances: readonly DpsInstance[]): ProvisioningService {
  const newGuid = (): string => crypto.randomUUID();
  return new ProvisioningService({ instances, behavior: SERVICE_BEHAVIOR_DEFAULT, startedAtMs: NOW_MS, newGuid });
}

function instanceOf(service: ProvisioningService): InstanceState {
  const instance = service.instance(ID_SCOPE);
  if (instance === null) throw new Error('no instance');
  return instance;
}

const ofDevice = (settings = {}) =>
  individualEnrollment({
    registrationId: 'dev-1',
    attestation: { kind: 'symmetricKey', primaryKey: deriveDeviceKey(GROUP_KEY, 'dev-1'), secondaryKey: null },
    ...settings,
  });

/** A device that has registered, and how its next requests are answered. */
function registered(service: ProvisioningService) {
  const device: ConnectedDevice = connectedDevice(service, 'dev-1', NOW_MS);
  const { operationId } = JSON.parse(service.register(device, '', NOW_MS).body);
  return {
    poll: () => service.poll(device, operationId, NOW_MS + 1_000),
    register: () => service.register(device, '', NOW_MS + 1_000),
  };
}

describe('a device that stays connected', () => {
  it('is let in by an enrollment that is made now', () => {
    const service = serviceWith(emulatedInstance({ enrollmentGroups: [], individualEnrollments: [] }));
    const device = connectedDevice(service, 'dev-1', NOW_MS);
    expect(service.register(device, '', NOW_MS).status).toBe(401);
    instanceOf(service).enrollments.individuals.put(ofDevice(), NOW_MS);
    expect(service.register(device, '', NOW_MS).status).toBe(202);
  });

  it.each<[change: string, (instance: InstanceState) => void, answer: object]>([
    ['is deleted', ({ enrollments }) => enrollments.individuals.delete('DEV-1'), { status: 401 }],
    [
      'gets another key',
      ({ enrollments }) =>
        enrollments.individuals.put(
          ofDevice({ attestation: { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: null } }),
          NOW_MS,
        ),
      { status: 401 },
    ],
    [
      'is disabled',
      ({ enrollments }) => enrollments.individuals.put(ofDevice({ provisioningStatus: 'disabled' }), NOW_MS),
      { status: 200, body: expect.stringContaining('"status":"disabled"') },
    ],
  ])('is refused at its next poll and its next register request once its enrollment %s', (_, change, answer) => {
    const service = serviceWith(emulatedInstance({ enrollmentGroups: [], individualEnrollments: [ofDevice()] }));
    const { poll, register } = registered(service);
    expect(poll().body).toContain('"assigned"');
    change(instanceOf(service));
    expect(poll()).toMatchObject(answer);
    expect(register()).toMatchObject(answer);
  });

  it('is refused once an individual enrollment blocks it in its group', () => {
    const service = serviceWith(emulatedInstance());
    const { poll } = registered(service);
    instanceOf(service).enrollments.individuals.put(ofDevice({ provisioningStatus: 'disabled' }), NOW_MS);
    expect(poll().body).toContain('"disabled"');
  });

  it('keeps its record when its group is deleted', () => {
    const service = serviceWith(emulatedInstance());
    const { register } = registered(service);
    instanceOf(service).enrollments.groups.delete('default');
    expect(register().status).toBe(401);
    expect(service.registration(ID_SCOPE, 'dev-1', NOW_MS + 1_000)).toMatchObject({ status: 'assigned' });
  });
});

describe('a change of the configuration', () => {
  const group = emulatedInstance().enrollmentGroups[0];
  const hubs = (...hostNames: readonly string[]) =>
    emulatedInstance({
      linkedHubs: hostNames.map((hostName) => ({
        hostName,
        weight: 1,
        applyAllocationPolicy: true,
        identityLimit: null,
      })),
    });

  it('sends a device that registers again to where it now belongs', () => {
    const service = serviceWith(hubs('old'));
    const { register } = registered(service);
    service.configure([hubs('new')], NOW_MS);
    expect(register().status).toBe(202);
    expect(service.registration(ID_SCOPE, 'dev-1', NOW_MS + 2_000)).toMatchObject({
      assignedHub: 'new',
      substatus: 'deviceDataMigrated',
      createdDateTimeUtc: '2026-01-01T00:00:00.0000000Z',
    });
  });

  it('leaves a device where it is if its policy says never, even at a hub that is linked no more', () => {
    const never = { ...group, reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } };
    const enrollmentGroups = [never as NonNullable<typeof group>];
    const service = serviceWith({ ...hubs('old'), enrollmentGroups });
    const { register } = registered(service);
    service.configure([{ ...hubs('new'), enrollmentGroups }], NOW_MS);
    register();
    expect(service.registration(ID_SCOPE, 'dev-1', NOW_MS + 2_000)).toMatchObject({
      assignedHub: 'old',
      substatus: 'reprovisionedToInitialAssignment',
    });
  });

  it('of the register budget begins a new one; any other change leaves what was used of it', () => {
    const quotas = (limit: number) => ({
      register: { algorithm: 'token-bucket' as const, limit, perMs: 60_000 },
      pollPerDevice: null,
      serviceOperations: null,
      retryAfterSeconds: null,
    });
    const service = serviceWith(emulatedInstance({ quotas: quotas(1) }));
    const { register } = registered(service);
    expect(register().status).toBe(429);
    service.configure([{ ...hubs('new'), quotas: quotas(1) }], NOW_MS);
    expect(register().status).toBe(429);
    service.configure([{ ...hubs('new'), quotas: quotas(2) }], NOW_MS);
    expect(register().status).toBe(202);
  });

  it('closes an ID scope that is left out: nobody gets in, its records stay, and go on when it comes back', () => {
    const service = serviceWith(emulatedInstance());
    const { poll, register } = registered(service);
    const other = emulatedInstance({ idScope: '0ne00222222' });
    service.configure([other], NOW_MS);
    expect(() => connectedDevice(service, 'dev-1', NOW_MS)).toThrow('unknown ID scope');
    expect([poll().status, register().status]).toEqual([401, 401]);
    expect([...service.records(NOW_MS + 1_000)]).toMatchObject([{ idScope: ID_SCOPE, status: 'assigned' }]);
    service.configure([emulatedInstance(), other], NOW_MS);
    expect([poll().status, register().status]).toEqual([200, 202]);
    expect([...service.records(NOW_MS + 2_000)]).toMatchObject([{ registers: 2 }]);
  });
});

it('a reset forgets devices, budgets and counts, and puts the enrollments back to the configuration', () => {
  const quotas = {
    register: { algorithm: 'token-bucket' as const, limit: 1, perMs: 60_000 },
    pollPerDevice: null,
    serviceOperations: null,
    retryAfterSeconds: null,
  };
  const service = serviceWith(emulatedInstance({ quotas }));
  const { poll, register } = registered(service);
  instanceOf(service).enrollments.groups.delete('default');
  instanceOf(service).enrollments.individuals.put(ofDevice(), NOW_MS);
  const { counters } = service;
  service.reset(NOW_MS);
  expect([...service.records(NOW_MS)]).toEqual([]);
  expect(counters).toMatchObject({ registrationAttempts: 0, connectsAccepted: 0 });
  expect(instanceOf(service).enrollments.individuals.get('dev-1')).toBeNull();
  // The connection is still there, the operation is not.
  expect([poll().status, register().status]).toEqual([404, 202]);
  expect([...service.records(NOW_MS)]).toMatchObject([{ enrollmentGroupId: 'default', registers: 1 }]);
});

it('a device is found among any number of individual enrollments without a search', () => {
  const many = Array.from({ length: 10_000 }, (_, n) => individualEnrollment({ registrationId: `dev-${n}` }));
  const service = serviceWith(emulatedInstance({ individualEnrollments: many, enrollmentGroups: [] }));
  const { individuals } = instanceOf(service).enrollments;
  const device = connectedDevice(service, 'dev-9999', NOW_MS);
  let lookedAt = 0;
  const get = individuals.get.bind(individuals);
  individuals.get = (id) => {
    lookedAt += 1;
    return get(id);
  };
  individuals.list = () => {
    throw new Error('all enrollments are searched');
  };
  service.register(device, '', NOW_MS);
  expect(lookedAt).toBeLessThan(5);
});
