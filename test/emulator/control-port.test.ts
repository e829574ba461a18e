import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { ID_SCOPE } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
let device: ScriptedDevice;
beforeAll(async () => {
  emulator = await startTestEmulator({
    httpPort: 0,
    httpHost: '0.0.0.0',
    // Until a test puts the time forward.
    behavior: { assignmentDelayMs: 3_600_000 },
  });
  device = await ScriptedDevice.open(emulator);
  await device.exchange(connectPacket('dev-1'));
  await device.exchange(subscribePacket());
});
afterAll(async () => {
  device.close();
  await emulator.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };

async function call(method: string, path: string, body = '', headers: Record<string, string> = JSON_TYPE) {
  const init = method === 'GET' ? {} : { method, headers, body };
  const response = await fetch(`http://127.0.0.1:${emulator.httpPort}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

const topicOf = async (requestId: string) => {
  const answer = await device.exchange(registerPacket(requestId));
  return answer?.cmd === 'publish' ? answer.topic : null;
};

describe('the control port', () => {
  it('says that the emulator serves, and what', async () => {
    expect(await call('GET', '/health')).toEqual({
      status: 200,
      body: {
        ready: true,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        instances: [ID_SCOPE],
        openConnections: 1,
      },
    });
  });

  it('forgets everything between two tests, and keeps connections', async () => {
    await topicOf('1');
    expect((await call('GET', '/registrations/dev-1')).status).toBe(200);
    expect(await call('POST', '/reset')).toEqual({ status: 204, body: null });
    expect((await call('GET', '/registrations/dev-1')).status).toBe(404);
    expect((await call('GET', '/counters')).body).toMatchObject({ registrationAttempts: 0 });
    expect(await topicOf('2')).toContain('/202/');
    expect(emulator.logged.at(-1)).toBe('reset: records, operations, counters, faults and conversations are forgotten');
  });

  it('puts the time of the service forward', async () => {
    expect((await call('GET', '/registrations/dev-1')).body).toMatchObject({ status: 'assigning' });
    expect((await call('POST', '/advance', '{"duration":"1h"}')).status).toBe(204);
    expect((await call('GET', '/registrations/dev-1')).body).toMatchObject({ status: 'assigned' });
    expect(await call('POST', '/advance', '{"duration":60}')).toMatchObject({
      status: 400,
      body: { message: 'duration must be a duration such as 500ms, 30s or 20m.' },
    });
  });

  it('changes parts of the configuration, and says what has changed', async () => {
    expect(await call('PATCH', '/config', '{"behavior":{"retryAfter":"0s","assignmentDelay":"1h"}}')).toEqual({
      status: 200,
      body: { changed: ['behavior: retryAfter changed'] },
    });
    expect(await topicOf('3')).toBe('$dps/registrations/res/202/?$rid=3&retry-after=0');
    const quotas = { register: '1/min' };
    await call('PATCH', '/config', JSON.stringify({ instances: [{ idScope: ID_SCOPE, quotas }] }));
    expect(await topicOf('4')).toContain('/202/');
    expect(await topicOf('5')).toContain('/429/');
  });

  it('says what is wrong with a change, and where', async () => {
    const { status, body } = await call('PATCH', '/config', '{\n"faults": [{"fault": "outrage"}]}');
    expect([status, body.errorCode]).toEqual([400, 400000]);
    expect(body.message).toMatch(/^request:2:\d+: faults\.0\.fault names no fault\. Write outage/);
    expect(await call('PATCH', '/config', '{"faults":')).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^request:1:/) },
    });
  });

  it('answers a method that there is not with those that there are', async () => {
    expect(await call('POST', '/health')).toMatchObject({
      status: 405,
      body: { message: 'This resource has GET only.' },
    });
    expect(await call('GET', '/reset')).toMatchObject({ status: 405 });
  });
});

/** As a browser or another machine would. */
async function statusOf(headers: Record<string, string>, host = '127.0.0.1'): Promise<number | undefined> {
  const request = httpRequest({ host, port: emulator.httpPort, path: '/reset', method: 'POST', headers });
  request.end('{}');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('a change is refused', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    '',
  ])('from what a web page may send without asking: %j', async (type) => {
    expect(await statusOf(type === '' ? {} : { 'content-type': type })).toBe(415);
  });

  it('from a page that has its own name resolve to this machine', async () => {
    expect(await statusOf({ ...JSON_TYPE, host: 'evil.example' })).toBe(403);
  });

  it('where it is too long', async () => {
    expect(await call('PATCH', '/config', ' '.repeat(1_000_001))).toMatchObject({ status: 413 });
  });

  it('not from this machine by any way to loopback', async () => {
    expect(await statusOf({ 'content-type': 'Application/JSON; charset=utf-8', host: 'localhost' })).toBe(204);
  });

  it('from another address than loopback, which may read', async ({ skip }) => {
    const { networkInterfaces } = await import('node:os');
    const outer = Object.values(networkInterfaces())
      .flatMap((ones = []) => ones)
      .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    if (outer === undefined) return skip('this machine has no address but loopback');
    expect(await statusOf({ ...JSON_TYPE, host: 'localhost' }, outer)).toBe(403);
    expect((await fetch(`http://${outer}:${emulator.httpPort}/health`)).status).toBe(200);
  });
});
