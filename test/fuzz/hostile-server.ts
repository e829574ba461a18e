import { generate, type IPublishPacket, type Packet } from 'mqtt-packet';
import { parseRequestTopic } from '../../src/dps/topics.ts';
import { acknowledge, dpsScript } from '../support/dps-script.ts';
import type { Peer, Script } from '../support/scripted-mqtt-server.ts';
import { spoilt } from './hostile-packets.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Of the answers and acknowledgements, so many are as they should be: else nobody would come to the later ones. */
const POLITE_SHARE = 0.55;

const OPERATION = '5.0123456789abcdef.01234567-89ab-cdef-0123-456789abcdef';
const HUB = '"assignedHub":"hub.azure-devices.net"';

/** What may break a terminal, a CSV, a page or a parser, and is legal in JSON all the same. */
const TEXTS = [
  '\u001b[2J\u0007',
  'a","b\r\n=1+1',
  '<script>alert(1)</script>',
  '\u0000',
  '\ud800',
  'é'.repeat(5_000),
  '',
];

const BODIES: readonly ((random: SeededRandom) => string)[] = [
  () => '',
  () => '{',
  () => 'null',
  () => '[[[[[]]]]]',
  () => '"assigned"',
  () => '1e999',
  () => '['.repeat(20_000),
  () => `{"registrationState":{"payload":${'['.repeat(9_000)}${']'.repeat(9_000)},${HUB}},"status":"assigned"}`,
  () => '{"__proto__":{"status":"assigned"},"constructor":7,"status":"assigning"}',
  () => '{"operationId":"","status":"assigning"}',
  () => `{"operationId":"${OPERATION}#/+$","status":"assigning"}`,
  () => `{"operationId":"${'x'.repeat(60_000)}","status":"assigning"}`,
  () => `{"operationId":["${OPERATION}"],"status":{"assigning":true}}`,
  () => `{"operationId":"${OPERATION}","status":"assigning"}`,
  () => '{"status":"assigned","registrationState":[]}',
  () => `{"status":"assigned","registrationState":{${HUB},"deviceId":9,"createdDateTimeUtc":"yesterday"}}`,
  (random) => `{"status":"failed","registrationState":{"errorMessage":${JSON.stringify(random.pick(TEXTS))}}}`,
  (random) =>
    `{"errorCode":${random.pick(['-1', '1e300', '"x"', '429001'])},"message":${JSON.stringify(random.pick(TEXTS))}}`,
  (random) => `{"errorCode":401000,"trackingId":${JSON.stringify(random.pick(TEXTS))}}`,
  (random) => `{"status":"disabled","registrationState":{"substatus":${JSON.stringify(random.pick(TEXTS))}}}`,
  (random) => random.bytes(1 + random.below(200)).toString('latin1'),
];

const STATUSES = [
  '200',
  '202',
  '202',
  '204',
  '301',
  '400',
  '401',
  '404',
  '409',
  '429',
  '500',
  '599',
  '999',
  '0',
  '999999999',
  '-1',
  'OK',
  '',
];
const QUERIES = [
  '',
  '&retry-after=0',
  '&retry-after=1',
  '&retry-after=99999999999',
  '&retry-after=1e9',
  '&retry-after=-1',
  '&retry-after=é',
  '&RETRY-AFTER=0',
  '&&=&$rid=2',
];

const ODDITIES: readonly ((random: SeededRandom) => Packet)[] = [
  () => ({ cmd: 'connack', returnCode: 0, sessionPresent: true }),
  (random) => ({ cmd: 'connack', returnCode: random.below(256), sessionPresent: false }),
  (random) => ({ cmd: 'suback', messageId: random.below(65_536), granted: [random.pick([0, 1, 2, 128])] }),
  (random) => ({
    cmd: random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const),
    messageId: random.below(65_536),
  }),
  () => ({ cmd: 'unsuback', messageId: 1, granted: [] }),
  () => ({ cmd: 'pingreq' }),
  () => ({ cmd: 'pingresp' }),
  () => ({ cmd: 'disconnect' }),
  () => ({ cmd: 'connect', clientId: 'server', keepalive: 0, clean: true, protocolId: 'MQTT', protocolVersion: 4 }),
  () => ({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] }),
];

/** A server that is right often enough to be believed, and wrong in every way that the wire allows. */
export function hostileScript(random: SeededRandom): Script {
  return (peer) => {
    const polite = dpsScript({ retryAfterSeconds: 0 })(peer);
    return (packet) => {
      if (random.next() < POLITE_SHARE) polite(packet);
      else insult(peer, packet, random);
    };
  };
}

function insult(peer: Peer, packet: Packet, random: SeededRandom): void {
  const kind = random.below(10);
  if (kind === 0) peer.reset();
  else if (kind === 1) peer.end();
  else if (kind === 2) peer.sendBytes(random.bytes(1 + random.below(64)));
  else if (kind === 3) peer.sendBytes(endlessPacket(random));
  else if (kind === 4) peer.send(random.pick(ODDITIES)(random));
  else if (kind === 5 && random.next() < 0.3) return;
  else answerBadly(peer, packet, random);
}

/** Acknowledged as it should be, or answered with what no client can use; sometimes with bytes changed on the way. */
function answerBadly(peer: Peer, packet: Packet, random: SeededRandom): void {
  acknowledge(peer, packet);
  const request = packet.cmd === 'publish' ? parseRequestTopic(packet.topic) : null;
  const bytes = generate(badAnswer(request?.requestId ?? 'nobody', random));
  peer.sendBytes(random.next() < 0.8 ? bytes : spoilt(bytes, random));
}

function badAnswer(requestId: string, random: SeededRandom): IPublishPacket {
  const rid = random.next() < 0.9 ? requestId : random.pick(['', '1', '%00', `${requestId}0`]);
  const topic = `$dps/registrations/res/${random.pick(STATUSES)}/?$rid=${rid}${random.pick(QUERIES)}`;
  const qos = random.pick([0, 1, 1, 1, 2] as const);
  return {
    cmd: 'publish',
    topic: random.next() < 0.9 ? topic : random.pick(['$dps/registrations/res/', 'x', topic.repeat(50), '$SYS/é']),
    payload: random.pick(BODIES)(random),
    qos,
    messageId: 1 + random.below(65_535),
    dup: random.next() < 0.1,
    retain: random.next() < 0.1,
  };
}

/** The beginning of a packet of 256 MB, and more of it than anybody should keep. */
function endlessPacket(random: SeededRandom): Buffer {
  return Buffer.concat([
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.alloc(random.pick([10, 70_000, 300_000]), 0x61),
  ]);
}
