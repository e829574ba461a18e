import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { EnrollmentGroup, IndividualEnrollment } from '../../../src/emulator/service/dps-instance.ts';
import type { WebhookOutcome } from '../../../src/emulator/service/webhook.ts';
import { DEVICE_KEY, emulatedInstance, GROUP_KEY, individualEnrollment } from '../../support/emulated-instance.ts';
import { choice, type FactGroup, right } from './fact.ts';
import { TimedService } from './timed-service.ts';

const HUBS = [1, 2, 3].map((n) => `emulated-hub-${n}.azure-devices.net`);

const custom = (webhookUrl = 'http://webhook/') =>
  ({
    allocationPolicy: 'custom',
    customAllocationDefinition: { webhookUrl, apiVersion: '2018-09-01-preview' },
  }) as const;

function service(settings: Partial<EnrollmentGroup> = {}): TimedService {
  const enrollmentGroups = emulatedInstance().enrollmentGroups.map((group) => ({ ...group, ...custom(), ...settings }));
  return new TimedService({ instance: { enrollmentGroups } });
}

/** The body of the webhook's request for a first registration. */
function question(settings: Partial<EnrollmentGroup> = {}, body = '') {
  const timed = service(settings);
  timed.device('a').register(body);
  return JSON.parse(timed.webhookCall()?.body ?? '{}');
}

/** The final registration state. */
function state(answer: object | WebhookOutcome, settings: Partial<EnrollmentGroup> = {}) {
  return service(settings).device('a').assigned(answer).json.registrationState;
}

function failure(outcome: object | WebhookOutcome): readonly unknown[] {
  const { status, errorCode, errorMessage } = state(outcome);
  return [status, errorCode, errorMessage];
}

const status = (code: number): WebhookOutcome => ({ kind: 'answered', status: code, body: '{}' });

