import { expect } from 'vitest';
import type { EnrollmentReprovisionPolicy } from '../../../src/emulator/service/dps-instance.ts';
import { emulatedInstance } from '../../support/emulated-instance.ts';
import { type FactGroup, right } from './fact.ts';
import { TimedService } from './timed-service.ts';

const HUBS = [1, 2, 3].map((n) => `emulated-hub-${n}.azure-devices.net`);
const MIGRATE: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: true };
const RESET: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: false };
const NEVER: EnrollmentReprovisionPolicy = { updateHubAssignment: false, migrateDeviceData: false };

/** A group whose webhook decides, so that a device can be moved. */
function movable(reprovisionPolicy: EnrollmentReprovisionPolicy | null): TimedService {
  const customAllocationDefinition = { webhookUrl: 'http://webhook/', apiVersion: '2018-09-01-preview' };
  const custom = { allocationPolicy: 'custom', customAllocationDefinition, reprovisionPolicy } as const;
  const enrollmentGroups = emulatedInstance().enrollmentGroups.map((group) => ({ ...group, ...custom }));
  return new TimedService({ instance: { enrollmentGroups } });
}

/** Registers at the first hub, then at `hub`; both registration states and the twin after each. */
function moved(policy: EnrollmentReprovisionPolicy | null, hub = HUBS[1], version = '2021-06-01') {
  const service = movable(policy);
  const device = service.device('a', { version });
  const twin = () => [...service.service.records(service.nowMs)][0]?.initialTwin;
  const [first, second] = [HUBS[0], hub].map((iotHubHostName) => {
    const { registrationState } = device.assigned({
      iotHubHostName,
      initialTwin: { tags: { from: iotHubHostName } },
    }).json;
    return { ...registrationState, twin: twin() };
  });
  return { first, second };
}

/** An emulator of its own, which a fact may change: the group's devices go to this hub. */
function changing(hub: string) {
  const enrollmentGroups = emulatedInstance().enrollmentGroups.map((group) => ({
    ...group,
    allocationPolicy: 'static' as const,
    iotHubs: [hub],
  }));
  return { instances: [emulatedInstance({ enrollmentGroups })], behavior: { assignmentDelayMs: 0 }, seed: 1 };
}

