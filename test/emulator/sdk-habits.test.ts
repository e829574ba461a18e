import { createHmac } from 'node:crypto';
import type { Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEVICE_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const ID = 'my-symkey-device';
const EXPIRY = 4_000_000_000;

/** What the official SDKs put on the wire, where they differ. */
type Habits = {
  readonly sdk: string;
  readonly version: string;
  /** The token's resource as it stands in the token. */
  readonly resource: string;
  /** The token's members after the resource. */
  readonly members: (sig: string) => string;
  readonly clean: boolean;
  readonly keepalive: number;
  readonly publishQos: 0 | 1;
  readonly subscribeQos: 0 | 1;
  readonly registerBody: string;
  readonly pollBody: string;
  /** How it makes request IDs. */
  readonly requestIds: readonly [string, string];
  /** What it reads from the answer's topic; throws when it cannot. */
  readonly readTopic: (topic: string) => { status: number; requestId: string; retryAfter: string | null };
};

const encoded = encodeURIComponent(`${ID_SCOPE}/registrations/${ID}`);
const plain = `${ID_SCOPE}/registrations/${ID}`;
const registerJson = JSON.stringify({ registrationId: ID });

function matched(topic: string, expression: RegExp) {
  const match = expression.exec(topic);
  if (match === null) throw new Error(`cannot read ${topic}`);
  const [, status = '', requestId = '', retryAfter = null] = match;
  return { status: Number(status), requestId, retryAfter };
}

const habits: readonly Habits[] = [
  {
    sdk: 'C',
    version: '2021-06-01&ClientVersion=1.15.0',
    resource: encoded,
    members: (sig) => `sig=${sig}&se=${EXPIRY}&skn=registration`,
    clean: true,
    keepalive: 0,
    publishQos: 0,
    subscribeQos: 1,
    registerBody: registerJson,
    pollBody: registerJson,
    requestIds: ['2', '3'],
    // Scans for the literal, and takes the number after one separator character.
    readTopic: (topic) => matched(topic, /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:.*retry-after.(\d+))?/),
  },
  {
    sdk: 'C# v1',
    version: '2019-03-31&ClientVersion=.NET%2F1.0',
    resource: encoded,
    members: (sig) => `sig=${sig}&se=${EXPIRY}&skn=registration`,
    clean: true,
    keepalive: 0,
    publishQos: 1,
    subscribeQos: 1,
    registerBody: '',
    pollBody: '',
    requestIds: ['2', '3'],
    readTopic: (topic) => {
      const { status, requestId } = matched(topic, /^\$dps\/registrations\/res\/(.*?)\/\?\$rid=(.*?)$/);
      const [first = '', retryAfter] = requestId.split('&retry-after=');
      return { status, requestId: first, retryAfter: retryAfter ?? null };
    },
  },
  {
    sdk: 'Java',
    version: '2019-03-31&ClientVersion=2019-03-31',
    resource: plain,
    members: (sig) => `sig=${sig}&se=${EXPIRY}&skn=`,
    clean: false,
    keepalive: 230,
    publishQos: 0,
    subscribeQos: 1,
    registerBody: JSON.stringify({ registrationId: ID, payload: '{"model":"T1"}' }),
    pollBody: '',
    requestIds: ['0', '1'],
    readTopic: (topic) => {
      const [head = '', ...pieces] = topic.split('&');
      const retryAfter = pieces.find((piece) => piece.startsWith('retry-after'))?.split('=')[1] ?? null;
      return { ...matched(head, /res\/(\d+)\/\?\$rid=(.*)$/), retryAfter };
    },
  },
  {
    sdk: 'Python',
    version: '2019-03-31&ClientVersion=azure-iot-device-provisioning-py%2F2.12.0%28python3.11%3BLinux%29',
    resource: encoded,
    members: (sig) => `sig=${sig}&se=${EXPIRY}`,
    clean: false,
    keepalive: 60,
    publishQos: 1,
    subscribeQos: 1,
    registerBody: JSON.stringify({ payload: null, registrationId: ID }),
    pollBody: ' ',
    requestIds: ['8b0f2b0c-6a1e-4f35-9d2c-1f7f2f0a7c11', '5d9d7a44-0f0e-4a7e-8c0e-3b9f9f1d2a22'],
    readTopic: (topic) => {
      const [, path = '', query = ''] = topic.split('$');
      const pairs = query.split('&').map((pair) => pair.split('='));
      if (pairs.some((pair) => pair.length !== 2)) throw new Error(`cannot read ${topic}`);
      const values = new Map(pairs.map(([name = '', value = '']) => [name, value]));
      return {
        status: Number(path.split('/')[3]),
        requestId: values.get('rid') ?? '',
        retryAfter: values.get('retry-after') ?? null,
      };
    },
  },
  {
    sdk: 'embedded C',
    version: '2019-03-31',
    resource: encoded.replaceAll('%2F', '%2f'),
    members: (sig) => `sig=${sig}&se=${EXPIRY}`,
    clean: false,
    keepalive: 240,
    publishQos: 1,
    subscribeQos: 0,
    registerBody: registerJson,
    pollBody: '',
    requestIds: ['1', '1'],
    readTopic: (topic) => matched(topic, /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:&retry-after=(\d+))?$/),
  },
];

