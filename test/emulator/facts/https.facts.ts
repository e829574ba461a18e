import { expect } from 'vitest';
import { NO_QUOTAS } from '../../../src/emulator/service/quotas.ts';
import { authority, deviceCertificate, x509Group } from '../../support/certificates.ts';
import { emulatedInstance, ID_SCOPE, OTHER_KEY } from '../../support/emulated-instance.ts';
import { type FactGroup, missing } from './fact.ts';
import { deviceApi } from './https-request.ts';

const ID = 'https-dev';

export const httpsFacts: FactGroup = {
  title: 'Device API over HTTPS',
  sources:
    'SPEC; AD iot-dps-https-sym-key-support.md, iot-dps-https-x509-support.md; HTTP transports of NODE, C, CS; IIS; vscode-iot-workbench#590',
  facts: [
    missing(
      'https-register',
      'F1.8 D',
      'PUT …/register gets 202 with operation ID and `assigning`, never 200',
      async (bench) => {
        const { status, body } = await deviceApi(bench, { id: ID });
        expect([status, body.status]).toEqual([202, 'assigning']);
      },
    ),
    missing('https-register-headers', 'F1.8 D', 'It has the headers Retry-After: 3 and Location', async (bench) => {
      const { headers } = await deviceApi(bench, { id: ID });
      expect([headers['retry-after'], headers.location]).toEqual([
        '3',
        expect.stringMatching(`/registrations/${ID}/register$`),
      ]);
    }),
    missing(
      'https-poll',
      'F1.8 D',
      'GET …/operations/{id} gets 202 with `assigning`, then 200; its body is ignored',
      async (bench) => {
        const at = { behavior: { assignmentDelayMs: 0 } };
        const { operationId } = (await deviceApi(bench, { id: ID, at })).body;
        const { status, headers, body } = await deviceApi(bench, {
          id: ID,
          at,
          method: 'GET',
          call: `/operations/${operationId}`,
          body: '{}',
        });
        expect([status, headers['retry-after'], body.registrationState.deviceId]).toEqual([200, undefined, ID]);
      },
    ),
    missing('https-lookup', 'A D', 'POST looks up the registration state, without an operation ID', async (bench) => {
      await deviceApi(bench, { id: ID });
      const { status, body } = await deviceApi(bench, { id: ID, method: 'POST', call: '' });
      expect([status, body.registrationId, body.operationId]).toEqual([200, ID, undefined]);
    }),
    missing(
      'https-x509',
      'F1.8 D',
      'A client certificate is requested, and may take the place of a token',
      async (bench) => {
        const root = await authority('Root');
        const { certificatePem: cert, privateKeyPem: key } = await deviceCertificate(ID, root);
        const at = { instances: [emulatedInstance({ enrollmentGroups: [x509Group('line', root)] })] };
        expect(
          (await deviceApi(bench, { id: ID, at, tls: { cert, key }, headers: { authorization: '' } })).status,
        ).toBe(202);
      },
    ),
    missing('https-tolerant', 'F1.8 D', 'Content-Encoding: utf-8 and a missing Accept are tolerated', async (bench) => {
      expect((await deviceApi(bench, { id: ID, headers: { 'content-encoding': 'utf-8' } })).status).toBe(202);
    }),
    missing('https-encoded', 'F1.8 D', 'Parts of the path are decoded once', async (bench) => {
      expect((await deviceApi(bench, { id: 'https:dev-1' })).status).toBe(202);
    }),
    missing('https-case', 'F1.8 I', 'Literals of the path, and the registration ID, ignore case', async (bench) => {
      const path = `/${ID_SCOPE}/Registrations/${ID.toUpperCase()}/Register?api-version=2021-06-01`;
      expect((await deviceApi(bench, { id: ID, path })).status).toBe(202);
    }),
    missing(
      'https-one-engine',
      'F1.8 I',
      'It is one engine with MQTT: an operation can be polled by either',
      async (bench) => {
        const { operationId } = (await deviceApi(bench, { id: ID })).body;
        expect((await (await bench.subscribed(ID)).poll(operationId)).body.operationId).toBe(operationId);
      },
    ),
    missing('https-quota', 'F1.8 I', 'Both share one register budget', async (bench) => {
      const register = { algorithm: 'token-bucket', limit: 1, perMs: 3_600_000 } as const;
      const at = { instances: [emulatedInstance({ quotas: { ...NO_QUOTAS, register } })] };
      await bench.registered(ID, { at });
      expect((await deviceApi(bench, { id: ID, at })).body.errorCode).toBe(429001);
    }),
    missing(
      'https-error',
      'F1.8 D',
      'Errors have the body of MQTT, with x-ms-error-code, and x-ms-request-id that equals the tracking ID',
      async (bench) => {
        const { status, headers, body } = await deviceApi(bench, { id: ID, key: OTHER_KEY });
        expect([status, headers['x-ms-error-code']]).toEqual([401, String(body.errorCode)]);
        expect(headers['x-ms-request-id']).toBe(body.trackingId);
      },
    ),
    missing('https-400', 'F1.8 D', 'Invalid JSON gets 400', async (bench) => {
      expect((await deviceApi(bench, { id: ID, body: '{' })).status).toBe(400);
    }),
    missing('https-405', 'F1.8 D', 'A wrong method gets 405', async (bench) => {
      expect((await deviceApi(bench, { id: ID, method: 'DELETE' })).status).toBe(405);
    }),
    missing('https-404', 'F1.8 D', 'An unknown path gets 404, with an error body', async (bench) => {
      const { status, body } = await deviceApi(bench, { id: ID, path: '/nothing?api-version=2021-06-01' });
      expect([status, Math.floor(body.errorCode / 1000)]).toEqual([404, 404]);
    }),
    missing('https-api-version', 'F1.1 D', 'The api-version is mandatory', async (bench) => {
      const path = `/${ID_SCOPE}/registrations/${ID}/register`;
      expect((await deviceApi(bench, { id: ID, path })).status).toBe(400);
    }),
    missing('https-keep-alive', 'F1.8 D', 'Connections are kept alive (HTTP/1.1)', async (bench) => {
      const { headers } = await deviceApi(bench, { id: ID, headers: { connection: 'keep-alive' } });
      expect(headers.connection?.toLowerCase()).toBe('keep-alive');
    }),
    missing(
      'https-tpm',
      '6.3 D',
      'TPM attestation: the first request gets 401 with an encrypted key',
      async (bench) => {
        const body = JSON.stringify({ registrationId: ID, tpm: { endorsementKey: 'AAAA', storageRootKey: 'AAAA' } });
        const answer = await deviceApi(bench, { id: ID, headers: { authorization: '' }, body });
        expect([answer.status, answer.body.authenticationKey]).toEqual([401, expect.any(String)]);
      },
    ),
  ],
};
