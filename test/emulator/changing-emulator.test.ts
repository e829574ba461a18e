import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { EmulatorOptions } from '../../src/emulator/emulator.ts';
import type { DpsInstance, EnrollmentGroup, LinkedHub } from '../../src/emulator/service/dps-instance.ts';
import { connectPacket, pollPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { operatorError } from '../support/fleet-file.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();

const [GROUP] = emulatedInstance().enrollmentGroups as readonly [EnrollmentGroup];

let emulator: TestEmulator;
const devices: ScriptedDevice[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) device.close();
  await emulator.close();
});

async function connected(options: Partial<EmulatorOptions>, id = 'dev-1'): Promise<ScriptedDevice> {
  emulator = await startTestEmulator(options);
  return await connectedTo(emulator, id);
}

async function connectedTo(to: TestEmulator, id: string): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open(to);
  devices.push(device);
  await device.exchange(connectPacket(id));
  await device.exchange(subscribePacket());
  return device;
}

type Answer = { topic: string; body: { operationId: string; status: string; registrationState?: object } };

async function answerTo(device: ScriptedDevice, packet: ReturnType<typeof registerPacket>): Promise<Answer> {
  const answer = await device.exchange(packet);
  if (answer?.cmd !== 'publish') throw new Error(`no answer, but ${answer?.cmd}`);
  return { topic: answer.topic, body: JSON.parse(answer.payload.toString()) };
}

const weighted = (...weights: Readonly<Record<string, number>>[]): readonly LinkedHub[] =>
  weights.flatMap((each) =>
    Object.entries(each).map(([hostName, weight]) => ({
      hostName,
      weight,
      applyAllocationPolicy: true,
      identityLimit: null,
    })),
  );

describe('a device that registers again over its connection', () => {
  const NEVER = { updateHubAssignment: false, migrateDeviceData: false };
  const RESET = { updateHubAssignment: true, migrateDeviceData: false };

  const instance = (hub: string, reprovisionPolicy: EnrollmentGroup['reprovisionPolicy']): DpsInstance =>
    emulatedInstance({
      linkedHubs: weighted({ first: 1, second: 1 }),
      enrollmentGroups: [{ ...GROUP, reprovisionPolicy, allocationPolicy: 'static', iotHubs: [hub] }],
    });

  it('stays or moves as policy and hubs are changed meanwhile', async () => {
    const device = await connected({ behavior: { assignmentDelayMs: 0 }, instances: [instance('first', NEVER)] });
    const registeredAt = async (): Promise<object | undefined> => {
      const { body } = await answerTo(device, registerPacket('1'));
      return (await answerTo(device, pollPacket('2', body.operationId))).body.registrationState;
    };
    expect(await registeredAt()).toMatchObject({ assignedHub: 'first', substatus: 'initialAssignment' });
    await emulator.update({ instances: [instance('second', NEVER)] });
    expect(await registeredAt()).toMatchObject({ assignedHub: 'first' });
    expect(await emulator.update({ instances: [instance('second', RESET)] })).toEqual([
      'enrollment groups: default changed',
    ]);
    expect(emulator.logged.at(-1)).toBe('changed: enrollment groups: default changed');
    expect(await registeredAt()).toMatchObject({ assignedHub: 'second', substatus: 'deviceDataReset' });
    expect([...emulator.records()]).toMatchObject([{ registers: 3, assignedHub: 'second' }]);
  });
});

describe('a change of a running emulator', () => {
  it('that is wrong changes nothing', async () => {
    await connected({});
    const attestation = { kind: 'symmetricKey', primaryKey: 'no key', secondaryKey: null } as const;
    const broken = emulatedInstance({ enrollmentGroups: [{ ...GROUP, attestation }] });
    await operatorError(() => emulator.update({ instances: [broken], behavior: { retryAfterSeconds: 9 } }));
    await operatorError(() => emulator.update({ instances: [] }));
    expect(await emulator.update({})).toEqual([]);
    const device = await connectedTo(emulator, 'dev-2');
    expect((await answerTo(device, registerPacket('1'))).topic).toContain('retry-after=3');
  });

  it('of an ID scope keeps the connection and the records, and lets nobody in', async () => {
    const device = await connected({ httpPort: 0 });
    const { body } = await answerTo(device, registerPacket('1'));
    await emulator.update({ instances: [emulatedInstance({ idScope: '0ne00222222' })] });
    expect((await answerTo(device, pollPacket('2', body.operationId))).topic).toContain('/401/');
    const late = await ScriptedDevice.open(emulator);
    expect(await late.exchange(connectPacket('dev-2'))).toMatchObject({ returnCode: 3 });
    expect([...emulator.records()]).toMatchObject([{ registrationId: 'dev-1' }]);
  });

  it('replaces webhook programs, and starts one again whose file has changed', async () => {
    const file = join(folder, 'webhook.mjs');
    const program = (hub: string): void =>
      writeFileSync(
        file,
        `import { createServer } from 'node:http';
        const server = createServer((_, response) => response.end('{"iotHubHostName":"${hub}"}'));
        server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: 'http://127.0.0.1:' + server.address().port })));
        process.stdin.resume().on('end', () => process.exit());`,
      );
    program('first');
    const custom = {
      allocationPolicy: 'custom' as const,
      customAllocationDefinition: { webhookUrl: pathToFileURL(file).href, apiVersion: '2018-09-01-preview' },
    };
    const instance = (settings: Partial<EnrollmentGroup>): DpsInstance =>
      emulatedInstance({
        linkedHubs: weighted({ first: 1, second: 1 }),
        enrollmentGroups: [{ ...GROUP, ...settings }],
      });
    const device = await connected({ behavior: { assignmentDelayMs: 0 }, instances: [instance({})] });
    const hub = async (): Promise<unknown> => {
      await answerTo(device, registerPacket('1'));
      const record = () => [...emulator.records()][0];
      await expect.poll(() => record()?.status).toBe('assigned');
      return record()?.assignedHub;
    };
    await emulator.update({ instances: [instance(custom)] });
    expect(await hub()).toBe('first');
    program('second');
    expect(await emulator.update({ instances: [instance(custom)] })).toEqual([]);
    expect(await hub()).toBe('second');
  });
});

