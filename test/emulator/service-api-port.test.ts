import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { signedToken } from '../../src/dps/sas-token.ts';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { connectionOf } from '../support/service-sdk.ts';

const logged: string[] = [];
let emulator: Emulator;

/** With certificates that these tests share. */
function start(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const log = (line: string) => logged.push(line);
  return startEmulator({ instances: [emulatedInstance()], serverKeys: 'ecdsa', log, ...options });
}

afterEach(() => emulator.close());

const HOST = emulatedInstance().serviceHostName;
const GROUP = '/enrollmentGroups/default?api-version=2021-10-01';

function tokenFor(resource: string): string {
  const { policyName, key } = connectionOf(emulator);
  return signedToken(resource, key, 4_000_000_000, policyName);
}

/** An HTTPS request to the instance's own name, at the emulator's address. */
function ask(options: RequestOptions = {}, body = '') {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const headers = { host: HOST, authorization: tokenFor(HOST), ...options.headers };
    const address = {
      host: '127.0.0.1',
      port: emulator.servicePort,
      servername: HOST,
      ca: emulator.caPem,
      agent: false,
    };
    const sent = httpsRequest({ path: GROUP, ...address, ...options, headers } as RequestOptions, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
    });
    sent.on('error', reject).end(body);
  });
}

it('answers under the name of the instance, which its certificate covers, and logs refusals without secrets', async () => {
  emulator = await start({ servicePort: 0 });
  const { status, headers, text } = await ask();
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'x-ms-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(JSON.parse(text)).toMatchObject({ enrollmentGroupId: 'default' });
  expect((await ask({ method: 'DELETE', path: '/enrollments/none?api-version=2021-10-01' })).status).toBe(404);
  const wrong = tokenFor('other.azure-devices-provisioning.net');
  expect((await ask({ headers: { authorization: wrong } })).status).toBe(401);
  expect(logged).toEqual([
    'service API: DELETE "/enrollments/none": 404: Enrollment not found.',
    'service API: GET "/enrollmentGroups/default": 401: Unauthorized: the token is for another resource.',
  ]);
  expect(emulator.serviceConnectionString).toMatch(
    new RegExp(
      `^HostName=127.0.0.1:${emulator.servicePort};SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=`,
    ),
  );
});

it('is not offered unless it is asked for, and refuses a key that is none', async () => {
  emulator = await start();
  expect([emulator.servicePort, emulator.serviceConnectionString]).toEqual([null, null]);
  const started = start({ servicePort: 0, serviceOwnerKey: 'no key' });
  await expect(started).rejects.toThrow('the key of the policy provisioningserviceowner is not base64');
});

it('refuses a body that is too large, and goes on', async () => {
  emulator = await start({ servicePort: 0 });
  const put = { method: 'PUT', path: '/enrollments/a?api-version=2021-10-01' };
  const large = await ask({ ...put, headers: { 'content-type': 'application/json' } }, ' '.repeat(1024 * 1024 + 1));
  expect([large.status, large.headers['x-ms-error-code']]).toEqual([413, '413000']);
  expect((await ask()).status).toBe(200);
});

it('ends connections that are silent, or too slow', async () => {
  emulator = await start({ servicePort: 0, limits: { httpTimeoutMs: 200, connectTimeoutMs: 200 } });
  const { servicePort: port, caPem: ca } = emulator;
  // On a busy machine, a connection may be too slow before it is secure.
  const open = () => connect({ port: port ?? 0, host: '127.0.0.1', ca, servername: HOST }).on('error', () => {});
  const [silent, slow] = [open(), open()];
  slow.write('GET / HTTP/1.1\r\n');
  const trickle = setInterval(() => slow.write('x: y\r\n'), 50);
  await Promise.all([silent, slow].map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))));
  clearInterval(trickle);
});

it('delays answers and cuts connections as its faults say', async () => {
  const rule = (fault: Parameters<typeof faultRule>[0]) =>
    faultRule(fault, { points: ['service-request'], timesPerDevice: 1 });
  emulator = await start({
    servicePort: 0,
    faults: [rule({ kind: 'delay-answer', delayMs: 100 }), rule({ kind: 'disconnect', when: 'after-puback' })],
  });
  const beforeMs = performance.now();
  expect((await ask()).status).toBe(200);
  expect(performance.now() - beforeMs).toBeGreaterThanOrEqual(99);
  await expect(ask()).rejects.toThrow('socket hang up');
  expect((await ask()).status).toBe(200);
  expect(emulator.faultRecords).toMatchObject([
    { fault: 'delay-answer', point: 'service-request', registrationId: 'default' },
    { fault: 'disconnect' },
  ]);
});

it('sends a late answer when the time of the service comes, and none after its end', async () => {
  emulator = await start({
    servicePort: 0,
    faults: [faultRule({ kind: 'delay-answer', delayMs: 60_000 }, { points: ['service-request'] })],
  });
  const missing = { path: '/enrollments/none?api-version=2021-10-01' };
  const late = ask(missing);
  await expect.poll(() => emulator.faultRecords.length).toBe(1);
  emulator.advance(60_000);
  expect((await late).status).toBe(404);
  const never = ask(missing).catch((error: Error) => error.message);
  await expect.poll(() => emulator.faultRecords.length).toBe(2);
  await emulator.close();
  expect(await never).toBe('socket hang up');
  const before = [...logged];
  emulator.advance(60_000);
  expect(logged).toEqual(before);
});