export const reprovisioningFacts: FactGroup = {
  title: 'Re-provisioning',
  sources:
    'AD concepts-device-reprovision.md, how-to-reprovision.md, concepts-custom-allocation.md; azure-iot-sdk-csharp PR#2397; iotedge PR#3834',
  facts: [
    right(
      'again-created',
      'D6 I',
      'A repeated registration keeps createdDateTimeUtc; lastUpdatedDateTimeUtc and etag change',
      () => {
        const { first, second } = moved(MIGRATE, HUBS[0]);
        expect(second.createdDateTimeUtc).toBe(first.createdDateTimeUtc);
        expect(second.lastUpdatedDateTimeUtc > first.lastUpdatedDateTimeUtc).toBe(true);
        expect(second.etag).not.toBe(first.etag);
      },
    ),
    right('again-first', '6.6 D', 'The first assignment has the substatus initialAssignment', () => {
      expect(moved(MIGRATE).first.substatus).toBe('initialAssignment');
    }),
    right('again-same', '6.6 D', 'Where the hub stays, the substatus is reprovisionedToInitialAssignment', () => {
      expect(moved(MIGRATE, HUBS[0]).second).toMatchObject({
        assignedHub: HUBS[0],
        substatus: 'reprovisionedToInitialAssignment',
      });
    }),
    right('again-migrate', '6.6 D', 'Migrate: the device moves with its twin, deviceDataMigrated', () => {
      const { first, second } = moved(MIGRATE);
      expect(second).toMatchObject({ assignedHub: HUBS[1], substatus: 'deviceDataMigrated', twin: first.twin });
    }),
    right('again-reset', '6.6 D', 'Reset: the device moves, and starts from the initial twin, deviceDataReset', () => {
      const { second } = moved(RESET);
      expect(second).toMatchObject({
        assignedHub: HUBS[1],
        substatus: 'deviceDataReset',
        twin: { tags: { from: HUBS[1] } },
      });
    }),
    right('again-never', '6.6 D', 'Never: the device keeps its hub, and is told assigned', () => {
      const service = new TimedService({
        instance: {
          enrollmentGroups: emulatedInstance().enrollmentGroups.map((group) => ({
            ...group,
            reprovisionPolicy: NEVER,
          })),
        },
      });
      const states = [1, 2].map(() => service.device('a').assigned().json.registrationState);
      expect(states[1]).toMatchObject({ status: 'assigned', assignedHub: states[0].assignedHub });
    }),
    right('again-default', '6.6 D', 'The default is migrate', () => {
      expect(moved(null).second).toMatchObject({ assignedHub: HUBS[1], substatus: 'deviceDataMigrated' });
    }),
    right('again-moving', '6.6 D', 'During a move the status is `assigning`', () => {
      const service = movable(MIGRATE);
      const device = service.device('a');
      device.assigned({ iotHubHostName: HUBS[0] });
      const { operationId } = device.register().json;
      expect(device.poll(operationId).json.status).toBe('assigning');
    }),
    right(
      'again-sticky',
      '6.6 D',
      'Without a policy, a device with an api-version up to 2018-04-01 never moves',
      () => {
        const service = movable(null);
        const device = service.device('a', { version: '2018-04-01' });
        device.assigned({ iotHubHostName: HUBS[0] });
        device.register();
        const offered = JSON.parse(service.webhookCall()?.body ?? '{}');
        expect(offered.deviceRuntimeContext.currentIotHubHostName).toBe(HUBS[0]);
        expect(offered.linkedHubs).toContain(HUBS[0]);
      },
    ),
    right(
      'again-substatus',
      '3.6 D',
      'With an api-version before 2019-04-15, the substatus is always initialAssignment',
      () => {
        const substatuses = ['2019-03-31', '2019-04-15'].map(
          (version) => moved(MIGRATE, HUBS[1], version).second.substatus,
        );
        expect(substatuses).toEqual(['initialAssignment', 'deviceDataMigrated']);
      },
    ),
    right('again-one-record', '5 D', 'The registration ID ignores case: both spellings are one record', () => {
      const service = new TimedService();
      for (const id of ['Dev-A', 'dev-a']) service.device(id).assigned();
      expect([...service.service.records(service.nowMs)]).toMatchObject([{ registers: 2 }]);
    }),
    right('again-changed', '6.4 D', 'A change of hubs or policy affects later registrations alone', async (bench) => {
      const at = changing(HUBS[0] ?? '');
      const before = (await bench.assigned('again-changed', { at })).body;
      const emulator = await bench.emulator(at);
      await emulator.update({ instances: changing(HUBS[1] ?? '').instances });
      const device = await bench.subscribed('again-changed', { at });
      const known = (await device.poll(before.operationId)).body.registrationState.assignedHub;
      const after = (await bench.assigned('again-changed', { at })).body.registrationState.assignedHub;
      expect([known, after]).toEqual([HUBS[0], HUBS[1]]);
    }),
    right(
      'again-deleted',
      '6.7 D',
      'Without its enrollment group, a device cannot register again; its record stays',
      async (bench) => {
        const at = { ...changing(HUBS[0] ?? ''), seed: 2 };
        await bench.assigned('again-deleted', { at });
        const emulator = await bench.emulator(at);
        await emulator.update({ instances: [emulatedInstance({ enrollmentGroups: [] })] });
        expect((await bench.registered('again-deleted', { at })).status).toBe(401);
        expect([...emulator.records()]).toMatchObject([{ registrationId: 'again-deleted', status: 'assigned' }]);
      },
    ),
    right('again-scopes', '1.1 D', 'ID scopes know nothing of each other', async (bench) => {
      const at = { instances: [emulatedInstance(), emulatedInstance({ idScope: '0ne00222222' })] };
      for (const scope of [undefined, '0ne00222222']) {
        await bench.assigned('again-scopes', scope === undefined ? { at } : { at, scope });
      }
      const emulator = await bench.emulator({ ...at, behavior: { assignmentDelayMs: 0 } });
      expect([...emulator.records()].map(({ registers }) => registers)).toEqual([1, 1]);
    }),
  ],
};
