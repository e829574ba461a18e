import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmulatorOptions, startEmulator } from '../../src/emulator/start-emulator.ts';
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
  emulator = await startTestEmulator({ httpPort: 0, behavior: { assignmentDelayMs: 0 }, faults });
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

describe('an emulator whose place is taken', () => {
  it.each<[string, () => Partial<EmulatorOptions>, string]>([
    ['the port of MQTT', () => ({ port: emulator.port }), '--port'],
    ['the port of MQTT over WebSocket', () => ({ websocketPort: emulator.port }), '--websocket-port'],
    ['the port of the records', () => ({ httpPort: emulator.httpPort }), '--http-port'],
    ['an address of another machine', () => ({ host: '192.0.2.1' }), '--host'],
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
