import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import { EVERY_FAULT } from '../fuzz/every-fault.ts';
import { FUZZ_CELLS, fuzzSessions } from '../fuzz/fuzz-sessions.ts';
import { hostileBytes } from '../fuzz/hostile-packets.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

const CONNECTIONS = 100;

it('hostile devices break nothing, and come as far as honest ones', async () => {
  const report = await fuzzSessions(1, 5_000);
  expect(report.violations).toEqual([]);
  // Else only the first lines of the sessions were tried.
  expect(report.connected).toBeGreaterThan(report.connections / 10);
  expect(report.registered).toBeGreaterThan(100);
  expect(report.assigned).toBeGreaterThan(10);
  expect(report.cells.size).toBeGreaterThan(FUZZ_CELLS / 2);
});

it('they break nothing while every fault strikes', async () => {
  const report = await fuzzSessions(1, 5_000, EVERY_FAULT);
  expect(report.violations).toEqual([]);
  expect(report.faults).toBeGreaterThan(300);
});

it('the same over real sockets: it lives on, and leaks no connection', async () => {
  const emulator = await startTestEmulator({ limits: { connectTimeoutMs: 3_000, packetTimeoutMs: 3_000 } });
  const random = new SeededRandom(2);
  const attack = async (n: number): Promise<void> => {
    const { host, port, caPem } = emulator;
    const isPlain = n % 10 === 0;
    const socket = isPlain ? connectTcp({ host, port }) : connect({ host, port, ca: caPem, servername: 'localhost' });
    socket.on('error', () => {}).resume();
    const happened = (event: string) => new Promise((resolve) => socket.once(event, resolve));
    const closed = happened('close');
    await Promise.race([happened(isPlain ? 'connect' : 'secureConnect'), closed]);
    const state = { deviceId: `device-${n % 7}`, operationIds: ['5.0.0'] };
    for (let step = 0; step < 6 && !socket.destroyed; step++) {
      socket.write(isPlain ? random.bytes(100) : hostileBytes(step, state, random));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    await closed;
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
