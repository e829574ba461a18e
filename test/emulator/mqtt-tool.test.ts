import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ behavior: { retryAfterSeconds: 0, assignmentDelayMs: 0 } });
});
afterAll(() => emulator.close());

it('lets a person with an MQTT tool register a device: subscribe, publish, poll', async () => {
  const id = 'bench-device-1';
  const client = await connectAsync(`mqtts://localhost:${emulator.port}`, {
    ca: emulator.caPem,
    clientId: id,
    username: `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`,
    password: buildSasToken(ID_SCOPE, id, deriveDeviceKey(GROUP_KEY, id), 4_000_000_000),
    reconnectPeriod: 0,
  });
  const answer = (): Promise<{ topic: string; body: { operationId: string; registrationState: object } }> =>
    new Promise((resolve) =>
      client.once('message', (topic, payload) => resolve({ topic, body: JSON.parse(payload.toString()) })),
    );
  await client.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
  const accepted = answer();
  await client.publishAsync('$dps/registrations/PUT/iotdps-register/?$rid=1', JSON.stringify({ registrationId: id }));
  const { operationId } = (await accepted).body;
  const done = answer();
  await client.publishAsync(`$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=${operationId}`, '');
  const { topic, body } = await done;
  expect(topic).toBe('$dps/registrations/res/200/?$rid=2');
  expect(body.registrationState).toMatchObject({ registrationId: id, deviceId: id, status: 'assigned' });
  await client.endAsync();
  expect([...emulator.records()]).toMatchObject([{ registrationId: id, registers: 1, enrollmentGroupId: 'default' }]);
});
