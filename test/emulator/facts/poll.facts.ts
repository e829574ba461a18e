import { expect } from 'vitest';
import { authority, deviceCertificate, x509Group } from '../../support/certificates.ts';
import {
  emulatedInstance,
  GROUP_KEY,
  individualEnrollment,
  OTHER_KEY,
  SECONDARY_KEY,
} from '../../support/emulated-instance.ts';
import { faultRule } from '../../support/fault-rules.ts';
import { choice, type FactGroup, right, rightUnless } from './fact.ts';
import { IN_PROGRESS } from './fact-bench.ts';
import { TimedService } from './timed-service.ts';

const ID = 'poll-dev';
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/;
const MINUTE_MS = 60_000;

/** A poll of the operation that a register request has just started, `afterMs` later. */
function polledAfter(afterMs: number, behavior: object = {}) {
  const service = new TimedService({ behavior });
  const device = service.device(ID);
  const { operationId } = device.register().json;
  service.nowMs += afterMs;
  return { operationId, answer: device.poll(operationId), again: device.poll(operationId) };
}

export const pollFacts: FactGroup = {
  title: 'Polls, and the final answer',
  sources:
    'AD iot-dps-https-sym-key-support.md, iot-dps-https-x509-support.md (captures); SPEC; SDKC az_iot_provisioning_client.c and its tests; sdk-nrf; azure-iot-sdk-c#1789',
  facts: [
    right(
      'poll-body',
      '3.3 D',
      'The body of a poll is ignored: empty, one blank, or the registration again',
      async (bench) => {
        const device = await bench.subscribed(ID, IN_PROGRESS);
        const { body } = await device.register();
        for (const text of ['', ' ', `{"registrationId":"${ID}"}`, '{', '\u0000']) {
          expect((await device.poll(body.operationId, text)).status).toBe(202);
        }
      },
    ),
    right(
      'poll-early',
      '3.5 D',
      'Before the end: 202 with retry-after, and a registration state that says `assigning`',
      async (bench) => {
        const device = await bench.subscribed(ID, IN_PROGRESS);
        const { body: accepted } = await device.register();
        const { status, retryAfter, body } = await device.poll(accepted.operationId);
        expect([status, retryAfter]).toEqual([202, '3']);
        const registrationState = { registrationId: ID, status: 'assigning' };
        expect(body).toEqual({ operationId: accepted.operationId, status: 'assigning', registrationState });
      },
    ),
    rightUnless(
      'behavior.assignmentDelay',
      ['poll-delay', '7 D', 'An assignment takes about 200 ms, so that the first poll after retry-after finds its end'],
      () => {
        expect([199, 200, 3_000].map((ms) => polledAfter(ms).answer.status)).toEqual([202, 200, 200]);
      },
    ),
    right('poll-final', '3.5 D', 'At the end: 200 without retry-after', async (bench) => {
      const { status, retryAfter, body } = await bench.assigned(ID);
      expect([status, retryAfter, body.status]).toEqual([200, null, 'assigned']);
    }),
    right('poll-members', '3.5 D', 'The members of the final answer have the order of the captures', async (bench) => {
      const { body } = await bench.assigned(ID);
      expect(Object.keys(body)).toEqual(['operationId', 'status', 'registrationState']);
      const order =
        'registrationId createdDateTimeUtc assignedHub deviceId status substatus lastUpdatedDateTimeUtc etag';
      expect(Object.keys(body.registrationState).join(' ')).toBe(order);
    }),
    right('poll-x509', '3.5 D', 'With X.509, the registration state begins with an empty `x509`', async (bench) => {
      const root = await authority('Root');
      const { certificatePem: cert, privateKeyPem } = await deviceCertificate(ID, root);
      const at = { instances: [emulatedInstance({ enrollmentGroups: [x509Group('line', root)] })] };
      const { text } = await bench.assigned(ID, { at, tls: { cert, key: privateKeyPem }, key: null });
      expect(text).toContain(`"registrationState":{"x509":{},"registrationId":"${ID}"`);
    }),
    right('poll-operation', '3.7 D', 'The operation ID is the same in all answers of an operation', () => {
      const { operationId, answer } = polledAfter(1_000);
      expect(answer.json.operationId).toBe(operationId);
    }),
    right('poll-ids', '3.5 D', 'The device ID is the registration ID', async (bench) => {
      const { registrationState } = (await bench.assigned(ID)).body;
      expect(registrationState).toMatchObject({ registrationId: ID, deviceId: ID });
    }),
    right('poll-device-id', '6.1 D', 'The device ID is that of the individual enrollment, if it has one', () => {
      const enrollment = individualEnrollment({ deviceId: 'pump-7' });
      const service = new TimedService({ instance: { individualEnrollments: [enrollment] } });
      const device = service.device('my-symkey-device', { key: SECONDARY_KEY });
      expect(device.assigned().json.registrationState.deviceId).toBe('pump-7');
    }),
    right('poll-spelling', '5 I', 'An individual enrollment answers in its own spelling of the ID', () => {
      const enrollment = individualEnrollment({ registrationId: 'My-SymKey-Device' });
      const service = new TimedService({ instance: { individualEnrollments: [enrollment] } });
      const device = service.device('MY-SYMKEY-DEVICE', { key: SECONDARY_KEY });
      const spelling = { registrationId: 'My-SymKey-Device', deviceId: 'My-SymKey-Device' };
      expect(device.assigned().json.registrationState).toMatchObject(spelling);
    }),
    choice(
      ['poll-spelling-group', '5', 'A group answers in the spelling of the register request'],
      'nobody knows',
      null,
      () => {
        const device = new TimedService().device('Poll-Dev');
        expect(device.assigned().json.registrationState.deviceId).toBe('Poll-Dev');
      },
    ),
    right('poll-times', 'D9 D', 'Times are UTC with seven fraction digits and Z', () => {
      const { registrationState } = polledAfter(1_000).answer.json;
      expect(registrationState.createdDateTimeUtc).toMatch(STAMP);
      expect(registrationState.lastUpdatedDateTimeUtc).toMatch(STAMP);
    }),
    right('poll-updated', '7 D', 'The update comes about 200 ms after the creation', () => {
      const { createdDateTimeUtc, lastUpdatedDateTimeUtc } = polledAfter(1_000).answer.json.registrationState;
      expect(Date.parse(lastUpdatedDateTimeUtc) - Date.parse(createdDateTimeUtc)).toBe(200);
    }),
    right(
      'poll-etag',
      '3.5 D',
      'The entity tag is base64 of a quoted tag whose last group begins with the time of the update',
      () => {
        const { etag, lastUpdatedDateTimeUtc } = polledAfter(1_000).answer.json.registrationState;
        const [, seconds = ''] =
          /^"[0-9a-f]{8}-0000-0300-0000-([0-9a-f]{8})0000"$/.exec(Buffer.from(etag, 'base64').toString()) ?? [];
        expect(Number.parseInt(seconds, 16)).toBe(Math.floor(Date.parse(lastUpdatedDateTimeUtc) / 1000));
      },
    ),
    right('poll-utf8', 'D9 D', 'Bodies are JSON in UTF-8 without a byte order mark', async (bench) => {
      const { text } = await bench.assigned(ID);
      expect([text[0], JSON.stringify(JSON.parse(text))]).toEqual(['{', text]);
    }),
    choice(
      ['poll-group', '3.5', 'The final answer of a group does not name the enrollment group'],
      'the model has a member for it; no capture has',
      'behavior.namesEnrollmentGroup',
      () => {
        expect(polledAfter(1_000).answer.json.registrationState.symmetricKey).toBeUndefined();
        const named = polledAfter(1_000, { namesEnrollmentGroup: true });
        expect(named.answer.json.registrationState.symmetricKey).toEqual({ enrollmentGroupId: 'default' });
      },
    ),
    right('poll-again', 'D7 I', 'Further polls get the same answer', () => {
      const { answer, again } = polledAfter(1_000);
      expect(again).toEqual(answer);
    }),
    right('poll-later', '7 D', 'The result can be polled for 17.5 minutes and more', () => {
      expect(polledAfter(17.5 * MINUTE_MS).answer.status).toBe(200);
    }),
    choice(
      ['poll-forgotten', '7', 'After 20 minutes the operation is forgotten'],
      'the upper limit is unknown',
      'behavior.operationLifetime',
      () => {
        const statuses = [20 * MINUTE_MS - 1, 20 * MINUTE_MS].map((ms) => polledAfter(ms).answer.status);
        expect(statuses).toEqual([200, 404]);
        expect(polledAfter(MINUTE_MS, { operationLifetimeMs: MINUTE_MS }).answer.status).toBe(404);
      },
    ),
    right(
      'poll-elsewhere',
      '7 I',
      'Another connection of the registration ID can poll, with either key, in any case',
      () => {
        const attestation = { kind: 'symmetricKey', primaryKey: GROUP_KEY, secondaryKey: SECONDARY_KEY } as const;
        const individualEnrollments = [individualEnrollment({ registrationId: ID, attestation })];
        const service = new TimedService({ instance: { individualEnrollments } });
        const { operationId } = service.device(ID, { key: GROUP_KEY }).register().json;
        service.nowMs += 1_000;
        const other = service.device(ID.toUpperCase(), { key: SECONDARY_KEY });
        expect(other.poll(operationId).json.status).toBe('assigned');
      },
    ),
    right('poll-attested', 'D7 I', 'A connection with a wrong key is refused as at a register request', () => {
      const service = new TimedService();
      const { operationId } = service.device(ID).register().json;
      expect(service.device(ID, { key: OTHER_KEY }).poll(operationId).json.errorCode).toBe(401000);
    }),
    right('poll-unknown', '4.2 D', 'An unknown operation gets 404, 404203 "Operation not found."', async (bench) => {
      const device = await bench.subscribed(ID);
      const { status, body } = await device.poll('5.0000000000000000.00000000-0000-4000-8000-000000000000');
      expect([status, body.errorCode, body.message]).toEqual([404, 404203, 'Operation not found.']);
    }),
    right('poll-foreign', 'D7 I', 'So does the operation of another device, or of another ID scope', () => {
      const service = new TimedService();
      const { operationId } = service.device(ID).register().json;
      expect(service.device('other').poll(operationId).json.errorCode).toBe(404203);
      expect(new TimedService().device(ID).poll(operationId.replace(/.$/, 'f')).json.errorCode).toBe(404203);
    }),
    right(
      'poll-failed',
      '3.6 D',
      'A failed operation gets 200, status `failed`, with errorCode and errorMessage in the registration state',
      async (bench) => {
        const failure = { errorCode: 400209, errorMessage: 'The hub refused.' };
        const faults = [faultRule({ kind: 'fail-assignment', ...failure })];
        const { status, body } = await bench.assigned(ID, { at: { faults } });
        expect([status, body.status]).toEqual([200, 'failed']);
        expect(body.registrationState).toMatchObject({ status: 'failed', ...failure });
      },
    ),
    right(
      'poll-slow-hub',
      '7 D',
      'A hub that does not answer leads to a long `assigning`, then `failed`: as faults',
      async (bench) => {
        const faults = [faultRule({ kind: 'slow-assignment', delayMs: 65_000 })];
        const { status, body } = await bench.assigned(ID, { at: { faults } });
        expect([status, body.status]).toEqual([202, 'assigning']);
      },
    ),
    right(
      'poll-counters',
      '9.1 D',
      "The counters have the names of the service's metrics: registrationAttempts, attestationAttempts, deviceAssignments",
      () => {
        const service = new TimedService();
        service.device(ID).assigned();
        const counted = { registrationAttempts: 1, attestationAttempts: 1, deviceAssignments: 1 };
        expect(service.service.counters).toMatchObject(counted);
      },
    ),
  ],
};
