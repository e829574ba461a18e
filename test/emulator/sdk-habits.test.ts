import { createHmac } from 'node:crypto';
import type { Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { Fault } from '../../src/emulator/service/fault-rule.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const EXPIRY = 4_000_000_000;

/** What the official SDKs put on the wire, where they differ. */
type Habits = {
  readonly sdk: string;
  readonly version: string;
  /** The token's resource as it stands in the token, made of the plain one. */
  readonly resource: (plain: string) => string;
  /** The token's members after the resource. */
  readonly members: (sig: string) => string;
  readonly clean: boolean;
  readonly keepalive: number;
  readonly publishQos: 0 | 1;
  readonly subscribeQos: 0 | 1;
  readonly registerBody: (registrationId: string) => string;
  readonly pollBody: (registrationId: string) => string;
  /** How it makes request IDs. */
  readonly requestIds: readonly [string, string];
  /** What it reads from the answer's topic; throws when it cannot. */
  readonly readTopic: (topic: string) => { status: number; requestId: string; retryAfter: string | null };
};

const registerJson = (registrationId: string): string => JSON.stringify({ registrationId });
const nothing = (): string => '';

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
    resource: encodeURIComponent,
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
    resource: encodeURIComponent,
    members: (sig) => `sig=${sig}&se=${EXPIRY}&skn=registration`,
    clean: true,
    keepalive: 0,
    publishQos: 1,
    subscribeQos: 1,
    registerBody: nothing,
    pollBody: nothing,
    requestIds: ['2', '3'],
    readTopic: (topic) => {
      const { status, requestId } = matched(topic, /^\$dps\/registrations\/res\/(.*?)\/\?\$rid=(.*?)$/);
      const [first = '', retryAfter] = requestId.split('&retry-after=');
      return { status, requestId: first, retryAfter: retryAfter ?? null };
    },
  },
  {
    sdk: 'C# v2',
    version: '2019-03-31&ClientVersion=.NET%2F2.0',
    resource: encodeURIComponent,
    members: (sig) => `sig=${sig}&se=${EXPIRY}`,
    clean: true,
    keepalive: 120,
    publishQos: 1,
    subscribeQos: 1,
    registerBody: nothing,
    pollBody: nothing,
    requestIds: ['2', '3'],
    readTopic: (topic) => matched(topic, /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:&retry-after=(\d+))?$/),
  },
  {
    sdk: 'Java',
    version: '2019-03-31&ClientVersion=2019-03-31',
    resource: (plain) => plain,
    members: (sig) => `sig=${sig}&se=${EXPIRY}&skn=`,
    clean: false,
    keepalive: 230,
    publishQos: 0,
    subscribeQos: 1,
    registerBody: (registrationId) => JSON.stringify({ registrationId, payload: '{"model":"T1"}' }),
    pollBody: nothing,
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
    resource: encodeURIComponent,
    members: (sig) => `sig=${sig}&se=${EXPIRY}`,
    clean: false,
    keepalive: 60,
    publishQos: 1,
    subscribeQos: 1,
    registerBody: (registrationId) => JSON.stringify({ payload: null, registrationId }),
    pollBody: () => ' ',
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
    resource: (plain) => plain.replaceAll('/', '%2f'),
    members: (sig) => `sig=${sig}&se=${EXPIRY}`,
    clean: false,
    keepalive: 240,
    publishQos: 1,
    subscribeQos: 0,
    registerBody: registerJson,
    pollBody: nothing,
    requestIds: ['1', '1'],
    readTopic: (topic) => matched(topic, /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:&retry-after=(\d+))?$/),
  },
];

/** Longer than a client takes for its requests before that, on whatever machine; shorter than an operation is kept. */
const ASSIGNMENT_MS = 600_000;

let emulator: TestEmulator;
beforeAll(async () => {
  const throttled: Fault = { kind: 'error-answer', errorCode: 429001, retryAfterSeconds: 5 };
  emulator = await startTestEmulator({
    behavior: { assignmentDelayMs: ASSIGNMENT_MS },
    faults: [
      faultRule(throttled, { points: ['register'], timesPerDevice: 1 }),
      faultRule(throttled, { points: ['poll'], timesPerDevice: 1 }),
    ],
  });
});
afterAll(() => emulator.close());

function connectPacket(id: string, { version, resource, members, clean, keepalive }: Habits): Packet {
  const key = Buffer.from(deriveDeviceKey(GROUP_KEY, id), 'base64');
  const sr = resource(`${ID_SCOPE}/registrations/${id}`);
  const sig = encodeURIComponent(createHmac('sha256', key).update(`${sr}\n${EXPIRY}`).digest('base64'));
  const password = Buffer.from(`SharedAccessSignature sr=${sr}&${members(sig)}`);
  const username = `${ID_SCOPE}/registrations/${id}/api-version=${version}`;
  return { cmd: 'connect', clientId: id, username, password, clean, keepalive };
}

describe.each(habits)('a client that behaves as the $sdk SDK does', (one) => {
  const id = `habits-of-${habits.indexOf(one)}`;
  let device: ScriptedDevice;

  /** Publishes, and expects PUBACK before the answer where there is one. */
  async function request(topic: string, payload: string) {
    device.send({ cmd: 'publish', topic, payload, qos: one.publishQos, messageId: 5, dup: false, retain: false });
    if (one.publishQos === 1) expect(await device.receive()).toMatchObject({ cmd: 'puback', messageId: 5 });
    const answer = await device.receive();
    if (answer?.cmd !== 'publish') throw new Error('no answer');
    expect(answer.qos).toBe(one.subscribeQos);
    if (answer.qos === 1 && answer.messageId !== undefined) device.send({ cmd: 'puback', messageId: answer.messageId });
    return { ...one.readTopic(answer.topic), body: JSON.parse(answer.payload.toString()) };
  }

  it('registers, also when it is throttled, and when it polls at once', async () => {
    device = await ScriptedDevice.open(emulator);
    expect(await device.exchange(connectPacket(id, one))).toMatchObject({ returnCode: 0, sessionPresent: false });
    const subscriptions = [{ topic: '$dps/registrations/res/#', qos: one.subscribeQos }];
    expect(await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions })).toMatchObject({
      granted: [one.subscribeQos],
    });
    const [first, second] = one.requestIds;
    const register = () => request(`$dps/registrations/PUT/iotdps-register/?$rid=${first}`, one.registerBody(id));
    // C, Node and Python ask again on the same connection: it must stay open after an error.
    const throttled = { status: 429, retryAfter: '5', body: { errorCode: 429001, trackingId: expect.any(String) } };
    expect(await register()).toMatchObject({ ...throttled, requestId: first });
    const accepted = await register();
    expect(accepted).toMatchObject({ status: 202, requestId: first, retryAfter: '3', body: { status: 'assigning' } });
    const { operationId } = accepted.body;
    const poll = () =>
      request(
        `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${second}&operationId=${operationId}`,
        one.pollBody(id),
      );
    expect(await poll()).toMatchObject({ ...throttled, requestId: second });
    // C# v2 polls at once, C after a second, Python after two, whatever the retry-after says.
    const early = await poll();
    expect(early).toMatchObject({ status: 202, requestId: second, retryAfter: '3' });
    expect(early.body).toEqual({
      operationId,
      status: 'assigning',
      registrationState: { registrationId: id, status: 'assigning' },
    });
    emulator.advance(ASSIGNMENT_MS);
    const final = await poll();
    expect(final).toMatchObject({ status: 200, requestId: second, retryAfter: null });
    expect(final.body).toMatchObject({ operationId, status: 'assigned', registrationState: { deviceId: id } });
    device.close();
  });
});
