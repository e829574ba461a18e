import { expect } from 'vitest';
import { NO_QUOTAS } from '../../../src/emulator/service/quotas.ts';
import { DEVICE_KEY, emulatedInstance } from '../../support/emulated-instance.ts';
import { type FactGroup, right, rightUnless } from './fact.ts';
import { SERVICE, serviceApi, serviceApiAt } from './https-request.ts';

const enrollment = (registrationId: string) => ({
  registrationId,
  attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: DEVICE_KEY, secondaryKey: DEVICE_KEY } },
});

export const serviceApiFacts: FactGroup = {
  title: 'Service API',
  sources:
    'SPEC; AD how-to-control-access.md; azure-iot-provisioning-service and the service clients of C, CS and JAVA; csharp#3076; azure-sdk-for-python#35187, #35368',
  facts: [
    right(
      'service-put',
      'F4.2 D',
      'PUT /enrollments/{id} creates an individual enrollment, and answers with it and its etag',
      async (bench) => {
        const { status, body } = await serviceApi(bench, 'PUT', '/enrollments/service-1', enrollment('service-1'));
        expect([status, body.registrationId, typeof body.etag]).toEqual([200, 'service-1', 'string']);
      },
    ),
    right('service-store', 'F4.11 D', 'A device can register with it at once', async (bench) => {
      await serviceApi(bench, 'PUT', '/enrollments/service-2', enrollment('service-2'));
      expect((await bench.registered('service-2', { key: DEVICE_KEY, at: SERVICE })).status).toBe(202);
    }),
    right('service-get', 'F4.2 D', 'GET /enrollments/{id} returns it without its keys', async (bench) => {
      await serviceApi(bench, 'PUT', '/enrollments/service-3', enrollment('service-3'));
      const { status, body } = await serviceApi(bench, 'GET', '/enrollments/SERVICE-3');
      expect([status, body.registrationId, JSON.stringify(body).includes(DEVICE_KEY)]).toEqual([
        200,
        'service-3',
        false,
      ]);
    }),
    right('service-keys', 'F4.11 D', 'POST …/attestationmechanism returns the keys', async (bench) => {
      await serviceApi(bench, 'PUT', '/enrollments/service-4', enrollment('service-4'));
      const { body } = await serviceApi(bench, 'POST', '/enrollments/service-4/attestationmechanism');
      expect(body.symmetricKey.primaryKey).toBe(DEVICE_KEY);
    }),
    right('service-conflict', 'F4.7 D', 'A second PUT without If-Match gets 409', async (bench) => {
      const put = () => serviceApi(bench, 'PUT', '/enrollments/service-5', enrollment('service-5'));
      expect([(await put()).status, (await put()).status]).toEqual([200, 409]);
    }),
    right('service-if-match', 'F4.7 D', 'With a stale etag it gets 412, with `*` it overwrites', async (bench) => {
      const put = (etag: string) =>
        serviceApi(bench, 'PUT', '/enrollments/service-6', enrollment('service-6'), { 'if-match': etag });
      await serviceApi(bench, 'PUT', '/enrollments/service-6', enrollment('service-6'));
      expect([(await put('"c3RhbGU="')).status, (await put('*')).status]).toEqual([412, 200]);
    }),
    right('service-delete', 'F4.2 D', 'DELETE gets 204', async (bench) => {
      await serviceApi(bench, 'PUT', '/enrollments/service-7', enrollment('service-7'));
      expect((await serviceApi(bench, 'DELETE', '/enrollments/service-7')).status).toBe(204);
    }),
    right(
      'service-query',
      'F4.2 D',
      'POST /enrollments/query pages with x-ms-continuation, which is absent at the end, and names x-ms-item-type',
      async (bench) => {
        await serviceApi(bench, 'PUT', '/enrollments/service-8', enrollment('service-8'));
        const { headers } = await serviceApi(bench, 'POST', '/enrollments/query', { query: 'SELECT *' });
        expect([headers['x-ms-item-type'], 'x-ms-continuation' in headers]).toEqual(['Enrollment', false]);
      },
    ),
    right('service-bulk', 'F4.6 D', 'POST /enrollments takes up to ten, and refuses more with 400', async (bench) => {
      const enrollments = Array.from({ length: 11 }, (_, n) => enrollment(`bulk-${n}`));
      const post = (count: number) =>
        serviceApi(bench, 'POST', '/enrollments', { mode: 'create', enrollments: enrollments.slice(0, count) });
      expect([(await post(11)).status, (await post(10)).body.isSuccessful]).toEqual([400, true]);
    }),
    right('service-groups', 'F4.2 D', 'Enrollment groups have the same operations', async (bench) => {
      const { status, body } = await serviceApi(bench, 'GET', '/enrollmentGroups/default');
      expect([status, body.enrollmentGroupId]).toEqual([200, 'default']);
    }),
    right(
      'service-states',
      'F4.8 D',
      'Registration states can be read, queried by group, and deleted',
      async (bench) => {
        await bench.assigned('service-9', { at: SERVICE });
        const { status, headers } = await serviceApi(bench, 'POST', '/registrations/default/query');
        expect([status, headers['x-ms-item-type']]).toEqual([200, 'DeviceRegistration']);
      },
    ),
    right(
      'service-sas',
      'F4.1 D',
      'A token of a policy of the instance is required; a wrong one gets 401',
      async (bench) => {
        const { status } = await serviceApi(bench, 'GET', '/enrollmentGroups/default', null, {
          authorization: 'SharedAccessSignature sr=a&sig=b&se=1&skn=c',
        });
        expect(status).toBe(401);
      },
    ),
    right('service-literals', 'F4.11 D', 'Literals ignore case, and may end with a slash', async (bench) => {
      expect((await serviceApi(bench, 'GET', '/enrollmentgroups/default/')).status).toBe(200);
    }),
    right('service-hubs', 'F4.9 D', 'iotHubs without a policy get 400, 400004', async (bench) => {
      const body = { ...enrollment('service-10'), iotHubs: ['emulated-hub-1.azure-devices.net'] };
      expect((await serviceApi(bench, 'PUT', '/enrollments/service-10', body)).body.errorCode).toBe(400004);
    }),
    right(
      'service-invalid',
      'F4.11 I',
      'Missing members, another ID than that of the path, and keys that are not base64 get 400',
      async (bench) => {
        const put = async (body: object) => (await serviceApi(bench, 'PUT', '/enrollments/service-11', body)).status;
        expect([await put({}), await put(enrollment('another'))]).toEqual([400, 400]);
      },
    ),
    right('service-errors', 'F4.9 D', 'Errors have x-ms-error-code and x-ms-request-id', async (bench) => {
      const { headers, body } = await serviceApi(bench, 'GET', '/enrollments/nobody');
      expect([headers['x-ms-error-code'], headers['x-ms-request-id']]).toEqual([
        String(body.errorCode),
        body.trackingId,
      ]);
    }),
    rightUnless(
      'quotas.serviceOperations',
      ['service-quota', 'F4.9 D', 'All calls share a budget of so many a minute; beyond: 429, 429001'],
      async (bench) => {
        const serviceOperations = { algorithm: 'token-bucket', limit: 3, perMs: 60_000 } as const;
        const at = { ...SERVICE, instances: [emulatedInstance({ quotas: { ...NO_QUOTAS, serviceOperations } })] };
        const get = () => serviceApiAt(at, bench, { path: '/enrollmentGroups/default' });
        const statuses = [await get(), await get(), await get()].map(({ status }) => status);
        const { status, body } = await get();
        expect([...statuses, status, body.errorCode]).toEqual([200, 200, 200, 429, 429001]);
      },
    ),
  ],
};