describe('the times of faults', () => {
  it('count from the last change of the faults, and an outage cuts open connections when it begins', async () => {
    const device = await connected({});
    emulator.advance(60_000);
    const outage = faultRule({ kind: 'outage' }, { fromMs: 3_600_000, untilMs: 7_200_000, points: ['open'] });
    await emulator.update({ faults: [outage] });
    // Real time passes too: a minute is left for what follows.
    emulator.advance(3_540_000);
    expect(emulator.openConnections()).toBe(1);
    // The same again: the rules go on.
    await emulator.update({ faults: [outage], behavior: { retryAfterSeconds: 1 } });
    emulator.advance(60_000);
    expect(await device.receive()).toBeNull();
    expect(emulator.faultRecords).toMatchObject([{ fault: 'outage', point: 'open' }]);
    expect(emulator.faultRecords[0]?.atMs).toBeGreaterThanOrEqual(3_660_000);
  });

  it('begin anew with a reset, with what the rules have counted', async () => {
    const lost = faultRule({ kind: 'error-answer', errorCode: 500_000, retryAfterSeconds: null });
    const device = await connected({ faults: [{ ...lost, points: ['register'], timesPerDevice: 1 }] });
    const statuses = async (): Promise<readonly string[]> => {
      const topics = [];
      for (const id of ['1', '2']) topics.push((await answerTo(device, registerPacket(id))).topic.slice(23, 26));
      return topics;
    };
    expect(await statuses()).toEqual(['500', '202']);
    emulator.reset();
    expect([emulator.faultRecords.length, emulator.counters.faultsInjected]).toEqual([0, 0]);
    expect(await statuses()).toEqual(['500', '202']);
  });
});

describe('time that is put forward', () => {
  it('lets operations expire and budgets fill, and tokens stay valid', async () => {
    const register = { algorithm: 'token-bucket', limit: 1, perMs: 60_000 } as const;
    const quotas = { register, pollPerDevice: null, serviceOperations: null, retryAfterSeconds: null };
    const device = await connected({ instances: [emulatedInstance({ quotas })] });
    const { operationId } = (await answerTo(device, registerPacket('1'))).body;
    expect((await answerTo(device, registerPacket('2'))).topic).toContain('/429/');
    emulator.advance(200);
    expect((await answerTo(device, pollPacket('3', operationId))).body.status).toBe('assigned');
    emulator.advance(20 * 60_000);
    expect((await answerTo(device, pollPacket('4', operationId))).topic).toContain('/404/');
    expect((await answerTo(device, registerPacket('5'))).topic).toContain('/202/');
    // The token of the packets ends in 2096.
    emulator.advance(100 * 365 * 24 * 3_600_000);
    const late = await connectedTo(emulator, 'late');
    expect((await answerTo(late, registerPacket('1'))).topic).toContain('/202/');
  });

  it('sends answers that are due, and lets a webhook time out, in their order', async () => {
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const webhookUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const custom = {
      allocationPolicy: 'custom' as const,
      customAllocationDefinition: { webhookUrl, apiVersion: '2018-09-01-preview' },
    };
    const instances = [emulatedInstance({ enrollmentGroups: [{ ...GROUP, ...custom }] })];
    const device = await connected({ instances, behavior: { answerDelayMs: 3_600_000, webhookTimeoutMs: 7_200_000 } });
    device.send(registerPacket('1'));
    await expect.poll(() => emulator.counters.registrationAttempts).toBe(1);
    emulator.advance(24 * 3_600_000);
    expect(await device.receive()).toMatchObject({ topic: expect.stringContaining('/202/?$rid=1') });
    expect([...emulator.records()]).toMatchObject([{ status: 'failed', errorCode: 400207 }]);
    expect(emulator.logged.at(-1)).toMatch(/Custom allocation timed out\.$/);
    silent.close();
  });
});
