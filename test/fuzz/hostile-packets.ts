import { generate, type Packet } from 'mqtt-packet';
import {
  connectPacket,
  pollPacket,
  publishPacket,
  registerPacket,
  subscribePacket,
} from '../support/device-packets.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What hostile devices of a service say, by what they know. */
export type HostilePackets<State> = {
  /** What a well-behaved device sends, in the order in which it does. */
  readonly conversation: readonly PacketMaker<State>[];
  /** What MQTT knows, and the service does not expect. */
  readonly oddities: readonly PacketMaker<State>[];
};

type PacketMaker<State> = (state: State, random: SeededRandom) => Packet;

/** What a hostile device knows when it makes its next bytes. */
type HostileState = {
  readonly deviceId: string;
  /** Operation IDs that were seen so far, also those of other devices. */
  readonly operationIds: readonly string[];
};

const REGISTER = '$dps/registrations/PUT/iotdps-register/?$rid=';

const CONVERSATION: HostilePackets<HostileState>['conversation'] = [
  ({ deviceId }) => connectPacket(deviceId),
  (_, random) => subscribePacket(random.pick([0, 1, 2])),
  (_, random) => registerPacket(String(random.below(1_000)), random.pick([0, 1])),
  ({ operationIds }, random) => pollPacket(String(random.below(1_000)), random.pick(operationIds) ?? '5.0.0'),
];

/** What is odd wherever a device says it. */
export const MQTT_ODDITIES: HostilePackets<unknown>['oddities'] = [
  () => ({ cmd: 'pingreq' }),
  () => ({ cmd: 'pingresp' }),
  () => ({ cmd: 'disconnect' }),
  () => ({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
  () => ({ cmd: 'suback', messageId: 1, granted: [0] }),
  () => ({ cmd: 'unsuback', messageId: 1, granted: [] }),
  (_, random) => ({
    cmd: random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const),
    messageId: 1 + random.below(65_535),
  }),
  () => ({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: '#', qos: 0 }] }),
];

const ODDITIES: HostilePackets<HostileState>['oddities'] = [
  ...MQTT_ODDITIES,
  () => ({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['$dps/registrations/res/#'] }),
  ({ deviceId }, random) => connectPacket(deviceId, { protocolVersion: random.pick([3, 4, 5]), protocolId: 'MQTT' }),
  ({ deviceId }) => connectPacket(deviceId, { will: { topic: 'w', payload: Buffer.from('w'), qos: 2, retain: true } }),
  (_, random) => publishPacket(`${REGISTER}${'é'.repeat(random.below(300))}`, 0, '{"registrationId":"another"}'),
  (_, random) => publishPacket(`${REGISTER}1`, 0, 'x'.repeat(random.below(120_000))),
  () => publishPacket('devices/a/messages/events/'),
];

export const SERVICE_PACKETS: HostilePackets<HostileState> = { conversation: CONVERSATION, oddities: ODDITIES };

/** The next bytes of a hostile device: mostly sensible packets, so that all states are reached, then spoilt. */
export function hostileBytes<State>(
  { conversation, oddities }: HostilePackets<State>,
  step: number,
  state: State,
  random: SeededRandom,
): Buffer {
  const kind = random.next();
  if (kind < 0.05) return random.bytes(1 + random.below(64));
  const make =
    kind < 0.65 ? (conversation[step] ?? random.pick(conversation)) : random.pick([...conversation, ...oddities]);
  const bytes = generate(make(state, random));
  return random.next() < 0.8 ? bytes : spoilt(bytes, random);
}

export function spoilt(bytes: Buffer, random: SeededRandom): Buffer {
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    case 3:
      // A length that promises far more than comes.
      return Buffer.concat([
        bytes.subarray(0, 1),
        Buffer.from([0xff, 0xff, 0xff, random.below(256)]),
        bytes.subarray(2),
      ]);
    case 4:
      // Bytes that are no UTF-8.
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xc3, 0x28, 0xff]), bytes.subarray(at + 3)]);
    default: {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
      return flipped;
    }
  }
}
