import { once } from 'node:events';
import { connect } from 'node:net';
import { generate, type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { SESSION_LIMITS_DEFAULT } from '../../src/emulator/server/packet-stream.ts';
import { provisioningRole } from '../../src/emulator/server/provisioning-role.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { connectPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { faultRule } from '../support/fault-rules.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';
import { acceptedOver, simulatedContext, WiredStream } from '../support/wired-session.ts';

const { connectTimeoutMs, packetTimeoutMs } = SESSION_LIMITS_DEFAULT;

let emulator: TestEmulator;
afterEach(() => emulator?.close());

/** A session in virtual time. */
function session(...rules: readonly FaultRule[]) {
  const context = simulatedContext(1, rules);
  const stream = new WiredStream();
  new MqttSession(acceptedOver(stream), context, provisioningRole(context));
  const { clock, openSessions } = context;
  return {
    clock,
    received: stream.received,
    sendBytes: (bytes: Uint8Array) => stream.emit('data', bytes),
    send: (packet: Packet) => stream.emit('data', generate(packet)),
    isOpen: () => openSessions.size === 1,
  };
}

describe('a connection that costs too much is closed', () => {
  it('without a handshake', async () => {
    emulator = await startTestEmulator({ limits: { connectTimeoutMs: 300 } });
    const socket = connect({ host: '127.0.0.1', port: emulator.port });
    socket.on('error', () => {}).resume();
    await once(socket, 'close');
  });

  it('without CONNECT', () => {
    const { clock, isOpen } = session();
    clock.advanceTo(connectTimeoutMs - 1);
    expect(isOpen()).toBe(true);
    clock.advanceTo(connectTimeoutMs);
    expect(isOpen()).toBe(false);
  });

  it('with a packet that never ends, byte by byte', () => {
    const { clock, send, sendBytes, isOpen } = session();
    send(connectPacket('a'));
    const bytes = generate(registerPacket('1'));
    // It has begun once its length is known.
    sendBytes(bytes.subarray(0, 3));
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      expect(isOpen()).toBe(true);
      sendBytes(bytes.subarray(2 + tenth, 3 + tenth));
      clock.advanceTo((tenth * packetTimeoutMs) / 10);
    }
    expect(isOpen()).toBe(false);
  });

  it('when it reads none of its answers', async () => {
    emulator = await startTestEmulator({ limits: { closeTimeoutMs: 200, unreadBytesMax: 64 * 1024 } });
    const device = await ScriptedDevice.open(emulator);
    await device.exchange(connectPacket('b'));
    await device.exchange(subscribePacket());
    device.socket.pause();
    const requests = generate(registerPacket('x'.repeat(10_000)));
    const flooding = setInterval(() => {
      if (device.socket.writableLength < 1_000_000) device.socket.write(Buffer.concat(Array(20).fill(requests)));
    }, 5);
    const log = () => emulator.logged.join('\n');
    await expect.poll(log).toContain('/b: connection closed: the device reads no answers');
    clearInterval(flooding);
    await expect.poll(() => emulator.openConnections()).toBe(0);
    device.close();
  });
});

it('a connection has only so many subscriptions', () => {
  const behavior = { ...SERVICE_BEHAVIOR_DEFAULT, grantsExactFilters: true };
  const stream = new WiredStream();
  const context = { ...simulatedContext(1, []), behavior };
  new MqttSession(acceptedOver(stream), context, provisioningRole(context));
  stream.emit('data', generate(connectPacket('a')));
  const topics = Array.from({ length: 101 }, (_, n) => `$dps/registrations/res/202/?$rid=${n}`);
  const subscriptions = [...topics, topics[0] ?? ''].map((topic) => ({ topic, qos: 1 as const }));
  stream.emit('data', generate({ cmd: 'subscribe', messageId: 9, subscriptions }));
  expect(stream.received.at(-1)).toMatchObject({ granted: [...Array(100).fill(1), 128, 1] });
});

it('one that a fault has stalled stays longer than a silent one may, and is told nothing', () => {
  const { clock, send, received, isOpen } = session(faultRule({ kind: 'stall' }, { points: ['connect'] }));
  send(connectPacket('a'));
  clock.advanceTo(2 * connectTimeoutMs);
  expect([received, isOpen()]).toEqual([[], true]);
});

it('a closed connection keeps nothing of its session, however long Node keeps the socket', async () => {
  const stream = new WiredStream();
  const context = simulatedContext(1, []);
  new MqttSession(acceptedOver(stream), context, provisioningRole(context));
  const closed = once(stream, 'close');
  stream.destroy();
  await closed;
  expect([stream.eventNames(), context.openSessions.size]).toEqual([[], 0]);
});
