import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';

// The example of src/emulator/README.md, with the built package by its own name.
const { buildSasToken, defaultInstance, deriveDeviceKey, startEmulator } = await import('dpsload/emulator');

it('lets another project’s test start it, register a device and read the records', async () => {
  const groupKey = Buffer.from('a group key for tests only').toString('base64');
  const emulator = await startEmulator({
    instances: [defaultInstance('0ne00111111', groupKey)],
    behavior: { retryAfterSeconds: 0, assignmentDelayMs: 0 },
    faults: [
      {
        fault: { kind: 'error-answer', errorCode: 429001, retryAfterSeconds: 1 },
        points: ['register'],
        registrationIds: 'flaky-*',
        share: 1,
        fromMs: 0,
        untilMs: null,
        timesPerDevice: 1,
      },
    ],
  });
  const device = await connectAsync(`mqtts://localhost:${emulator.port}`, {
    ca: emulator.caPem,
    clientId: 'flaky-1',
    username: '0ne00111111/registrations/flaky-1/api-version=2021-06-01',
    password: buildSasToken('0ne00111111', 'flaky-1', deriveDeviceKey(groupKey, 'flaky-1'), 4_000_000_000),
  });
  await device.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
  const topics: string[] = [];
  for (const requestId of [1, 2]) {
    const answer = new Promise<string>((resolve) => device.once('message', resolve));
    device.publish(`$dps/registrations/PUT/iotdps-register/?$rid=${requestId}`, '');
    topics.push(await answer);
  }
  expect(topics).toEqual([
    '$dps/registrations/res/429/?$rid=1&retry-after=1',
    '$dps/registrations/res/202/?$rid=2&retry-after=0',
  ]);
  expect([...emulator.records()]).toMatchObject([{ registrationId: 'flaky-1', status: 'assigned', registers: 1 }]);
  expect(emulator.faultRecords).toMatchObject([{ fault: 'error-answer', registrationId: 'flaky-1' }]);
  await device.endAsync();
  await emulator.close();
});
