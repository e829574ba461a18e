import { mkdtempSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { generate } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { EmulatorOptions } from '../../src/emulator/emulator.ts';
import { HubRegistry } from '../../src/emulator/hub/hub-registry.ts';
import { hubRole } from '../../src/emulator/server/hub-role.ts';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { listenServiceApi } from '../../src/emulator/server/service-api-listener.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { deviceCertificate } from '../support/certificates.ts';
import { emulatedInstance, GROUP_KEY, individualEnrollment } from '../support/emulated-instance.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { RegisteringDevice } from '../support/registering-device.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { API_HOST, API_NOW_MS, API_VERSION, ownerToken, ServiceApiCaller } from '../support/service-api-caller.ts';
import { type ApiAnswered, type ApiAsked, ServiceApiConnection } from '../support/service-api-connection.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';
import { acceptedOver, simulatedContext, WiredStream } from '../support/wired-session.ts';

const folder = temporaryFolder();
const newFile = (): string => join(mkdtempSync(join(folder, 'state-')), 'state.ndjson');
const closed: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closed.splice(0).reverse()) await close();
});

type Running = { readonly emulator: TestEmulator; readonly ask: (asked: ApiAsked) => Promise<ApiAnswered> };

async function start(stateFile: string, options: Partial<EmulatorOptions> = {}): Promise<Running> {
  const emulator = await startTestEmulator({
    instances: [emulatedInstance({ individualEnrollments: [individualEnrollment({ registrationId: 'configured' })] })],
    stateFile,
    servicePort: 0,
    hubPort: 0,
    behavior: { assignmentDelayMs: 0, retryAfterSeconds: 0 },
    ...options,
  });
  const api = new ServiceApiConnection(emulator.serviceConnectionString ?? '', emulator.caPem);
  closed.push(() => emulator.close());
  closed.push(() => api.close());
  return { emulator, ask: (asked) => api.ask(asked) };
}

async function stop(): Promise<void> {
  for (const close of closed.splice(0).reverse()) await close();
}

const keyOf = (id: string) => deriveDeviceKey(GROUP_KEY, id);
const enrolled = (id: string) => ({
  registrationId: id,
  attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: keyOf(id), secondaryKey: keyOf(id) } },
  initialTwin: { properties: { desired: { interval: 60 } } },
});

async function register({ emulator }: Running, id: string): Promise<unknown> {
  const device = await RegisteringDevice.connect(emulator, id);
  const { operationId } = (await device.register()).body;
  const { body } = await device.poll(operationId);
  device.close();
  return (body['registrationState'] as { assignedHub?: string } | undefined)?.assignedHub;
}

async function atHub({ emulator }: Running, hub: string, id: string): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open({ host: '127.0.0.1', port: emulator.hubPort ?? 0, caPem: emulator.caPem });
  closed.push(() => device.close());
  expect(await device.exchange(hubConnectPacket({ hub, id }))).toMatchObject({ cmd: 'connack', returnCode: 0 });
  await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }] });
  return device;
}

const publish = (topic: string, payload = '') =>
  ({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }) as const;

it('brings back what the service API and the devices at their hubs did', async () => {
  const file = newFile();
  const first = await start(file);
  const put = (id: string) => first.ask({ method: 'PUT', path: `/enrollments/${id}`, body: enrolled(id) });
  const { status, body: made } = await put('pump');
  expect(status).toBe(200);
  await put('other');
  await first.ask({ method: 'DELETE', path: '/enrollments/other' });
  await first.ask({ method: 'DELETE', path: '/enrollments/configured' });
  const hub = String(await register(first, 'pump'));
  const otherHub = String(await register(first, 'of-group'));
  await first.ask({ method: 'DELETE', path: '/registrations/of-group' });
  const device = await atHub(first, hub, 'pump');
  const reported = publish('$iothub/twin/PATCH/properties/reported/?$rid=1', '{"fw":"1.2"}');
  expect(await device.exchange(reported)).toMatchObject({ topic: expect.stringContaining('/204/') });
  first.emulator.hubs.setDesired(hub, 'pump', { interval: 5 });
  first.emulator.hubs.setStatus(otherHub, 'of-group', 'disabled');
  const [twin] = [first.emulator.hubs.device(hub, 'pump')?.twin];
  const [group] = [(await first.ask({ method: 'GET', path: '/enrollmentGroups/default' })).body];
  await stop();

  const second = await start(file);
  const get = (path: string) => second.ask({ method: 'GET', path });
  for (const path of ['/enrollments/other', '/enrollments/configured', '/registrations/of-group'])
    expect((await get(path)).status, path).toBe(404);
  expect((await get('/enrollmentGroups/default')).body).toEqual(group);
  expect((await get('/enrollments/pump')).body).toMatchObject({
    etag: made.etag,
    registrationState: { assignedHub: hub },
  });
  expect(second.emulator.hubs.device(hub, 'pump')).toMatchObject({ twin, status: 'enabled' });
  expect(second.emulator.hubs.device(otherHub, 'of-group')).toMatchObject({ status: 'disabled' });
  const again = await atHub(second, hub, 'pump');
  expect(await again.exchange(publish('$iothub/twin/GET/?$rid=2'))).toMatchObject({
    payload: Buffer.from('{"desired":{"interval":5,"$version":2},"reported":{"fw":"1.2","$version":2}}'),
  });
  const update = {
    method: 'PUT',
    path: '/enrollments/pump',
    body: { ...enrolled('pump'), provisioningStatus: 'disabled' },
  };
  expect((await second.ask({ ...update, etag: made.etag })).status).toBe(200);
  expect((await second.ask({ ...update, etag: made.etag })).status).toBe(412);
});

