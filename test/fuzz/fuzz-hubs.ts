import type { Packet } from 'mqtt-packet';
import { generate } from 'mqtt-packet';
import { hubFilters, telemetryTopic, twinGetTopic } from '../../src/dps/hub-topics.ts';
import { HUB_SUBSCRIPTIONS_MAX } from '../../src/dps/service-limits.ts';
import type { DeviceIdentity } from '../../src/emulator/hub/device-identity.ts';
import type { TwinSection } from '../../src/emulator/hub/twin.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { parsed } from '../support/certificates.ts';
import { publishPacket } from '../support/device-packets.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { HUB, SimulatedHubs } from '../support/simulated-hubs.ts';
import { acceptedOver, WiredStream } from '../support/wired-session.ts';
import { type FuzzReport, fuzzSessions, type HostileDevice, PACKET_TYPES } from './fuzz-sessions.ts';
import {
  DISABLED,
  drawLogin,
  HUB_PACKETS,
  type HubLoginAttempt,
  type KnownDevices,
  knownDevices,
} from './hostile-hub-devices.ts';
import { hostileBytes } from './hostile-packets.ts';
import type { SeededRandom } from './seeded-random.ts';

const STATES = ['new', 'connected', 'subscribed', 'read', 'reported'] as const;

/** As many cells as a report can have. */
export const HUB_CELLS = STATES.length * PACKET_TYPES;

const SYNC_MS = 5;
/** Documented size of the reported properties. */
const REPORTED_BYTES_MAX = 32 * 1024;
/** Kept of a message, with that for its retain flag. */
const PROPERTIES_MAX = 11;
/** No rule and no hostile device has this name. */
const HONEST = 'honest';

/** How far the devices with the right credentials came. */
type HubTally = { readonly read: number; readonly reported: number; readonly telemetry: number };

const known = knownDevices();

/**
 * Lets hostile devices talk to a hub, some of them with credentials that are right. Every other seed has its changes on a disk.
 * @param rules Faults that strike meanwhile.
 */
export async function fuzzHubs(
  seed: number,
  pieces: number,
  rules: readonly FaultRule[] = [],
): Promise<FuzzReport & HubTally> {
  const devices = await known;
  const hubs = new SimulatedHubs(seed, rules, seed % 2 === 0 ? null : SYNC_MS);
  enter(hubs, devices);
  const { clock, registry } = hubs;
  const connect = (stream: WiredStream, random: SeededRandom): HostileDevice => {
    clock.advanceTo(clock.nowMs() + SYNC_MS);
    return connected(hubs, stream, devices, random);
  };
  const before = honestDialogue(hubs);
  const violations = (): readonly string[] => {
    clock.advanceTo(clock.nowMs() + SYNC_MS);
    return [
      ...(JSON.stringify(honestDialogue(hubs)) === JSON.stringify(before)
        ? []
        : ['the honest device was served otherwise']),
      ...(before.includes('twin of honest') ? [] : [`the honest device was not served: ${before}`]),
      ...(hubs.hubs.list().length === 1 ? [] : ['there are other hubs than before']),
      ...(hubs.unsyncedMax <= 1 ? [] : [`${hubs.unsyncedMax} changes of one device waited for the disk at once`]),
      ...[...devices.provisioned, ...devices.victims].flatMap(({ id }) => sizeViolations(identityOf(hubs, id))),
      ...[...devices.victims, devices.disabled].flatMap(({ id }) => accessViolations(identityOf(hubs, id))),
    ];
  };
  const report = await fuzzSessions({ context: { ...hubs.context, clock }, connect, violations }, seed, pieces);
  const { twinReads, twinUpdates, telemetryMessages } = [...registry.hubs(clock.epochMs())][0] ?? emptyCounters();
  return { ...report, read: twinReads, reported: twinUpdates, telemetry: telemetryMessages };
}

const emptyCounters = () => ({ twinReads: 0, twinUpdates: 0, telemetryMessages: 0 });

function enter(hubs: SimulatedHubs, { provisioned, victims, disabled }: KnownDevices): void {
  const honest = { ...disabled, id: HONEST };
  for (const { id, authentication } of [...provisioned, ...victims, disabled]) {
    hubs.assign(id, { authentication, initialTwin: { properties: { desired: { owner: id } } } });
  }
  hubs.assign(HONEST, {
    authentication: honest.authentication,
    initialTwin: { properties: { desired: { owner: HONEST } } },
  });
  const change = { hub: HUB, deviceId: DISABLED, status: 'disabled', atMs: hubs.clock.epochMs() } as const;
  hubs.registry.apply({ kind: 'status', ...change });
}

