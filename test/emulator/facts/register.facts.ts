import { expect } from 'vitest';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../../src/emulator/service/service-behavior.ts';
import { emulatedInstance, individualEnrollment, OTHER_KEY } from '../../support/emulated-instance.ts';
import { choice, type Fact, type FactGroup, right, rightUnless } from './fact.ts';
import { TimedService } from './timed-service.ts';

const ID = 'reg-dev';

/** A register request with this body gets this status, and an error body where it is refused. */
function body(
  id: string,
  place: Parameters<typeof right>[1],
  statement: string,
  texts: readonly string[],
  status: number,
): Fact {
  return right(id, place, statement, async (bench) => {
    const device = await bench.subscribed(ID);
    for (const text of texts) {
      const answer = await device.register(text);
      expect([text, answer.status]).toEqual([text, status]);
      if (status === 400) expect(answer.body).toMatchObject({ errorCode: 400000, message: 'Bad Request' });
    }
  });
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const registerFacts: FactGroup = {
  title: 'Register requests, and errors',
  sources:
    'AD iot-dps-mqtt-support.md, iot-dps-https-sym-key-support.md, how-to-troubleshoot-dps.md; SPEC; payloads of the SDKs; IIS mock-iot-server/src/dps.rs; azure-iot-sdk-node#502; azure-docs#43157; C common_prov_e2e.c',
  facts: [
    body('register-id', '3.2 D', 'The body may have the registration ID', [`{"registrationId":"${ID}"}`], 202),
    body(
      'register-empty',
      '3.2 D',
      'The body may be empty, as the C# SDK sends it without custom data',
      ['', ' '],
      202,
    ),
    body('register-payload-only', '3.2 D', 'The body may have custom data alone', ['{"payload":{"a":1}}', '{}'], 202),
    body(
      'register-payload-null',
      '3.2 D',
      '`payload` may be null, as the Python SDK sends it',
      [`{"payload":null,"registrationId":"${ID}"}`],
      202,
    ),
    body(
      'register-payload-any',
      '3.2 D',
      '`payload` may be any JSON: a string, as the Java SDK sends it, a number, a list',
      ['{"payload":"{\\"a\\":1}"}', '{"payload":7}', '{"payload":[1]}'],
      202,
    ),
    body(
      'register-case',
      '5 I',
      'The registration ID in the body may have another case',
      [`{"registrationId":"${ID.toUpperCase()}"}`],
      202,
    ),
    body(
      'register-other-id',
      '3.2 I',
      'Another registration ID in the body gets 400',
      ['{"registrationId":"another"}', '{"registrationId":7}'],
      400,
    ),
    body(
      'register-no-json',
      'D5 I',
      'Invalid JSON, or JSON that is no object, gets 400, 400000',
      ['{', '[]', '"text"', '\u0000'],
      400,
    ),
    body('register-csr', '9.2 D', 'A `csr` with an api-version that has none gets 400', ['{"csr":"MIIB"}'], 400),
    right('register-202', '3.4 D', 'An accepted request gets 202, and never the result at once', async (bench) => {
      const answer = await bench.registered('register-202', { at: { behavior: { assignmentDelayMs: 0 } } });
      expect([answer.status, answer.body.status]).toEqual([202, 'assigning']);
    }),
    rightUnless('behavior.retryAfter', ['register-retry-after', '3.4 D', 'Its retry-after is 3'], async (bench) => {
      expect((await bench.registered(ID)).retryAfter).toBe('3');
      expect((await bench.registered(ID, { at: { behavior: { retryAfterSeconds: null } } })).retryAfter).toBeNull();
    }),
    right(
      'register-body',
      '3.4 D',
      'Its body has operation ID and status, in this order, and no registration state',
      async (bench) => {
        expect(Object.keys((await bench.registered(ID)).body)).toEqual(['operationId', 'status']);
      },
    ),
    right(
      'register-operation',
      '3.4 D',
      'Operation IDs are `5.{16 hex}.{GUID}`; the middle part is that of the device',
      async (bench) => {
        const device = await bench.subscribed(ID);
        const ids = [(await device.register()).body.operationId, (await device.register()).body.operationId];
        for (const id of ids) expect(id).toMatch(/^5\.[0-9a-f]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(ids[0].split('.')[1]).toBe(ids[1].split('.')[1]);
        expect(ids[0]).not.toBe(ids[1]);
      },
    ),
    choice(
      ['register-delay', 'D5 D', 'Answers come at once, where the service takes 200 to 500 ms'],
      'a target for load tests should not add to what it measures',
      'behavior.answerDelay',
      async (bench) => {
        expect(SERVICE_BEHAVIOR_DEFAULT.answerDelayMs).toBe(0);
        const startMs = performance.now();
        await bench.registered(ID, { at: { behavior: { answerDelayMs: 40 } } });
        expect(performance.now() - startMs).toBeGreaterThan(39);
      },
    ),
    right(
      'register-again',
      '7 D',
      'Registering an assigned device again starts a new operation, which is assigned again',
      async (bench) => {
        for (const _ of [1, 2]) expect((await bench.assigned('register-again')).body.status).toBe('assigned');
      },
    ),
    choice(
      [
        'register-conflict',
        'D5',
        'A second request while an operation of the ID is in progress starts a new operation',
      ],
      'the service may answer 409, 409203; how often, nobody knows',
      'behavior.conflictShare',
      () => {
        const statuses = [0, 1].map((conflictShare) => {
          const device = new TimedService({ behavior: { conflictShare } }).device(ID);
          return [device.register(), device.register()].map(({ status, json }) => `${status} ${json.errorCode ?? ''}`);
        });
        expect(statuses).toEqual([
          ['202 ', '202 '],
          ['202 ', '409 409203'],
        ]);
      },
    ),
    right(
      'error-body',
      '4.1 D',
      'An error body has errorCode, trackingId, message and timestampUtc, in this order',
      async (bench) => {
        const { body } = await bench.registered(ID, { key: OTHER_KEY });
        expect(Object.keys(body)).toEqual(['errorCode', 'trackingId', 'message', 'timestampUtc']);
        expect(body.trackingId).toMatch(GUID);
        expect(body.timestampUtc).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
      },
    ),
    right('error-open', '4.1 I', 'After an error answer the connection stays open', async (bench) => {
      const device = await bench.subscribed(ID);
      expect((await device.register('{')).status).toBe(400);
      expect((await device.register()).status).toBe(202);
    }),
    right('error-401000', '4.2 D', 'A wrong key gets 401, 401000 "Unauthorized"', async (bench) => {
      const { status, body } = await bench.registered(ID, { key: OTHER_KEY });
      expect([status, body.errorCode, body.message]).toEqual([401, 401000, 'Unauthorized']);
    }),
    choice(
      ['error-unknown', 'D5', 'A token that matches no enrollment gets 401, 401000'],
      '404, 404201 is as likely',
      'behavior.unknownAnswer',
      async (bench) => {
        const login = { key: OTHER_KEY };
        expect((await bench.registered('nobody', login)).body.errorCode).toBe(401000);
        const { body } = await bench.registered('nobody', {
          ...login,
          at: { behavior: { unknownAnswer: 'not-found' } },
        });
        expect(body.errorCode).toBe(404201);
      },
    ),
    rightUnless(
      'behavior.disabledAnswer',
      ['error-disabled', '3.6 D', 'A disabled enrollment gets 200 with status `disabled`, and is not recorded'],
      () => {
        const individualEnrollments = [individualEnrollment({ registrationId: ID, provisioningStatus: 'disabled' })];
        const service = new TimedService({ instance: { individualEnrollments } });
        const { status, json } = service.device(ID).register();
        expect(status).toBe(200);
        expect(json).toMatchObject({
          status: 'disabled',
          registrationState: { registrationId: ID, status: 'disabled' },
        });
        expect([...service.service.records(service.nowMs)]).toEqual([]);
        const strict = new TimedService({
          instance: { individualEnrollments },
          behavior: { disabledAnswer: 'unauthorized' },
        });
        expect(strict.device(ID).register().json.errorCode).toBe(401000);
      },
    ),
    right('error-no-hub', '4.2 D', 'Without a linked hub, the operation fails with 400208', async (bench) => {
      const instances = [emulatedInstance({ linkedHubs: [] })];
      const { status, body } = await bench.assigned(ID, { at: { instances } });
      expect([status, body.status, body.registrationState.errorCode]).toEqual([200, 'failed', 400208]);
    }),
  ],
};
