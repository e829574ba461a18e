import { once } from 'node:events';
import { generate, type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { FindingCode } from '../../src/emulator/conversation/finding.ts';
import {
  connectPacket,
  pollPacket,
  publishPacket,
  registerPacket,
  subscribePacket,
} from '../support/device-packets.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { FaultyFleet } from '../support/faulty-fleet.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({
    httpPort: 0,
    websocketPort: 0,
    faults: [
      faultRule({ kind: 'fail-assignment', errorCode: 400207, errorMessage: 'no' }, { registrationIds: 'fails-*' }),
      faultRule({ kind: 'endless-assigning' }, { registrationIds: 'endless-*' }),
      faultRule({ kind: 'retry-after', value: '0' }, { registrationIds: 'quick-*' }),
    ],
  });
});
afterAll(() => emulator.close());

/** A device that does nothing wrong, unless `settings` of its CONNECT do. */
async function connected(
  id: string,
  settings: object = {},
  path = '&ClientVersion=pump%2F1.0',
): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open(emulator, { servername: 'localhost' });
  const key = deriveDeviceKey(GROUP_KEY, id);
  const username = `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01${path}`;
  const password = Buffer.from(buildSasToken(ID_SCOPE, id, key, Math.floor(Date.now() / 1_000) + 3_600));
  await device.exchange(connectPacket(id, { keepalive: 60, username, password, ...settings }));
  return device;
}

async function subscribed(...parameters: Parameters<typeof connected>): Promise<ScriptedDevice> {
  const device = await connected(...parameters);
  await device.exchange(subscribePacket());
  return device;
}

/** The ID of the operation. */
async function registered(device: ScriptedDevice, requestId = '1'): Promise<string> {
  const answer = await device.exchange(registerPacket(requestId));
  return JSON.parse(String((answer as { payload?: Buffer } | null)?.payload ?? '{}')).operationId;
}

/** The same, for a device that goes on: on a busy machine, it would otherwise seem to acknowledge nothing for a second. */
async function registeredAndAcknowledged(device: ScriptedDevice): Promise<string> {
  const operationId = await registered(device);
  device.send({ cmd: 'puback', messageId: 1 });
  return operationId;
}

async function ended(device: ScriptedDevice): Promise<void> {
  const closed = once(device.socket, 'close');
  device.send({ cmd: 'disconnect' });
  await closed;
}