export const webhookFacts: FactGroup = {
  title: 'Custom allocation',
  sources:
    'AD concepts-custom-allocation.md, tutorial-custom-allocation-policies.md; SDKC parser test; iotedge#3233, #7411',
  facts: [
    right('webhook-post', '6.5 D', 'The webhook gets a POST with JSON', async (bench) => {
      const seen: (string | undefined)[] = [];
      const server = createServer((request, response) => {
        seen.push(request.method, request.headers['content-type']?.split(';')[0]);
        response.end(JSON.stringify({ iotHubHostName: HUBS[1] }));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const enrollmentGroups = emulatedInstance().enrollmentGroups.map((group) => ({ ...group, ...custom(url) }));
      const at = { instances: [emulatedInstance({ enrollmentGroups })], behavior: { assignmentDelayMs: 0 } };
      const device = await bench.subscribed('webhook-post', { at });
      const { operationId } = (await device.register()).body;
      const hub = async () => (await device.poll(operationId)).body.registrationState.assignedHub;
      await expect.poll(hub, { interval: 5 }).toBe(HUBS[1]);
      expect(seen).toEqual(['POST', 'application/json']);
      server.closeAllConnections();
      server.close();
    }),
    right(
      'webhook-group',
      '6.5 D',
      'Its request has the enrollment group, the context of the device and the hubs, in this order',
      () => {
        const asked = question();
        expect(Object.keys(asked)).toEqual(['enrollmentGroup', 'deviceRuntimeContext', 'linkedHubs']);
        expect(asked.enrollmentGroup).toMatchObject({
          enrollmentGroupId: 'default',
          allocationPolicy: 'custom',
          provisioningStatus: 'enabled',
        });
      },
    ),
    right('webhook-individual', '6.5 D', 'Or the individual enrollment', () => {
      const enrollment: IndividualEnrollment = individualEnrollment({ ...custom(), deviceId: 'pump-7' });
      const timed = new TimedService({ instance: { individualEnrollments: [enrollment] } });
      timed.device('my-symkey-device', { key: DEVICE_KEY }).register();
      const { individualEnrollment: asked } = JSON.parse(timed.webhookCall()?.body ?? '{}');
      expect(asked).toMatchObject({ registrationId: 'my-symkey-device', deviceId: 'pump-7' });
    }),
    right('webhook-no-keys', '6.5 I', 'Keys are not in it', () => {
      expect(JSON.stringify(question())).not.toContain(GROUP_KEY);
    }),
    right(
      'webhook-attestation',
      '6.5 D',
      'The context has the registration ID and a member for the attestation',
      () => {
        expect(question().deviceRuntimeContext).toMatchObject({ registrationId: 'a', symmetricKey: {} });
      },
    ),
    right('webhook-payload-in', '6.5 D', 'The custom data of the device is handed to it', () => {
      expect(question({}, '{"payload":{"model":"T1"}}').deviceRuntimeContext.payload).toEqual({ model: 'T1' });
    }),
    right('webhook-current', '6.5 D', 'For a device that was assigned before, it is told hub and device ID', () => {
      const timed = service();
      const device = timed.device('a');
      expect('currentIotHubHostName' in question().deviceRuntimeContext).toBe(false);
      device.assigned({ iotHubHostName: HUBS[0] });
      device.register();
      const { deviceRuntimeContext } = JSON.parse(timed.webhookCall()?.body ?? '{}');
      expect(deviceRuntimeContext).toMatchObject({ currentIotHubHostName: HUBS[0], currentDeviceId: 'a' });
    }),
    right('webhook-hubs', '6.5 D', "It is offered the enrollment's hubs, else all linked hubs", () => {
      expect([question().linkedHubs, question({ iotHubs: HUBS.slice(1) }).linkedHubs]).toEqual([HUBS, HUBS.slice(1)]);
    }),
    right('webhook-never', '6.5 D', 'It is called also for a device that never moves', () => {
      const timed = service({ reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } });
      const device = timed.device('a');
      device.assigned({ iotHubHostName: HUBS[0] });
      device.register();
      expect(JSON.parse(timed.webhookCall()?.body ?? '{}').linkedHubs).toContain(HUBS[0]);
    }),
    right('webhook-assigns', '6.5 D', 'The hub that it names is that of the device', () => {
      expect(state({ iotHubHostName: HUBS[2] })).toMatchObject({ status: 'assigned', assignedHub: HUBS[2] });
    }),
    right('webhook-assigning', '6.5 I', 'Until it answers, the device is told `assigning`', () => {
      const timed = service();
      const device = timed.device('a');
      const { operationId } = device.register().json;
      timed.nowMs += 3_000;
      expect(device.poll(operationId).json.status).toBe('assigning');
    }),
    right(
      'webhook-payload-out',
      '6.5 D',
      'The `payload` of its answer is handed to the device, at every assignment',
      () => {
        const device = service().device('a');
        const answer = { iotHubHostName: HUBS[0], payload: { colour: 'red' } };
        for (const _ of [1, 2])
          expect(device.assigned(answer).json.registrationState.payload).toEqual({ colour: 'red' });
      },
    ),
    right(
      'webhook-twin',
      '6.5 D',
      'Its `initialTwin` is used at the first assignment; without one, that of the enrollment',
      () => {
        const twins = [{ tags: { from: 'webhook' } }, null].map((initialTwin) => {
          const timed = service({ initialTwin: { tags: { from: 'enrollment' } } });
          timed.device('a').assigned({ iotHubHostName: HUBS[0], initialTwin });
          return [...timed.service.records(timed.nowMs)][0]?.initialTwin;
        });
        expect(twins).toEqual([{ tags: { from: 'webhook' } }, { tags: { from: 'enrollment' } }]);
      },
    ),
    right(
      'webhook-error',
      '6.5 D',
      'If it answers an error, the operation fails with 400207 and "Custom allocation failed with status code: N"',
      () => {
        for (const code of [400, 500]) {
          expect(failure(status(code))).toEqual([
            'failed',
            400207,
            `Custom allocation failed with status code: ${code}`,
          ]);
        }
      },
    ),
    choice(
      ['webhook-foreign', '6.5', 'If it names a hub that was not offered, or none, the operation fails with 400207'],
      'the reaction of the service is unknown',
      null,
      () => {
        for (const answer of [{ iotHubHostName: 'foreign.azure-devices.net' }, {}]) {
          expect(failure(answer).slice(0, 2)).toEqual(['failed', 400207]);
        }
      },
    ),
    choice(
      ['webhook-timeout', '6.5', 'If it does not answer within 5 s, the operation fails with 400207'],
      'time limit and number of calls are unknown',
      'behavior.webhookTimeout',
      () => {
        const timed = service();
        timed.device('a').register();
        expect(timed.webhookCall()?.timeoutMs).toBe(5_000);
        expect(failure({ kind: 'timed-out' }).slice(0, 2)).toEqual(['failed', 400207]);
      },
    ),
  ],
};
