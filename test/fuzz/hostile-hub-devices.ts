import type { Packet } from 'mqtt-packet';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { TWIN_ANSWER_FILTER, telemetryTopic, twinGetTopic } from '../../src/dps/hub-topics.ts';
import { type DeviceAuthentication, thumbprintOf } from '../../src/emulator/service/hub-assignment.ts';
import { authority, deviceCertificate, parsed } from '../support/certificates.ts';
import { publishPacket } from '../support/device-packets.ts';
import { GROUP_KEY, OTHER_KEY } from '../support/emulated-instance.ts';
import { type HubLogin, hubConnectPacket, hubLogin } from '../support/hub-devices.ts';
import { HUB } from '../support/simulated-hubs.ts';
import { type HostilePackets, MQTT_ODDITIES } from './hostile-packets.ts';
import type { SeededRandom } from './seeded-random.ts';

const WITH_KEYS = 10;
const WITH_CERTIFICATES = 6;
/** Nobody has what they log in with. */
const VICTIMS = ['victim-0', 'victim-1'];
export const DISABLED = 'disabled-0';

/** As a hub knows a device, and as the device proves itself. */
export type KnownDevice = {
  readonly id: string;
  readonly authentication: DeviceAuthentication;
  readonly certificate: KeyedCertificate | null;
};

export type KnownDevices = {
  readonly provisioned: readonly KnownDevice[];
  readonly victims: readonly KnownDevice[];
  readonly disabled: KnownDevice;
  /** Of a device that no hub knows. */
  readonly foreign: KeyedCertificate;
};

const withKey = (id: string, groupKey = GROUP_KEY): KnownDevice => ({
  id,
  authentication: { type: 'sas', primaryKey: deriveDeviceKey(groupKey, id), secondaryKey: null },
  certificate: null,
});

/** Half of those with certificates are known by their thumbprint, the others by their authority. */
export async function knownDevices(): Promise<KnownDevices> {
  const root = await authority('hub devices');
  const certified = Array.from({ length: WITH_CERTIFICATES }, async (_, n): Promise<KnownDevice> => {
    const id = `device-c${n}`;
    const certificate = await deviceCertificate(id, root);
    const authentication: DeviceAuthentication =
      n % 2 === 0
        ? { type: 'selfSigned', thumbprints: [thumbprintOf(parsed(certificate))] }
        : { type: 'certificateAuthority', certificates: [parsed(root)] };
    return { id, authentication, certificate };
  });
  const keyed = Array.from({ length: WITH_KEYS }, (_, n) => withKey(`device-k${n}`));
  return {
    provisioned: [...keyed, ...(await Promise.all(certified))],
    victims: VICTIMS.map((id) => withKey(id, OTHER_KEY)),
    disabled: withKey(DISABLED),
    foreign: await deviceCertificate('device-c1', await authority('others')),
  };
}

/** What a hostile device logs in with. */
export type HubLoginAttempt = HubLogin & {
  /** A token of its own; absent = none, or that of the login. */
  readonly settings: object;
  readonly certificate: KeyedCertificate | null;
  /** SNI; `null` = that of the hub. */
  readonly serverName: string | null;
  /** Whether the hub may let it in. */
  readonly isRight: boolean;
};

const ANOTHER_HUB = 'another.azure-devices.net';
const LONG_AGO_EPOCH_SECONDS = 1_700_000_000;
const WITHOUT_TOKEN = { password: undefined };

/** How a device that is known logs in as it should. */
export function rightLogin({ id, certificate }: KnownDevice): HubLoginAttempt {
  return {
    hub: HUB,
    id,
    certificate,
    settings: certificate === null ? {} : WITHOUT_TOKEN,
    serverName: null,
    isRight: true,
  };
}

/** Four out of five log in as they should, the others with all that is wrong. */
export function drawLogin(
  { provisioned, victims, disabled, foreign }: KnownDevices,
  random: SeededRandom,
): HubLoginAttempt {
  const right = rightLogin(random.pick(provisioned));
  if (random.next() < 0.8) return right;
  const [keyed, otherKeyed] = twoOf(
    provisioned.filter(({ certificate }) => certificate === null),
    random,
  );
  const [certified, otherCertified] = twoOf(
    provisioned.filter(({ certificate }) => certificate !== null),
    random,
  );
  const victim = rightLogin(random.pick(victims));
  const withTokenOf = (login: HubLogin): object => ({ password: Buffer.from(hubLogin(login).password) });
  const wrong: readonly HubLoginAttempt[] = [
    victim,
    rightLogin(disabled),
    { ...keyed, id: `nobody-${random.below(10)}` },
    { ...keyed, key: OTHER_KEY },
    { ...keyed, expiryEpochSeconds: LONG_AGO_EPOCH_SECONDS },
    { ...keyed, settings: withTokenOf(otherKeyed) },
    { ...keyed, settings: withTokenOf({ ...keyed, hub: ANOTHER_HUB }) },
    { ...keyed, settings: { clientId: otherKeyed.id } },
    { ...keyed, settings: WITHOUT_TOKEN },
    { ...keyed, settings: WITHOUT_TOKEN, certificate: certified.certificate },
    { ...certified, certificate: otherCertified.certificate },
    { ...certified, certificate: foreign },
    { ...certified, certificate: null },
    { ...certified, settings: {} },
    { ...keyed, hub: ANOTHER_HUB },
    { ...right, serverName: ANOTHER_HUB },
  ];
  return { ...random.pick(wrong), isRight: false };
}

