import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmulatorOptions } from '../../src/emulator/emulator.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { operatorError } from '../support/fleet-file.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
let base: string;
beforeAll(async () => {
  const faults = [faultRule({ kind: 'duplicate-answer' }, { registrationIds: 'dev-0' })];
  emulator = await startTestEmulator({
    httpPort: 0,
    behavior: { assignmentDelayMs: 0 },
    faults,
    serverNames: ['records.test'],
  });
  base = `http://127.0.0.1:${emulator.httpPort}`;
  for (const id of ['dev-0', 'dev-1', 'dev-2']) {
    const device = await ScriptedDevice.open(emulator);
    await device.exchange(connectPacket(id));
    await device.exchange(subscribePacket());
    await device.exchange(registerPacket('1'));
    device.close();
  }
});
afterAll(() => emulator.close());

async function get(path: string, init: RequestInit = {}) {
  const response = await fetch(base + path, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

const query = (headers: Record<string, string> = {}) =>
  get('/registrations/default/query', { method: 'POST', headers });

describe('records over HTTP', () => {
  it('one registration, in the shape of the service API', async () => {
    const { status, body } = await get('/registrations/DEV-1?api-version=2021-10-01');
    expect(status).toBe(200);
    expect(body).toEqual({
      registrationId: 'dev-1',
      createdDateTimeUtc: expect.any(String),
      assignedHub: expect.stringMatching(/azure-devices\.net$/),
      deviceId: 'dev-1',
      status: 'assigned',
      substatus: 'initialAssignment',
      lastUpdatedDateTimeUtc: expect.any(String),
      etag: expect.any(String),
    });
  });

  it('those of a group, page by page', async () => {
    const ids = ({ body }: { body: unknown }) =>
      (body as { registrationId: string }[]).map((one) => one.registrationId);
    expect(ids(await query())).toEqual(['dev-0', 'dev-1', 'dev-2']);
    const first = await query({ 'x-ms-max-item-count': '2' });
    expect(ids(first)).toEqual(['dev-0', 'dev-1']);
    const continuation = first.headers.get('x-ms-continuation') ?? '';
    const second = await query({ 'x-ms-max-item-count': '2', 'x-ms-continuation': continuation });
    expect(ids(second)).toEqual(['dev-2']);
    expect(second.headers.get('x-ms-continuation')).toBeNull();
  });

  it('a page of no items would lead nowhere: all that fit', async () => {
    const { headers, body } = await query({ 'x-ms-max-item-count': '0' });
    expect([body, headers.get('x-ms-continuation')]).toEqual([expect.objectContaining({ length: 3 }), null]);
  });

  it('counters and faults', async () => {
    expect((await get('/counters')).body).toMatchObject({ registrationAttempts: 3, deviceAssignments: 3 });
    expect((await get('/faults')).body).toMatchObject([{ fault: 'duplicate-answer', registrationId: 'dev-0' }]);
  });

  it.each([
    '/',
    '/registrations',
    '/registrations/stranger',
    '/registrations/dev-1?idScope=0ne00999999',
    '/%',
  ])('%s: 404', async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).toEqual({
      errorCode: expect.any(Number),
      trackingId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      message: expect.any(String),
      timestampUtc: expect.stringMatching(/Z$/),
    });
  });

  it.each([
    ['POST', '/counters', 'GET'],
    ['DELETE', '/registrations/dev-1', 'GET'],
    ['GET', '/registrations/default/query', 'POST'],
  ])('%s %s: 405, and what there is instead', async (method, path, allowed) => {
    const { status, headers, body } = await get(path, { method });
    expect([status, headers.get('allow')]).toEqual([405, allowed]);
    expect(body).toMatchObject({ errorCode: 405000, message: expect.stringContaining(allowed) });
  });

  it('close a connection that says nothing, or no more', async () => {
    const impatient = await startTestEmulator({ httpPort: 0, limits: { httpTimeoutMs: 500 } });
    const texts = ['', 'GET /counters HT', 'GET /counters HTTP/1.1\r\nHost: localhost\r\n\r\n'];
    const closings = texts.map((text) => {
      const socket = connect({ host: '127.0.0.1', port: impatient.httpPort ?? 0 });
      socket.on('error', () => {}).resume();
      socket.write(text);
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(closings);
    await impatient.close();
  });

  it.each([
    'GET // HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /registrations/%E0%A4%A HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /registrations//query HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n',
    'nonsense\r\n\r\n',
  ])('lives on after %j', async (text) => {
    const socket = connect({ host: '127.0.0.1', port: emulator.httpPort ?? 0 });
    socket.write(text);
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 4\d\d /);
    socket.destroy();
    expect((await get('/counters')).status).toBe(200);
  });
});

/** A request with this Host header. */
async function statusFor(host: string, port: number | null): Promise<{ status: number | undefined; body: string }> {
  const [response] = (await once(httpGet({ port, path: '/counters', headers: { host } }), 'response')) as [
    IncomingMessage,
  ];
  const parts = await response.setEncoding('utf8').toArray();
  return { status: response.statusCode, body: parts.join('') };
}

describe('who may read the records', () => {
  it.each([
    ['localhost:8080', 200],
    ['LOCALHOST', 200],
    ['127.0.0.1', 200],
    ['127.1.2.3:80', 200],
    ['[::1]:8080', 200],
    ['Records.test:8080', 200],
    // A page of this name, which its owner lets resolve to 127.0.0.1.
    ['evil.example:8080', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.0.2.1', 403],
  ])('a request for the host %j: %i', async (host, expected) => {
    const { status, body } = await statusFor(host, emulator.httpPort);
    expect(status).toBe(expected);
    if (expected !== 403) return;
    expect(JSON.parse(body)).toMatchObject({
      errorCode: 403000,
      message: expect.stringContaining(JSON.stringify(host)),
    });
    expect(emulator.logged.at(-1)).toContain(`HTTP 403: The Host header ${JSON.stringify(host)}`);
  });

  it('those on this machine alone, wherever devices connect', async () => {
    const open = await startTestEmulator({ host: '0.0.0.0', httpPort: 0 });
    const other = '127.0.0.2';
    const socket = connect({ host: other, port: open.port });
    await once(socket, 'connect');
    socket.destroy();
    await expect(once(connect({ host: other, port: open.httpPort ?? 0 }), 'connect')).rejects.toThrow('ECONNREFUSED');
    expect(await statusFor('localhost', open.httpPort)).toMatchObject({ status: 200 });
    await open.close();
  });

  it('everyone, where that is asked for, by any address and the name of the machine', async () => {
    const open = await startTestEmulator({ httpHost: '0.0.0.0', httpPort: 0 });
    const statuses = [];
    for (const host of ['192.0.2.1:80', hostname(), 'evil.example']) {
      statuses.push((await statusFor(host, open.httpPort)).status);
    }
    expect(statuses).toEqual([200, 200, 403]);
    await open.close();
  });
});

describe('an emulator whose place is taken', () => {
  it.each<[string, () => Partial<EmulatorOptions>, string]>([
    ['the port of MQTT', () => ({ port: emulator.port }), '--port'],
    ['the port of MQTT over WebSocket', () => ({ websocketPort: emulator.port }), '--websocket-port'],
    ['the port of the hubs', () => ({ hubPort: emulator.port }), '--hub-port'],
    ['the port of the records', () => ({ httpPort: emulator.httpPort }), '--http-port'],
    ['an address of another machine', () => ({ host: '192.0.2.1' }), '--host'],
    ['such an address for the records', () => ({ httpPort: 0, httpHost: '192.0.2.1' }), '--http-host'],
  ])('is refused as a mistake of the operator: %s', async (_, place, remedy) => {
    const { kind, problems } = await operatorError(() =>
      startEmulator({ caDir: emulator.caDir, serverKeys: 'ecdsa', instances: [emulatedInstance()], ...place() }),
    );
    expect([kind, problems.length]).toEqual(['usage', 1]);
    expect(problems[0]).toMatchObject({
      message: expect.stringContaining('cannot listen on'),
      remedy: expect.stringContaining(remedy),
    });
  });
});
