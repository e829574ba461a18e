import { expect, it } from 'vitest';
import { EVERY_FAULT, EVERY_HUB_FAULT } from '../fuzz/every-fault.ts';
import { fuzzHubs, HUB_CELLS } from '../fuzz/fuzz-hubs.ts';
import { fuzzService, SERVICE_CELLS } from '../fuzz/fuzz-service.ts';
import { hostileBytes, SERVICE_PACKETS } from '../fuzz/hostile-packets.ts';
import { attackPlain, attackTls } from '../fuzz/hostile-sockets.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

const CONNECTIONS = 100;

it('hostile devices break nothing, and come as far as honest ones', async () => {
  const report = await fuzzService(1, 5_000);
  expect(report.violations).toEqual([]);
  // Else only the first lines of the sessions were tried.
  expect(report.connected).toBeGreaterThan(report.connections / 10);
  expect(report.registered).toBeGreaterThan(100);
  expect(report.assigned).toBeGreaterThan(5);
  expect(report.cells.size).toBeGreaterThan(SERVICE_CELLS / 2);
});

it('they break nothing while every fault strikes', async () => {
  const report = await fuzzService(1, 5_000, EVERY_FAULT);
  expect(report.violations).toEqual([]);
  expect(report.faults).toBeGreaterThan(300);
});

it('hostile devices at a hub break nothing either, with a disk and faults, and without', async () => {
  const report = await fuzzHubs(2, 1_000);
  expect(report.violations).toEqual([]);
  expect(report.connected).toBeGreaterThan(report.connections / 10);
  expect(report.read).toBeGreaterThan(20);
  expect(report.reported).toBeGreaterThan(20);
  expect(report.telemetry).toBeGreaterThan(10);
  expect(report.cells.size).toBeGreaterThan(HUB_CELLS / 3);
  const faulty = await fuzzHubs(3, 1_000, EVERY_HUB_FAULT);
  expect(faulty.violations).toEqual([]);
  expect(faulty.faults).toBeGreaterThan(40);
});

it('the same over real sockets: it lives on, and leaks no connection', async () => {
  const emulator = await startTestEmulator({ limits: { connectTimeoutMs: 3_000, packetTimeoutMs: 3_000 } });
  const random = new SeededRandom(2);
  const attack = (n: number): Promise<void> => {
    const state = { deviceId: `device-${n % 7}`, operationIds: ['5.0.0'] };
    if (n % 10 === 0) return attackPlain(emulator, () => random.bytes(100));
    return attackTls(emulator, {}, (step) => hostileBytes(SERVICE_PACKETS, step, state, random));
  };
  for (let n = 0; n < CONNECTIONS; n += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, k) => attack(n + k)));
  }
  await expect.poll(() => emulator.openConnections()).toBe(0);
  const device = await ScriptedDevice.open(emulator);
  expect(await device.exchange(connectPacket('honest'))).toMatchObject({ returnCode: 0 });
  await device.exchange(subscribePacket());
  expect(await device.exchange(registerPacket('1'))).toMatchObject({ cmd: 'publish' });
  device.close();
  await emulator.close();
});