/** Different ones. */
function twoOf(devices: readonly KnownDevice[], random: SeededRandom): readonly [HubLoginAttempt, HubLoginAttempt] {
  const first = random.below(devices.length);
  const second = (first + 1 + random.below(devices.length - 1)) % devices.length;
  return [rightLogin(devices[first] as KnownDevice), rightLogin(devices[second] as KnownDevice)];
}

const REPORT = '$iothub/twin/PATCH/properties/reported/?$rid=';

const requestId = (random: SeededRandom): string => String(random.below(1_000));

/** Patches of all kinds: small, large, deep, with names that are forbidden, or that mean something to JavaScript. */
function patchText(random: SeededRandom): string {
  const name = random.pick(['a', 'b', '__proto__', 'constructor', '', '$a', 'a b', 'é'.repeat(random.below(600))]);
  const value = random.pick<unknown>([
    null,
    1,
    2 ** 60,
    'x'.repeat(random.below(5_000)),
    [1, null],
    {},
    { c: null },
    { c: { d: 1 } },
  ]);
  const members = random.next() < 0.2 ? random.below(3_000) : 0;
  const many = Object.fromEntries(Array.from({ length: members }, (_, n) => [`m${n}`, random.pick([n, null, {}])]));
  const depth = random.next() < 0.1 ? random.below(20_000) : random.below(12);
  const nested = `${'{"n":'.repeat(depth)}1${'}'.repeat(depth)}`;
  return `{${JSON.stringify(name)}:${JSON.stringify(value)},"nested":${nested},"many":${JSON.stringify(many)}}`;
}

const CONVERSATION: HostilePackets<HubLoginAttempt>['conversation'] = [
  ({ settings, ...login }) => hubConnectPacket(login, settings),
  (_, random) => ({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [TWIN_ANSWER_FILTER, '$iothub/twin/PATCH/properties/desired/#'].map((topic) => ({
      topic,
      qos: random.pick([0, 1, 2] as const),
    })),
  }),
  (_, random) => publishPacket(twinGetTopic(requestId(random)), random.pick([0, 1])),
  (_, random) => publishPacket(`${REPORT}${requestId(random)}`, random.pick([0, 1]), '{"fw":"1.2"}'),
  ({ id }, random) => publishPacket(telemetryTopic(id, 'room=12'), random.pick([0, 1]), '{"t":21}'),
];

const ODDITIES: HostilePackets<HubLoginAttempt>['oddities'] = [
  ...MQTT_ODDITIES,
  ({ settings, ...login }) => hubConnectPacket(login, { ...settings, clean: false }),
  ({ settings, ...login }, random) => hubConnectPacket(login, { ...settings, keepalive: random.below(70) }),
  () => ({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [TWIN_ANSWER_FILTER, '#'] }),
  (_, random) => subscribeTo(`devices/${random.pick(VICTIMS)}/messages/devicebound/#`),
  ({ id }) => subscribeTo(`devices/${id}/messages/devicebound/#`),
  (_, random) => publishPacket(telemetryTopic(random.pick(VICTIMS)), 1, '{"t":1}'),
  ({ id }, random) => publishPacket(telemetryTopic(id, '%E0%A4&=&a'.repeat(random.below(400)))),
  ({ id }, random) => publishPacket(telemetryTopic(id), 1, 'x'.repeat(random.below(300_000))),
  (_, random) => publishPacket(`${REPORT}${requestId(random)}`, 0, patchText(random)),
  (_, random) => publishPacket(`${REPORT}${requestId(random)}`, 0, patchText(random)),
  (_, random) => publishPacket(twinGetTopic('é'.repeat(random.below(32_000)))),
  () => publishPacket('$iothub/methods/res/200/?$rid=1'),
  () => publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1'),
];

function subscribeTo(topic: string): Packet {
  return { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic, qos: 1 }] };
}

/** What hostile devices say at their hub. */
export const HUB_PACKETS: HostilePackets<HubLoginAttempt> = { conversation: CONVERSATION, oddities: ODDITIES };
