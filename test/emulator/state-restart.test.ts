import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { provisioningRole } from '../../src/emulator/server/provisioning-role.ts';
import { ENROLLMENT_DEFAULTS } from '../../src/emulator/service/dps-instance.ts';
import { startDpsload } from '../support/dpsload-program.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { RegisteringDevice } from '../support/registering-device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator } from '../support/test-emulator.ts';
import { acceptedOver, simulatedContext, WiredStream } from '../support/wired-session.ts';

const folder = temporaryFolder();
const newFile = (): string => join(mkdtempSync(join(folder, 'state-')), 'state.ndjson');

describe('a device whose registration cannot be kept', () => {
  it('gets 500, which counts as such, and so does all that comes later', async () => {
    const context = { ...simulatedContext(1, []), whenKept: (then: (isKept: boolean) => void) => then(false) };
    const stream = new WiredStream();
    new MqttSession(acceptedOver(stream), context, provisioningRole(context));
    const username = `${ID_SCOPE}/registrations/dev-1/api-version=2021-06-01`;
    const password = Buffer.from(
      buildSasToken(ID_SCOPE, 'dev-1', deriveDeviceKey(GROUP_KEY, 'dev-1'), context.serviceTimeMs() / 1000 + 60),
    );
    const subscriptions = [{ topic: '$dps/registrations/res/#', qos: 0 as const }];
    const message = { cmd: 'publish', payload: '', qos: 0, dup: false, retain: false } as const;
    for (const packet of [
      { cmd: 'connect', clientId: 'dev-1', username, password },
      { cmd: 'subscribe', messageId: 1, subscriptions },
      { ...message, topic: '$dps/registrations/PUT/iotdps-register/?$rid=1' },
      { ...message, topic: '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5.a.b' },
    ] satisfies Packet[]) {
      stream.push(generate(packet));
    }
    await nextTurn();
    const answers = stream.received.filter((packet) => packet.cmd === 'publish');
    expect(answers.map(({ topic, payload }) => [topic, JSON.parse(String(payload)).errorCode])).toEqual([
      ['$dps/registrations/res/500/?$rid=1', 500000],
      ['$dps/registrations/res/500/?$rid=2', 500000],
    ]);
    const { registrationAttempts, registerAnswers, pollAnswers } = context.service.counters;
    expect({ registrationAttempts, registerAnswers, pollAnswers }).toEqual({
      registrationAttempts: 1,
      registerAnswers: { 202: 0, 500: 1 },
      pollAnswers: { 404: 0, 500: 1 },
    });
  });
});

describe('an emulator that is started again', () => {
  const behavior = { retryAfterSeconds: 0, assignmentDelayMs: 0 };

  it('answers for what it accepted before', async () => {
    const stateFile = newFile();
    const first = await startTestEmulator({ stateFile, behavior });
    const device = await RegisteringDevice.connect(first, 'dev-1');
    const { operationId } = (await device.register()).body;
    await first.close();
    const before = [...first.records()];
    const second = await startTestEmulator({ stateFile, behavior });
    expect([...second.records()]).toEqual(before);
    const again = await RegisteringDevice.connect(second, 'dev-1');
    const answer = await again.poll(operationId);
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'assigned', registrationState: { substatus: 'initialAssignment' } },
    });
    const later = (await again.register()).body;
    expect(await again.poll(later['operationId'])).toMatchObject({
      status: 200,
      body: { registrationState: { substatus: 'reprovisionedToInitialAssignment' } },
    });
    again.close();
    await second.close();
  });

  it('does not know what was forgotten by a reset, and its time does not go back', async () => {
    const stateFile = newFile();
    const first = await startTestEmulator({ stateFile, behavior });
    const [before, after] = [
      await RegisteringDevice.connect(first, 'before'),
      await RegisteringDevice.connect(first, 'after'),
    ];
    await before.register();
    first.reset();
    first.advance(3_600_000);
    const { operationId } = (await after.register()).body;
    await first.close();
    const second = await startTestEmulator({ stateFile, behavior });
    expect([...second.records()].map(({ registrationId }) => registrationId)).toEqual(['after']);
    const again = await RegisteringDevice.connect(second, 'after');
    expect(await again.poll(operationId)).toMatchObject({ status: 200, body: { status: 'assigned' } });
    again.close();
    await second.close();
  });

  it('ends an operation whose webhook it can no longer hear', async () => {
    const stateFile = newFile();
    const webhook = createServer(() => {}).listen(0, '127.0.0.1');
    await once(webhook, 'listening');
    const webhookUrl = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
    const group = {
      ...ENROLLMENT_DEFAULTS,
      kind: 'group' as const,
      enrollmentGroupId: 'asks',
      attestation: { kind: 'symmetricKey' as const, primaryKey: GROUP_KEY, secondaryKey: null },
      allocationPolicy: 'custom' as const,
      customAllocationDefinition: { webhookUrl, apiVersion: '2021-10-01' },
    };
    const instances = [emulatedInstance({ enrollmentGroups: [group] })];
    const first = await startTestEmulator({ stateFile, instances, behavior });
    const device = await RegisteringDevice.connect(first, 'dev-1');
    const { operationId } = (await device.register()).body;
    await first.close();
    const second = await startTestEmulator({ stateFile, instances, behavior });
    const again = await RegisteringDevice.connect(second, 'dev-1');
    expect(await again.poll(operationId)).toMatchObject({
      status: 200,
      body: { status: 'failed', registrationState: { errorCode: 400207 } },
    });
    again.close();
    await second.close();
    webhook.closeAllConnections();
    webhook.close();
  });

  it('after SIGKILL knows every device that had an answer', async () => {
    const state = newFile();
    const args = ['emulator', '--port', '0', '--server-keys', 'ecdsa', '--http-port', '0', '--state', state];
    const start = async () => {
      const program = startDpsload([...args, '--ca-dir', join(state, '..', 'ca')], {
        env: { DPSLOAD_GROUP_KEY: GROUP_KEY },
      });
      await program.until(({ stdout }) => stdout.includes('\n'));
      const ready = JSON.parse(program.stdout());
      return { ...ready, program, caPem: readFileSync(ready.caFile, 'utf8') };
    };
    const first = await start();
    const ids = Array.from({ length: 8 }, (_, index) => `dev-${index}`);
    const devices = await Promise.all(ids.map((id) => RegisteringDevice.connect(first, id, first.idScope)));
    const accepted = await Promise.all(devices.map((device) => device.register()));
    expect(accepted.map(({ status }) => status)).toEqual(ids.map(() => 202));
    first.program.child.kill('SIGKILL');
    await first.program.ended;
    const second = await start();
    const polled = await Promise.all(
      ids.map(async (id, index) => {
        const device = await RegisteringDevice.connect(second, id, second.idScope);
        return device.poll(accepted[index]?.body['operationId']);
      }),
    );
    expect(polled.map(({ status }) => status)).toEqual(ids.map(() => 200));
    second.program.child.kill('SIGTERM');
    expect((await second.program.ended).code).toBe(0);
  });
});
