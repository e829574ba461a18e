import { once } from 'node:events';
import { connect } from 'node:net';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
beforeAll(async () => {
  const limits = { connectTimeoutMs: 1_000, packetTimeoutMs: 400, closeTimeoutMs: 200, unreadBytesMax: 64 * 1024 };
  emulator = await startTestEmulator({ limits });
});
afterAll(() => emulator.close());

describe.concurrent('a connection that costs too much is closed', () => {
  it('without a handshake', async () => {
    const socket = connect({ host: '127.0.0.1', port: emulator.port });
    socket.on('error', () => {}).resume();
    await once(socket, 'close');
  });

  it('without CONNECT', async () => {
    expect(await (await ScriptedDevice.open(emulator)).receive()).toBeNull();
  });

  it('with a packet that never ends, byte by byte', async () => {
    const device = await ScriptedDevice.open(emulator);
    await device.exchange(connectPacket('a'));
    const bytes = generate(registerPacket('1'));
    let sent = 0;
    const dripping = setInterval(() => device.socket.write(bytes.subarray(sent, ++sent)), 100);
    expect(await device.receive()).toBeNull();
    clearInterval(dripping);
    expect(emulator.logged.join('\n')).toContain('incomplete packet');
  });

  it('when it reads none of its answers', async () => {
    const device = await ScriptedDevice.open(emulator);
    await device.exchange(connectPacket('b'));
    await device.exchange(subscribePacket());
    device.socket.pause();
    const requests = generate(registerPacket('x'.repeat(10_000)));
    const flooding = setInterval(() => {
      if (device.socket.writableLength < 1_000_000) device.socket.write(Buffer.concat(Array(20).fill(requests)));
    }, 5);
    const log = () => emulator.logged.join('\n');
    await expect.poll(log, { timeout: 20_000 }).toContain('/b: connection closed: the device reads no answers');
    clearInterval(flooding);
    device.close();
  });
});

it('none of them is left', async () => {
  await expect.poll(() => emulator.openConnections(), { timeout: 20_000 }).toBe(0);
});