const MISTAKES: readonly (readonly [code: FindingCode, id: string, act: (id: string) => Promise<unknown>])[] = [
  ['no-keep-alive', 'm-1', (id) => subscribed(id, { keepalive: 0 }).then(registered)],
  ['no-clean-session', 'm-2', (id) => subscribed(id, { clean: false }).then(registered)],
  ['no-user-agent', 'm-3', (id) => subscribed(id, {}, '').then(registered)],
  [
    'token-lifetime',
    'm-4',
    (id) => {
      const password = buildSasToken(ID_SCOPE, id, deriveDeviceKey(GROUP_KEY, id), 4_000_000_000);
      return subscribed(id, { password: Buffer.from(password) }).then(registered);
    },
  ],
  [
    'other-filter',
    'm-5',
    async (id) => {
      const subscriptions = [{ topic: '$dps/registrations/res/200/#', qos: 1 as const }];
      await (await connected(id)).exchange({ cmd: 'subscribe', messageId: 1, subscriptions });
    },
  ],
  [
    'publish-qos-2',
    'm-6',
    async (id) => {
      const packet = { ...publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1'), qos: 2 } as Packet;
      await (await subscribed(id)).exchange(packet);
    },
  ],
  [
    'request-before-suback',
    'm-7',
    async (id) => {
      const device = await connected(id);
      device.socket.write(Buffer.concat([generate(subscribePacket()), generate(registerPacket('1'))]));
      await device.receive();
    },
  ],
  [
    'request-id-reused',
    'm-8',
    async (id) => {
      const device = await subscribed(id);
      device.socket.write(Buffer.concat([generate(registerPacket('1')), generate(registerPacket('1'))]));
      await device.receive();
    },
  ],
  [
    'register-again',
    'm-9',
    async (id) => {
      const device = await subscribed(id);
      await registeredAndAcknowledged(device);
      await registered(device, '2');
    },
  ],
  [
    'poll-before-retry-after',
    'm-10',
    async (id) => {
      const device = await subscribed(id);
      await device.exchange(pollPacket('2', await registeredAndAcknowledged(device)));
    },
  ],
  [
    'wrong-operation-id',
    'quick-11',
    async (id) => {
      const device = await subscribed(id);
      await device.exchange(pollPacket('2', encodeURIComponent(`"${await registeredAndAcknowledged(device)}"`)));
    },
  ],
  [
    'disconnect-before-result',
    'm-12',
    async (id) => {
      const device = await subscribed(id);
      await registered(device);
      await ended(device);
    },
  ],
];

describe('a mistake over the network is found, and nothing else', () => {
  it.each(MISTAKES)('%s', async (code, id, act) => {
    await act(id);
    expect(emulator.conversation(id)?.findings.map((finding) => finding.code)).toEqual([code]);
  });
});

describe('dpsload itself', () => {
  it('makes no mistake when all is well, nor when it is throttled, refused, cut off or not answered', async () => {
    const once = { points: ['register'], timesPerDevice: 1 } as const;
    const refused = (errorCode: number, retryAfterSeconds: number | null) =>
      ({ kind: 'error-answer', errorCode, retryAfterSeconds }) as const;
    const faults = [
      faultRule(refused(429_001, 2), { ...once, registrationIds: 'throttled-*' }),
      faultRule(refused(429_001, null), { points: ['poll'], timesPerDevice: 2, registrationIds: 'poll-throttled-*' }),
      faultRule(refused(409_203, null), { ...once, registrationIds: 'conflict-*' }),
      faultRule(refused(500_000, null), { ...once, timesPerDevice: 2, registrationIds: 'error-*' }),
      faultRule({ kind: 'refuse-connect', returnCode: 3 }, { timesPerDevice: 2, registrationIds: 'busy-*' }),
      faultRule({ kind: 'disconnect', when: 'after' }, { ...once, registrationIds: 'cut-*' }),
      faultRule({ kind: 'lose-answer' }, { ...once, registrationIds: 'lost-*' }),
      faultRule({ kind: 'duplicate-answer' }, { registrationIds: 'twice-*' }),
    ];
    const kinds = ['well', 'throttled', 'poll-throttled', 'conflict', 'error', 'busy', 'cut', 'lost', 'twice'];
    const ids = kinds.flatMap((kind) => [`${kind}-1`, `${kind}-2`]);
    const fleet = await FaultyFleet.start(temporaryFolder(), faults, { retryAfterSeconds: 1 });
    const registration = { responseTimeout: '2s', retryDelayMax: '2s', conflictDelayMax: '2s' };
    const request = { ids, load: { rate: '50/s', workers: 1 }, attestation: 'group-key', transport: 'mqtt' } as const;
    const { rows } = await fleet.run(request, registration);
    expect(rows.map((row) => row['result'])).toEqual(ids.map(() => 'assigned'));
    for (const id of ids) expect([id, fleet.emulator.conversation(id)?.findings]).toEqual([id, []]);
    await fleet.close();
  });
});

describe('the conversations over HTTP', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${emulator.httpPort}${path}`, { headers });

  it('one device, in any case: how it connected, and each packet', async () => {
    const device = await subscribed('http-1');
    await registered(device);
    const response = await get('/conversations/HTTP-1');
    const conversation = (await response.json()) as object;
    expect(conversation).toEqual(emulator.conversation('http-1'));
    expect(conversation).toMatchObject({
      registrationId: 'http-1',
      findings: [],
      forgottenSteps: 0,
      connections: [
        {
          number: 1,
          transport: 'mqtt',
          tlsVersion: 'TLSv1.2',
          cipherSuite: expect.stringContaining('ECDSA'),
          serverName: 'localhost',
          sourceAddress: '127.0.0.1',
          certificates: [],
          steps: [
            { from: 'device', type: 'connect', apiVersion: '2021-06-01', userAgent: 'pump/1.0', keepAliveSeconds: 60 },
            { from: 'emulator', type: 'connack', returnCode: 0 },
            { from: 'device', type: 'subscribe', subscriptions: [{ filter: '$dps/registrations/res/#', qos: 1 }] },
            { from: 'emulator', type: 'suback', returnCodes: [1] },
            { from: 'device', type: 'publish', topic: '$dps/registrations/PUT/iotdps-register/?$rid=1', qos: 0 },
            { from: 'emulator', type: 'publish', topic: '$dps/registrations/res/202/?$rid=1&retry-after=3', qos: 1 },
          ],
        },
      ],
    });
  });

  it('as text', async () => {
    await registered(await subscribed('http-text', { keepalive: 0 }));
    const response = await get('/conversations/http-text', { accept: 'text/plain' });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/^http-text, connection 1 at \d{4}-/);
    expect(text).toContain('no-keep-alive (warning)');
  });

  it('all devices, in pages', async () => {
    for (const id of ['zz-%', 'zz-2', 'zz-3']) {
      const device = await ScriptedDevice.open(emulator);
      await device.exchange(connectPacket(id));
    }
    const read = async (headers: Record<string, string>) => {
      const response = await get('/conversations', headers);
      const page = (await response.json()) as { readonly registrationId: string }[];
      return { ids: page.map((one) => one.registrationId), next: response.headers.get('x-ms-continuation') };
    };
    const { ids } = await read({ 'x-ms-max-item-count': '1000' });
    expect(ids.slice(-3)).toEqual(['zz-%', 'zz-2', 'zz-3']);
    const paged: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const page = await read({ 'x-ms-max-item-count': '2', 'x-ms-continuation': next });
      expect(page.ids.length).toBeLessThanOrEqual(2);
      paged.push(...page.ids);
      next = page.next;
    }
    expect(paged).toEqual(ids);
    expect((await get('/conversations', { 'x-ms-continuation': '%' })).status).toBe(200);
  });

  it('404 for a device that never connected', async () => {
    expect((await get('/conversations/stranger')).status).toBe(404);
  });
});

describe('waiting for a registration', () => {
  it('ends when the device is assigned, or at once if it is, and tells those who listen', async () => {
    const events: string[] = [];
    emulator.events.on('registration', ({ idScope, registration }) =>
      events.push(`${idScope} ${registration.registrationId} ${registration.status}`),
    );
    const waiting = emulator.waitForRegistration('WAIT-1');
    await registered(await subscribed('wait-1'));
    expect(await waiting).toMatchObject({
      registrationId: 'wait-1',
      status: 'assigned',
      assignedHub: expect.any(String),
    });
    expect(await emulator.waitForRegistration('wait-1', { timeoutMs: 0 })).toMatchObject({ status: 'assigned' });
    expect(events).toEqual([`${ID_SCOPE} wait-1 assigned`]);
    emulator.events.removeAllListeners();
  });

  it('ends with a registration that failed', async () => {
    await registered(await subscribed('fails-1'));
    expect(await emulator.waitForRegistration('fails-1')).toMatchObject({ status: 'failed', errorCode: 400207 });
  });

  it('or says what the device has done so far', async () => {
    await expect(emulator.waitForRegistration('stranger', { timeoutMs: 20 })).rejects.toThrow(
      /^Device "stranger" was not assigned in ID scope \S+ within 20 ms: no register request was accepted\.\nNo CONNECT with this client ID has arrived\. Others have: "/,
    );
    await registered(await subscribed('endless-1', { keepalive: 0 }));
    const error = await emulator.waitForRegistration('endless-1', { timeoutMs: 20 }).catch(String);
    expect(error).toMatch(/it is assigning\.\nWhat it did last:\nendless-1, connection 1 at /);
    expect(error).toMatch(/< PUBLISH +202, retry after 3 s/);
  });

  it('ends with the emulator', async () => {
    const other = await startTestEmulator({ conversations: null });
    const waiting = other.waitForRegistration('dev-1').catch(String);
    await other.close();
    expect(await waiting).toMatch(/before the emulator was closed: .*\nWhat it did is unknown/s);
    expect(await other.waitForRegistration('dev-1').catch(String)).toMatch(/before the emulator was closed/);
  });
});

it('events name connections, steps and findings as they happen', async () => {
  const seen: string[] = [];
  const id = 'events-1';
  // Devices of other tests, which are silent by now, are cut in the end.
  const note = (registrationId: string, what: string): void => {
    if (registrationId === id) seen.push(what);
  };
  emulator.events.on('connection', ({ registrationId, connection }) =>
    note(registrationId, `${registrationId} #${connection.number}`),
  );
  emulator.events.on('step', ({ registrationId, step }) => note(registrationId, `${step.from} ${step.type}`));
  emulator.events.on('finding', ({ registrationId, finding }) => note(registrationId, finding.code));
  await ended(await connected(id, { clean: false }));
  expect(seen).toEqual([
    'events-1 #1',
    'device connect',
    'no-clean-session',
    'emulator connack',
    'device disconnect',
    'device end',
  ]);
  emulator.events.removeAllListeners();
});

it('nothing is kept when nothing is to be kept', async () => {
  const other = await startTestEmulator({ conversations: null });
  const device = await ScriptedDevice.open(other);
  expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 0 });
  expect(other.conversation('a')).toBeNull();
  await other.close();
});

it('time that is put forward makes no token expire, and a reset forgets what devices did', async () => {
  emulator.advance(7_200_000);
  await registered(await subscribed('advanced-1'));
  expect(emulator.conversation('advanced-1')?.findings).toEqual([]);
  emulator.reset();
  expect(emulator.conversation('advanced-1')).toBeNull();
});
