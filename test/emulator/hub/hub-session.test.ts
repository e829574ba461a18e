import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { TWIN_ANSWER_FILTER, telemetryTopic, twinGetTopic } from '../../../src/dps/hub-topics.ts';
import { publishPacket } from '../../support/device-packets.ts';
import { GROUP_KEY } from '../../support/emulated-instance.ts';
import { faultRule } from '../../support/fault-rules.ts';
import { hubConnectPacket } from '../../support/hub-devices.ts';
import { HUB, SimulatedHubs } from '../../support/simulated-hubs.ts';
import { acceptedOver, WiredStream } from '../../support/wired-session.ts';

const ID = 'dev-1';
const SYNC_MS = 5;
const PATCHES = 50;

function connected(hubs: SimulatedHubs, initialTwin: object | null = null): WiredStream {
  const primaryKey = deriveDeviceKey(GROUP_KEY, ID);
  hubs.assign(ID, { authentication: { type: 'sas', primaryKey, secondaryKey: null }, initialTwin });
  const stream = new WiredStream();
  hubs.open(acceptedOver(stream));
  send(stream, hubConnectPacket({ hub: HUB, id: ID }));
  send(stream, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TWIN_ANSWER_FILTER, qos: 0 }] });
  stream.received.length = 0;
  return stream;
}

function send(stream: WiredStream, ...packets: readonly Packet[]): void {
  stream.emit('data', Buffer.concat(packets.map((packet) => generate(packet))));
}

const report = (n: number): Packet =>
  publishPacket(`$iothub/twin/PATCH/properties/reported/?$rid=${n}`, 0, JSON.stringify({ n }));
const topicsTo = ({ received }: WiredStream) => received.map((packet) => packet.cmd === 'publish' && packet.topic);

describe('a device that does not wait for its answers', () => {
  it('has one change on the way to the disk at a time, and all are answered, in order', () => {
    const hubs = new SimulatedHubs(1, [], SYNC_MS);
    const stream = connected(hubs);
    const ids = Array.from({ length: PATCHES }, (_, n) => n);
    send(stream, ...ids.map(report), publishPacket(twinGetTopic('last')), { cmd: 'disconnect' });
    expect(hubs.unsynced).toBe(1);
    expect(stream.isPaused()).toBe(true);
    hubs.clock.advanceTo(hubs.clock.nowMs() + PATCHES * SYNC_MS);
    expect(hubs.unsyncedMax).toBe(1);
    const answers = ids.map((n) => `$iothub/twin/res/204/?$rid=${n}&$version=${n + 2}`);
    expect(topicsTo(stream)).toEqual([...answers, '$iothub/twin/res/200/?$rid=last']);
    expect(hubs.context.openSessions.size).toBe(0);
  });

  it('is read on while nothing of it waits, and nothing holds up its telemetry', () => {
    const hubs = new SimulatedHubs(1, [], SYNC_MS);
    const stream = connected(hubs);
    send(stream, report(1));
    expect(stream.isPaused()).toBe(false);
    hubs.clock.advanceTo(hubs.clock.nowMs() + SYNC_MS);
    send(stream, ...Array.from({ length: PATCHES }, () => publishPacket(telemetryTopic(ID), 1)));
    expect(stream.received.filter(({ cmd }) => cmd === 'puback')).toHaveLength(PATCHES);
  });

  it('is cut before late answers take more memory than those that it does not read', () => {
    const hubs = new SimulatedHubs(
      1,
      [faultRule({ kind: 'delay-answer', delayMs: 60_000 }, { points: ['hub-twin'] })],
      null,
    );
    const desired = { text: 'x'.repeat(4_000), more: 'x'.repeat(4_000) };
    const stream = connected(hubs, { properties: { desired } });
    send(stream, ...Array.from({ length: 30 }, (_, n) => publishPacket(twinGetTopic(String(n)))));
    expect(hubs.context.openSessions.size).toBe(1);
    send(stream, ...Array.from({ length: 30 }, (_, n) => publishPacket(twinGetTopic(String(n)))));
    expect(hubs.context.openSessions.size).toBe(0);
  });
});
