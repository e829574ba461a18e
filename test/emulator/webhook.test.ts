import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebhookCaller } from '../../src/emulator/server/webhooks.ts';
import type { EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import type { WebhookCall, WebhookOutcome } from '../../src/emulator/service/webhook.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { connectPacket, pollPacket, publishPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { isRunning } from '../support/process-tree.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();

const NOW_MS = Date.UTC(2026, 0, 1);
const HUBS = [1, 2, 3].map((n) => `emulated-hub-${n}.azure-devices.net`);

function instanceWith(webhookUrl: string, settings: Partial<EnrollmentGroup> = {}) {
  const plain = emulatedInstance();
  const custom = {
    allocationPolicy: 'custom',
    customAllocationDefinition: { webhookUrl, apiVersion: '2018-09-01-preview' },
  } as const;
  return emulatedInstance({
    enrollmentGroups: plain.enrollmentGroups.map((group) => ({ ...group, ...custom, ...settings })),
  });
}

/** Registers `a` once more; what the webhook is asked, and a way to answer it. */
function asked(service: ProvisioningService, atMs: number, body = '') {
  const device = connectedDevice(service, 'a', atMs);
  const { operationId } = JSON.parse(service.register(device, body, atMs).body);
  const [call] = service.takeWebhookCalls();
  if (call === undefined) throw new Error('no call');
  const final = (polledAtMs: number) => JSON.parse(service.poll(device, operationId, polledAtMs).body);
  return { call, final, question: JSON.parse(call.body) };
}

const newService = (settings: Partial<EnrollmentGroup> = {}): ProvisioningService =>
  new ProvisioningService({
    instances: [instanceWith('http://webhook/allocate', settings)],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    startedAtMs: Date.UTC(2025, 11, 31),
    newGuid: () => `${Math.trunc(guid++)}`,
  });
let guid = 0;

const answered = (body: object, status = 200): WebhookOutcome => ({
  kind: 'answered',
  status,
  body: JSON.stringify(body),
});

it('a program of a webhook ends with an emulator that cannot be started', async () => {
  const file = join(folder, 'webhook.mjs');
  const pidFile = join(folder, 'pid');
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs';
    writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    console.log('{"url":"http://127.0.0.1:9/"}');
    setInterval(() => {}, 1_000);`,
  );
  vi.stubEnv('TMPDIR', join(folder, 'none'));
  await expect(startEmulator({ instances: [instanceWith(pathToFileURL(file).href)] })).rejects.toThrow('ENOENT');
  vi.unstubAllEnvs();
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await expect.poll(() => isRunning(pid)).toBe(false);
});

describe('custom allocation', () => {
  it('asks the webhook, tells assigning meanwhile, and does what it says', () => {
    const { call, final, question } = asked(newService(), NOW_MS, '{"payload":{"model":"T1"}}');
    expect(call).toMatchObject({ url: 'http://webhook/allocate', timeoutMs: 5_000 });
    expect(question).toMatchObject({
      enrollmentGroup: {
        enrollmentGroupId: 'default',
        attestation: { type: 'symmetricKey' },
        capabilities: { iotEdge: false },
        etag: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
        createdDateTimeUtc: '2025-12-31T00:00:00.0000000Z',
        lastUpdatedDateTimeUtc: '2025-12-31T00:00:00.0000000Z',
        allocationPolicy: 'custom',
      },
      deviceRuntimeContext: { registrationId: 'a', symmetricKey: {}, payload: { model: 'T1' } },
      linkedHubs: HUBS,
    });
    expect(call.body).not.toContain(GROUP_KEY);
    expect(final(NOW_MS + 3_000).status).toBe('assigning');
    call.settle(answered({ iotHubHostName: HUBS[1], payload: { colour: 'red' } }), NOW_MS + 3_000);
    expect(final(NOW_MS + 3_199).status).toBe('assigning');
    expect(final(NOW_MS + 3_200).registrationState).toMatchObject({
      assignedHub: HUBS[1],
      substatus: 'initialAssignment',
      payload: { colour: 'red' },
    });
  });

  it('tells the webhook where the device is now, and re-provisions as it says', () => {
    const service = newService();
    asked(service, NOW_MS).call.settle(answered({ iotHubHostName: HUBS[0] }), NOW_MS);
    const again = asked(service, NOW_MS + 1_000);
    expect(again.question.deviceRuntimeContext).toMatchObject({ currentIotHubHostName: HUBS[0], currentDeviceId: 'a' });
    again.call.settle(answered({ iotHubHostName: HUBS[2] }), NOW_MS + 1_000);
    expect(again.final(NOW_MS + 2_000).registrationState).toMatchObject({
      assignedHub: HUBS[2],
      substatus: 'deviceDataMigrated',
    });
  });

  it.each<[name: string, policy: EnrollmentGroup['reprovisionPolicy'], hub: string | undefined, twin: string]>([
    ['keeps it where the device stays', { updateHubAssignment: true, migrateDeviceData: false }, HUBS[0], 'first'],
    ['keeps it where the data moves along', { updateHubAssignment: true, migrateDeviceData: true }, HUBS[1], 'first'],
    ['takes the new one after a reset', { updateHubAssignment: true, migrateDeviceData: false }, HUBS[1], 'second'],
  ])("the webhook's initial twin overrides the enrollment's; repeated, it %s", (_, reprovisionPolicy, hub, expected) => {
    const service = newService({ reprovisionPolicy, initialTwin: { tags: { from: 'enrollment' } } });
    const twinAfter = (iotHubHostName: string | undefined, from: string | null, nowMs: number) => {
      const initialTwin = from === null ? null : { tags: { from } };
      asked(service, nowMs).call.settle(answered({ iotHubHostName, initialTwin }), nowMs);
      return [...service.records(nowMs + 1_000)][0]?.initialTwin;
    };
    expect(twinAfter(HUBS[0], 'first', NOW_MS)).toEqual({ tags: { from: 'first' } });
    expect(twinAfter(hub, 'second', NOW_MS + 1_000)).toEqual({ tags: { from: expected } });
  });

  it("without one of the webhook, the enrollment's initial twin is used", () => {
    const service = newService({ initialTwin: { tags: { from: 'enrollment' } } });
    asked(service, NOW_MS).call.settle(answered({ iotHubHostName: HUBS[0], initialTwin: null }), NOW_MS);
    expect([...service.records(NOW_MS)]).toMatchObject([{ initialTwin: { tags: { from: 'enrollment' } } }]);
  });

  it('offers the hubs of the enrollment; a device that never moves its own alone', () => {
    expect(asked(newService({ iotHubs: HUBS.slice(1) }), NOW_MS).question.linkedHubs).toEqual(HUBS.slice(1));
    const service = newService({ reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } });
    asked(service, NOW_MS).call.settle(answered({ iotHubHostName: HUBS[0] }), NOW_MS);
    expect(asked(service, NOW_MS + 1_000).question.linkedHubs).toEqual([HUBS[0]]);
  });

  it('offers a device that never moves its own hub alone, whatever its enrollment names by now', () => {
    const never = { reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } };
    const service = newService(never);
    asked(service, NOW_MS).call.settle(answered({ iotHubHostName: HUBS[0] }), NOW_MS);
    const moved = { ...instanceWith('http://webhook/allocate', { ...never, iotHubs: HUBS.slice(1) }) };
    service.configure([{ ...moved, linkedHubs: moved.linkedHubs.slice(1) }], NOW_MS);
    const { question, call, final } = asked(service, NOW_MS + 1_000);
    expect(question).toMatchObject({
      enrollmentGroup: { reprovisionPolicy: never.reprovisionPolicy, iotHubs: HUBS.slice(1) },
      deviceRuntimeContext: { currentIotHubHostName: HUBS[0] },
      linkedHubs: [HUBS[0]],
    });
    call.settle(answered({ iotHubHostName: HUBS[1] }), NOW_MS + 1_000);
    expect(final(NOW_MS + 2_000).registrationState).toMatchObject({ status: 'failed', errorCode: 400207 });
  });

  it('offers a device that may move again all hubs once its policy allows it', () => {
    const service = newService({ reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } });
    asked(service, NOW_MS).call.settle(answered({ iotHubHostName: HUBS[0] }), NOW_MS);
    service.configure([instanceWith('http://webhook/allocate')], NOW_MS);
    expect(asked(service, NOW_MS + 1_000).question.linkedHubs).toEqual(HUBS);
  });

  it.each<[WebhookOutcome, string]>([
    [answered({}, 400), 'Custom allocation failed with status code: 400'],
    [answered({}, 500), 'Custom allocation failed with status code: 500'],
    [
      answered({ iotHubHostName: 'foreign.azure-devices.net' }),
      'Custom allocation named an IoT hub that was not offered.',
    ],
    [answered({}), 'Custom allocation named no IoT hub.'],
    [{ kind: 'answered', status: 200, body: 'nonsense' }, 'Custom allocation did not answer with a JSON object.'],
    [{ kind: 'timed-out' }, 'Custom allocation timed out.'],
    [{ kind: 'unreachable' }, 'An error occurred while sending the request.'],
  ])('%j: failed with 400207', (outcome, errorMessage) => {
    const { call, final } = asked(newService(), NOW_MS);
    call.settle(outcome, NOW_MS);
    const { status, registrationState } = final(NOW_MS + 200);
    expect(status).toBe('failed');
    expect(registrationState).toMatchObject({ status: 'failed', errorCode: 400207, errorMessage });
  });
});

describe('over HTTP', () => {
  let server: Server;
  let respond: (response: ServerResponse) => void;
  beforeEach(async () => {
    server = createServer((request, response) => {
      request.resume().on('end', () => respond(response));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  /** The registration state that a device ends with. */
  async function registered(webhookTimeoutMs = 20_000): Promise<object> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/allocate`;
    const behavior = { webhookTimeoutMs, assignmentDelayMs: 0 };
    const emulator = await startTestEmulator({ instances: [instanceWith(url)], behavior });
    const device = await ScriptedDevice.open(emulator);
    await device.exchange(connectPacket('a'));
    await device.exchange(subscribePacket());
    let answer = await device.exchange(publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1'));
    for (;;) {
      if (answer?.cmd !== 'publish') throw new Error('no answer');
      const { operationId, status, registrationState } = JSON.parse(answer.payload.toString());
      if (status !== 'assigning') {
        device.close();
        await emulator.close();
        return registrationState;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      answer = await device.exchange(pollPacket('2', operationId));
    }
  }

  it('posts to the webhook and takes its answer', async () => {
    respond = (response) => response.end(JSON.stringify({ iotHubHostName: HUBS[0], payload: 7 }));
    expect(await registered()).toMatchObject({ status: 'assigned', assignedHub: HUBS[0], payload: 7 });
  });

  it('fails when it answers an error, hangs up, or answers too late', async () => {
    respond = (response) => response.writeHead(503).end();
    expect(await registered()).toMatchObject({ errorMessage: 'Custom allocation failed with status code: 503' });
    respond = (response) => response.destroy();
    expect(await registered()).toMatchObject({ errorMessage: 'An error occurred while sending the request.' });
    respond = () => {};
    expect(await registered(100)).toMatchObject({ errorMessage: 'Custom allocation timed out.' });
  });
});

describe('the log of a webhook', () => {
  let url: string;
  let server: Server;
  let respond: (response: ServerResponse) => void;
  beforeEach(async () => {
    server = createServer((_, response) => respond(response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/allocate`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Registers a device whose webhook has this URL. */
  async function loggedBy(webhookUrl: string): Promise<readonly string[]> {
    const lines: string[] = [];
    const caller = new WebhookCaller(
      systemClock(hrtimeMs()),
      () => 0,
      (line) => lines.push(line),
    );
    const customAllocationDefinition = { webhookUrl, apiVersion: '2018-09-01-preview' };
    await caller.call(asked(newService({ customAllocationDefinition }), NOW_MS).call);
    return lines;
  }

  it('is silent where the webhook assigns a hub', async () => {
    respond = (response) => response.end(JSON.stringify({ iotHubHostName: HUBS[0] }));
    expect(await loggedBy(url)).toEqual([]);
  });

  it.each([
    [500, {}, 'Custom allocation failed with status code: 500'],
    [200, { iotHubHostName: 'foreign.azure-devices.net' }, 'Custom allocation named an IoT hub that was not offered.'],
    [200, {}, 'Custom allocation named no IoT hub.'],
  ])('says for which device it assigned none: %i %j', async (status, body, reason) => {
    respond = (response) => response.writeHead(status).end(JSON.stringify(body));
    expect(await loggedBy(url)).toEqual([`${ID_SCOPE}/a: webhook ${url}: ${reason}`]);
  });

  it('names the URL without its key, name and password', async () => {
    respond = (response) => response.writeHead(500).end();
    const reason = 'Custom allocation failed with status code: 500';
    expect(await loggedBy(`${url}?code=SECRET#SECRET`)).toEqual([`${ID_SCOPE}/a: webhook ${url}: ${reason}`]);
    // Node.js refuses such a URL, and quotes it.
    const [line = ''] = await loggedBy(`${url.replace('//', '//name:SECRET@')}?code=SECRET`);
    expect(line).toContain(`${ID_SCOPE}/a: webhook ${url}: An error occurred while sending the request.`);
    expect(line).toContain('credentials');
    expect(line).not.toContain('SECRET');
    server.close();
    await once(server, 'close');
    expect(await loggedBy(`${url}?code=SECRET`)).toEqual([
      `${ID_SCOPE}/a: webhook ${url}: An error occurred while sending the request. (fetch failed)`,
    ]);
  });
});

it('a call is made once', () => {
  const service = newService();
  asked(service, NOW_MS);
  const calls: readonly WebhookCall[] = service.takeWebhookCalls();
  expect(calls).toEqual([]);
});