describe('what cannot be kept', () => {
  const whenKept = (then: (isKept: boolean) => void) => then(false);

  it('is answered with 500 by the service API, and counted so', async () => {
    const { api, service } = new ServiceApiCaller();
    const certificates = [await deviceCertificate('service', null)];
    const source = { ...simulatedContext(1, []), serviceTimeMs: () => API_NOW_MS, api, certificates, whenKept };
    const listener = await listenServiceApi({ host: '127.0.0.1', port: 0 }, source);
    closed.push(() => listener.close());
    const status = await new Promise((resolve, reject) => {
      const path = `/enrollments/pump?${API_VERSION}`;
      const headers = { host: API_HOST, authorization: ownerToken(), 'content-type': 'application/json' };
      const address = { host: '127.0.0.1', port: listener.port, rejectUnauthorized: false, agent: false };
      const sent = request({ ...address, method: 'PUT', path, headers }, (answer) => {
        resolve(answer.resume().statusCode);
      });
      sent.on('error', reject).end(JSON.stringify(enrolled('pump')));
    });
    expect(status).toBe(500);
    expect(service.counters.serviceApiAnswers).toEqual({ 200: 0, 500: 1 });
  });

  it('is answered with 500 by a hub', async () => {
    const hubs = new HubRegistry([], {
      behavior: () => SERVICE_BEHAVIOR_DEFAULT,
      aheadMs: () => 0,
      ownNames: ['dps.test'],
      changes: [],
    });
    const context = { ...simulatedContext(1, []), whenKept };
    const authentication = { type: 'sas', primaryKey: keyOf('pump'), secondaryKey: null } as const;
    const settings = { movesFrom: null, authentication, iotEdge: false, initialTwin: null, atMs: 0 } as const;
    hubs.apply({ kind: 'assigned', hub: 'hub', deviceId: 'pump', substatus: 'initialAssignment', ...settings });
    const stream = new WiredStream();
    new MqttSession(acceptedOver(stream), context, hubRole(hubs, context.serviceTimeMs));
    const subscriptions = [{ topic: '$iothub/twin/res/#', qos: 0 as const }];
    for (const packet of [
      hubConnectPacket({ hub: 'hub', id: 'pump' }),
      { cmd: 'subscribe', messageId: 1, subscriptions } as const,
      publish('$iothub/twin/PATCH/properties/reported/?$rid=1', '{}'),
      publish('$iothub/twin/GET/?$rid=2'),
    ]) {
      stream.push(generate(packet));
    }
    await nextTurn();
    const answers = stream.received.filter((packet) => packet.cmd === 'publish').map(({ topic }) => topic);
    expect(answers).toEqual(['$iothub/twin/res/500/?$rid=1', '$iothub/twin/res/500/?$rid=2']);
  });
});

it('keeps nothing of the hubs without their port, and is emptied by a reset', async () => {
  const file = newFile();
  const first = await start(file);
  await first.ask({ method: 'PUT', path: '/enrollments/pump', body: enrolled('pump') });
  await register(first, 'pump');
  await stop();
  const second = await start(file, { hubPort: null });
  expect(second.emulator.logged).toEqual([
    `${file}: read what it holds (lines: 5)`,
    `${file}: drops what it holds about the hubs (lines: 1), because there is no hub port now`,
  ]);
  expect((await second.ask({ method: 'GET', path: '/enrollments/pump' })).status).toBe(200);
  second.emulator.reset();
  await stop();
  expect(readFileSync(file, 'utf8')).not.toContain('pump');
  const third = await start(file);
  expect((await third.ask({ method: 'GET', path: '/enrollments/pump' })).status).toBe(404);
  expect([...third.emulator.hubs.devices()]).toEqual([]);
});