function connected(
  hubs: SimulatedHubs,
  stream: WiredStream,
  devices: KnownDevices,
  random: SeededRandom,
): HostileDevice {
  const login = drawLogin(devices, random);
  const { id, certificate, serverName, isRight } = login;
  hubs.open({
    ...acceptedOver(stream),
    certificates: () => (certificate === null ? [] : [parsed(certificate)]),
    serverName: () => serverName ?? HUB,
  });
  return {
    bytes: (step) => hostileBytes(HUB_PACKETS, step, login, random),
    state: () => stateOf(stream.received),
    violations: () =>
      isRight
        ? stream.received.filter((packet) => isOfAnother(packet, id)).map(() => `${id} read the twin of another`)
        : stream.received.filter(isAccess).map(({ cmd }) => `${described(login)} got ${cmd}`),
  };
}

function described({ id, settings, certificate, serverName }: HubLoginAttempt): string {
  const name = certificate === null ? 'no certificate' : parsed(certificate).subject;
  return `${id}, with ${name}, server name ${serverName}, other than usual ${Object.keys(settings)}:`;
}

function identityOf({ registry, clock }: SimulatedHubs, id: string): DeviceIdentity {
  const identity = registry.find(HUB, id, clock.epochMs());
  if (identity === null) throw new Error(`${id} has gone`);
  return identity;
}

/** All but a refusal. */
function isAccess(packet: Packet): boolean {
  return packet.cmd !== 'connack' || packet.returnCode === 0;
}

function isOfAnother(packet: Packet, id: string): boolean {
  if (packet.cmd !== 'publish' || !packet.topic.includes('/res/200/')) return false;
  // A fault may have spoilt it.
  const [, owner = id] = /"owner":"([^"]*)"/.exec(packet.payload.toString()) ?? [];
  return owner !== id;
}

function sizeViolations({ deviceId, subscriptions, telemetry, twin }: DeviceIdentity): readonly string[] {
  const { values, updated } = twin.reported;
  const bytes = Buffer.byteLength(JSON.stringify(values));
  const properties = Object.keys(telemetry.last?.properties ?? {}).length;
  const filters = [...(subscriptions?.keys() ?? [])];
  const isForeign = filters.some((filter) => !hubFilters(deviceId).includes(filter));
  const sizes: readonly (readonly [string, boolean])[] = [
    [`reports ${bytes} bytes`, bytes <= REPORTED_BYTES_MAX],
    ['has metadata of what it does not report', membersOf(updated) <= valuesIn(values)],
    [`has ${properties} properties of its last message`, properties <= PROPERTIES_MAX],
    [`has subscribed ${filters}`, filters.length <= HUB_SUBSCRIPTIONS_MAX && !isForeign],
  ];
  return sizes.filter(([, holds]) => !holds).map(([text]) => `${deviceId} ${text}`);
}

function membersOf({ members }: TwinSection['updated']): number {
  return Object.values(members).reduce((sum, member) => sum + 1 + membersOf(member), 0);
}

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 0;
  return Object.values(value).reduce((sum: number, member) => sum + 1 + valuesIn(member), 0);
}

/** Of a device for which nobody has what is needed. */
function accessViolations({ deviceId, telemetry, twin }: DeviceIdentity): readonly string[] {
  return telemetry.messages === 0 && twin.reported.version === 1 ? [] : [`somebody spoke as ${deviceId}`];
}

/** What a device that behaves gets from its hub. */
function honestDialogue(hubs: SimulatedHubs): readonly string[] {
  const { clock } = hubs;
  const stream = new WiredStream();
  hubs.open(acceptedOver(stream));
  const packets: readonly Packet[] = [
    hubConnectPacket({ hub: HUB, id: HONEST, key: identityKey(hubs) }),
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }] },
    publishPacket(twinGetTopic('1')),
    publishPacket('$iothub/twin/PATCH/properties/reported/?$rid=2', 0, '{"fw":"1.2"}'),
    publishPacket(telemetryTopic(HONEST), 1, '{"t":21}'),
    { cmd: 'disconnect' },
  ];
  for (const packet of packets) {
    stream.emit('data', generate(packet));
    clock.advanceTo(clock.nowMs() + SYNC_MS);
  }
  stream.emit('close');
  return stream.received.map((packet) => {
    if (packet.cmd === 'connack') return `connack ${packet.returnCode}`;
    if (packet.cmd !== 'publish') return packet.cmd;
    return packet.payload.includes(`"owner":"${HONEST}"`)
      ? `twin of ${HONEST}`
      : packet.topic.replace(/\$version.*/, '');
  });
}

function identityKey(hubs: SimulatedHubs): string {
  const { authentication } = identityOf(hubs, HONEST);
  return authentication.type === 'sas' ? authentication.primaryKey : '';
}

function stateOf(received: readonly Packet[]): (typeof STATES)[number] {
  const topics = received.map((packet) => (packet.cmd === 'publish' ? packet.topic : ''));
  if (topics.some((topic) => topic.includes('/res/204/'))) return 'reported';
  if (topics.some((topic) => topic.includes('/res/200/'))) return 'read';
  if (received.some(({ cmd }) => cmd === 'suback')) return 'subscribed';
  return received.some((packet) => packet.cmd === 'connack' && packet.returnCode === 0) ? 'connected' : 'new';
}
