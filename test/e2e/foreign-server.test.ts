import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authority } from '../support/certificates.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { FOREIGN_HUB, type ForeignService, startForeignService } from '../support/foreign-service.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createTestCa } from '../support/test-certificates.ts';

const DEVICES = 12;
const RETRY_AFTER_SECONDS = 1;
const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
let service: ForeignService;

beforeAll(async () => {
  const ca = await createTestCa();
  const root = await authority('Root');
  const line = await authority('Line A', root);
  writeFileSync(path('ca.pem'), ca.certPem);
  writeFileSync(path('line.pem'), line.certificatePem);
  writeFileSync(path('line.key'), line.privateKeyPem);
  service = await startForeignService({
    ...(await ca.issue()),
    deviceCaPem: root.certificatePem,
    idScope: ID_SCOPE,
    groupKey: GROUP_KEY,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
});
afterAll(() => service.close());

/** Device n has the payload `{"n": n}`, the first has none. */
async function register(prefix: string, ...options: readonly string[]) {
  const ids = Array.from({ length: DEVICES }, (_, n) => `${prefix}-${n}`);
  const lines = ids.map((id, n) => `${id},${n === 0 ? '' : `"{""n"": ${n}}"`}`);
  writeFileSync(path(`${prefix}.csv`), ['registration_id,payload', ...lines].join('\n'));
  const target = ['--host', 'localhost', '--id-scope', ID_SCOPE, '--ca-only', path('ca.pem')];
  const out = path(`${prefix}-out`);
  const env: Readonly<Record<string, string>> = prefix.startsWith('sas') ? { DPSLOAD_GROUP_KEY: GROUP_KEY } : {};
  const run = await dpsload(['run', path(`${prefix}.csv`), ...target, ...options, '--out', out, '--quiet'], { env });
  expect([run.code, run.stderr]).toEqual([0, expect.any(String)]);
  return { ids, rows: readResultRows(join(onlyRunFolder(out), 'registrations.csv')) };
}

const X509 = () => [
  '--attestation',
  'x509',
  '--issuer-cert-file',
  path('line.pem'),
  '--issuer-key-file',
  path('line.key'),
];
const mqtt = () => ['--port', String(service.port)];
const websocket = () => ['--transport', 'websocket', '--port', String(service.websocketPort)];

describe.concurrent('a service that shares no code with the client', () => {
  it.each([
    ['sas', 'sas', () => mqtt()],
    ['sas-websocket', 'sas', () => websocket()],
    ['x509', 'certificate', () => [...mqtt(), ...X509()]],
    ['x509-websocket', 'certificate', () => [...websocket(), ...X509()]],
  ] as const)('registers a fleet: %s', async (prefix, proof, options) => {
    const { ids, rows } = await register(prefix, ...options());
    for (const [n, id] of ids.entries()) {
      const payload = n === 0 ? null : { n };
      const seen = service.devices.get(id);
      const subscriptions = ['$dps/registrations/res/# 1'];
      expect(seen).toMatchObject({ proof, clean: true, subscriptions, payload });
      expect(seen?.keepaliveSeconds).toBeGreaterThan(0);
      const [asked, polled, ...more] = seen?.requests ?? [];
      expect(JSON.parse(asked?.body ?? '')).toEqual(
        payload === null ? { registrationId: id } : { registrationId: id, payload },
      );
      expect(more).toEqual([]);
      expect((polled?.atMs ?? 0) - (asked?.atMs ?? 0)).toBeGreaterThanOrEqual(RETRY_AFTER_SECONDS * 1_000 - 2);
      expect(rows[n]).toMatchObject({
        registration_id: id,
        result: 'assigned',
        assigned_hub: FOREIGN_HUB,
        device_id: `device-${id}`,
        substatus: 'reprovisionedToInitialAssignment',
        service_created_at: '2026-01-02T03:04:05.6789012Z',
        service_updated_at: '2026-02-03T04:05:06.7890123Z',
        registers_sent: '1',
        polls: '1',
        attempts: '1',
        possibly_twice: 'false',
        returned_payload: JSON.stringify({ echo: payload }),
      });
    }
  });

  it('is told a wrong key by its CONNACK', async () => {
    const out = path('wrong-out');
    writeFileSync(path('wrong.csv'), 'registration_id\nwrong-1\n');
    const target = ['--host', 'localhost', '--id-scope', ID_SCOPE, '--ca-only', path('ca.pem'), ...mqtt()];
    const { code } = await dpsload(['run', path('wrong.csv'), ...target, '--out', out, '--quiet'], {
      env: { DPSLOAD_GROUP_KEY: Buffer.alloc(32).toString('base64') },
    });
    expect(code).toBe(3);
    expect(service.devices.get('wrong-1')?.proof).toBe('signature');
    const [row] = readResultRows(join(onlyRunFolder(out), 'registrations.csv'));
    expect(row).toMatchObject({ result: 'refused', error_code: 'connack-5', registers_sent: '0' });
  });
});