let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ behavior: { assignmentDelayMs: 0 } });
});
afterAll(() => emulator.close());

function connectPacket({ version, resource, members, clean, keepalive }: Habits): Packet {
  const key = Buffer.from(DEVICE_KEY, 'base64');
  const sig = encodeURIComponent(createHmac('sha256', key).update(`${resource}\n${EXPIRY}`).digest('base64'));
  const password = Buffer.from(`SharedAccessSignature sr=${resource}&${members(sig)}`);
  const username = `${ID_SCOPE}/registrations/${ID}/api-version=${version}`;
  return { cmd: 'connect', clientId: ID, username, password, clean, keepalive };
}

describe.each(habits)('a client that behaves as the $sdk SDK does', (one) => {
  /** Publishes, and expects PUBACK before the answer where there is one. */
  async function request(device: ScriptedDevice, topic: string, payload: string) {
    device.send({ cmd: 'publish', topic, payload, qos: one.publishQos, messageId: 5, dup: false, retain: false });
    if (one.publishQos === 1) expect(await device.receive()).toMatchObject({ cmd: 'puback', messageId: 5 });
    const answer = await device.receive();
    if (answer?.cmd !== 'publish') throw new Error('no answer');
    expect(answer.qos).toBe(one.subscribeQos);
    if (answer.qos === 1 && answer.messageId !== undefined) device.send({ cmd: 'puback', messageId: answer.messageId });
    return { ...one.readTopic(answer.topic), body: JSON.parse(answer.payload.toString()) };
  }

  it('registers', async () => {
    const device = await ScriptedDevice.open(emulator);
    expect(await device.exchange(connectPacket(one))).toMatchObject({ returnCode: 0, sessionPresent: false });
    const subscriptions = [{ topic: '$dps/registrations/res/#', qos: one.subscribeQos }];
    expect(await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions })).toMatchObject({
      granted: [one.subscribeQos],
    });
    const [first, second] = one.requestIds;
    const accepted = await request(device, `$dps/registrations/PUT/iotdps-register/?$rid=${first}`, one.registerBody);
    expect(accepted).toMatchObject({ status: 202, requestId: first, retryAfter: '3', body: { status: 'assigning' } });
    const { operationId } = accepted.body;
    const poll = `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${second}&operationId=${operationId}`;
    const final = await request(device, poll, one.pollBody);
    expect(final).toMatchObject({ status: 200, requestId: second, retryAfter: null, body: { status: 'assigned' } });
    device.close();
  });
});
