import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FINDINGS, type FindingCode } from '../../src/emulator/conversation/finding.ts';
import { lintConversation } from '../../src/emulator/conversation/lint.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { pollPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { faultRule } from '../support/fault-rules.ts';
import { LintedDevice, tokenFor } from '../support/linted-device.ts';

const password = (text: string) => ({ password: Buffer.from(text) });
const certificate = (commonName: string) => ({
  subject: `CN=${commonName}`,
  issuer: 'CN=Line',
  commonName,
  notAfter: '',
});
const refusal = (
  errorCode: number,
  retryAfterSeconds: number | null,
  timesPerDevice: number | null = null,
): FaultRule =>
  faultRule({ kind: 'error-answer', errorCode, retryAfterSeconds }, { points: ['register', 'poll'], timesPerDevice });
const NO_RETRY_AFTER = faultRule({ kind: 'retry-after', value: null }, { points: ['register'] });

/** Registers as it should. */
const registered = (device: LintedDevice): LintedDevice => device.register().wait(3_000).poll().wait(100);

type Case = readonly [code: FindingCode, talk: (device: LintedDevice) => unknown, faults?: readonly FaultRule[]];

const CASES: readonly Case[] = [
  ['mqtt-version', (device) => device.open().connect({ protocolId: 'MQIsdp', protocolVersion: 3 })],
  ['malformed-packet', (device) => device.begin().sendBytes(Buffer.from([0xf8, 0]))],
  ['no-server-name', (device) => registered(device.open({ serverName: null }).connect().send(subscribePacket()))],
  [
    'client-id',
    (device) =>
      device.open().connect({
        username: '0ne00111111/registrations/dev-2/api-version=2019-03-31&ClientVersion=a',
        ...password(tokenFor(60, '0ne00111111', 'dev-2')),
      }),
  ],
  ['user-name', (device) => device.open().connect({ username: '0ne00111111/dev-1' })],
  ['user-name', (device) => device.open().connect({}, 'ClientVersion=a')],
  ['api-version-unknown', (device) => device.open().connect({}, 'api-version=2020-01-01&ClientVersion=a')],
  ['api-version-outdated', (device) => registered(device.begin({}, 'api-version=2018-11-01&ClientVersion=a'))],
  ['no-user-agent', (device) => registered(device.begin({}, 'api-version=2019-03-31'))],
  ['no-keep-alive', (device) => registered(device.begin({ keepalive: 0 }))],
  ['keep-alive-long', (device) => registered(device.begin({ keepalive: 1_200 }))],
  ['keep-alive-missed', (device) => device.begin({ keepalive: 2 }).register().wait(3_100)],
  ['no-clean-session', (device) => registered(device.begin({ clean: false }))],
  [
    'will',
    (device) => registered(device.begin({ will: { topic: 'a', payload: Buffer.from('b'), qos: 0, retain: false } })),
  ],
  ['no-credentials', (device) => device.open().connect({ password: undefined })],
  [
    'certificate-name',
    (device) => device.open({ certificates: [certificate('dev-9')] }).connect({ password: undefined }),
  ],
  ['token-malformed', (device) => device.open().connect(password('c2VjcmV0'))],
  ['token-resource', (device) => device.open().connect(password(tokenFor(60, 'dps.example/0ne00111111')))],
  ['token-expired', (device) => device.open().connect(password(tokenFor(-60)))],
  ['token-lifetime', (device) => registered(device.begin(password(tokenFor(30 * 86_400))))],
  [
    'token-policy',
    (device) => registered(device.begin(password(tokenFor(60).replace('skn=registration', 'skn=iothubowner')))),
  ],
  ['token-encoding', (device) => device.begin(password(tokenFor(60).replace(/sig=[^&]*/, 'sig=ab+c'))).register()],
  [
    'other-filter',
    (device) =>
      device
        .open()
        .connect()
        .send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$dps/registrations/#', qos: 1 }] }),
  ],
  ['subscribe-qos-2', (device) => registered(device.open().connect().send(subscribePacket(2)))],
  ['publish-qos-2', (device) => device.begin().publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { qos: 2 })],
  [
    'publish-retain',
    (device) =>
      device.begin().publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { retain: true }).wait(3_000).poll(),
  ],
  ['other-topic', (device) => device.begin().publish('devices/dev-1/messages/events/')],
  ['other-topic', (device) => device.begin().publish('$dps/registrations/PUT/iotdps-register/')],
  [
    'message-too-large',
    (device) =>
      device.begin().publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { payload: ' '.repeat(97 * 1024) }),
  ],
  [
    'register-body',
    (device) => device.begin().publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { payload: '{id: 1}' }),
  ],
  [
    'register-body',
    (device) =>
      device
        .begin()
        .publish('$dps/registrations/PUT/iotdps-register/?$rid=1', { payload: '{"registrationId":"dev-2"}' }),
  ],
  ['request-before-suback', (device) => device.open().connect().register()],
  [
    'request-before-suback',
    (device) => device.open().connect().send(subscribePacket(), registerPacket('1')).wait(3_000).poll(),
  ],
  [
    'request-id-reused',
    (device) => device.begin().register('1').wait(3_000).register('1').wait(3_000),
    [faultRule({ kind: 'lose-answer' })],
  ],
  [
    'no-puback',
    (device) => {
      device.acknowledges = false;
      registered(device.begin());
    },
  ],
  ['register-again', (device) => device.begin().register('1').wait(3_000).register('2')],
  ['disconnect-before-result', (device) => device.begin().register().wait(500).disconnect()],
  ['poll-before-retry-after', (device) => device.begin().register().wait(1_000).poll()],
  ['poll-without-pause', (device) => device.begin().register().wait(300).poll(), [NO_RETRY_AFTER]],
  ['wrong-operation-id', (device) => device.begin().register().wait(3_000).poll('2', '5.0.0')],
  ['wrong-operation-id', (device) => device.begin().register().wait(3_000).poll('2', device.operationId.slice(0, 40))],
  ['retry-after-ignored', (device) => device.begin().register('1').wait(2_000).register('2'), [refusal(429001, 5)]],
  [
    'retry-without-backoff',
    (device) => device.begin().register('1').wait(20).register('2').wait(20).register('3'),
    [refusal(500000, null)],
  ],
  [
    'retry-without-backoff',
    (device) => {
      for (let attempt = 0; attempt < 4; attempt++) device.open().connect().wait(200);
    },
    [faultRule({ kind: 'refuse-connect', returnCode: 3 })],
  ],
  ['no-disconnect', (device) => registered(device.begin()).hangUp()],
  [
    'stays-connected',
    (device) => registered(device.begin()).wait(59_000).send({ cmd: 'pingreq' }).wait(2_000).send({ cmd: 'pingreq' }),
  ],
];

const codesOf = (device: LintedDevice) => device.conversation.findings.map(({ code }) => code);

describe('a mistake is found, and nothing else', () => {
  it.each(
    CASES.map(([code, ...others], index) => [code, index, ...others] as const),
  )('%s (%i)', (code, _, talk, faults = []) => {
    const device = new LintedDevice(...faults);
    talk(device);
    expect(codesOf(device)).toEqual([code]);
    const [finding] = device.conversation.findings;
    expect(finding).toMatchObject(FINDINGS[code]);
    const connection = device.conversation.connections.find(({ number }) => number === finding?.connection);
    expect(connection?.steps[finding?.step ?? -1]?.atMs).toBe(finding?.atMs);
  });

  it('of every kind on the page', () => {
    const page = readFileSync(new URL('../../src/emulator/README.md', import.meta.url), 'utf8');
    const [, table = ''] = page.split('| about | codes |');
    const rows = (table.split('\n\n')[0] ?? '').split('\n').slice(2);
    const codes = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code));
    expect(codes.sort()).toEqual(Object.keys(FINDINGS).sort());
  });

  it('of every kind', () => {
    expect(Object.keys(FINDINGS).filter((code) => !CASES.some(([planted]) => planted === code))).toEqual([]);
  });
});

describe('a client that does nothing wrong is left alone', () => {
  it.each<[string, (device: LintedDevice) => unknown, ...FaultRule[]]>([
    ['by the book', (device) => registered(device.begin()).disconnect()],
    [
      'with a certificate',
      (device) => device.open({ certificates: [certificate('DEV-1')] }).connect({ password: undefined }),
    ],
    [
      'as the SDK for Java: an empty skn, its version as agent',
      (device) =>
        registered(
          device.begin(
            password(tokenFor(3_600).replace('skn=registration', 'skn=')),
            'api-version=2019-03-31&ClientVersion=2019-03-31',
          ),
        ).disconnect(),
    ],
    [
      'as the SDK for C#: a token for a day',
      (device) => registered(device.begin(password(tokenFor(86_400)))).disconnect(),
    ],
    [
      'as the embedded SDK for C: the same request ID each time',
      (device) => device.begin().register('1').wait(3_000).poll('1').disconnect(),
    ],
    [
      'on this machine, by its address',
      (device) =>
        registered(
          device.open({ serverName: null, sourceAddress: '::ffff:127.0.0.1' }).connect().send(subscribePacket()),
        ).disconnect(),
    ],
    ['a device that came late to its poll', (device) => device.begin().register().wait(40_000).poll().disconnect()],
    [
      'one that waits out a 429',
      (device) => device.begin().register('1').wait(5_000).register('2').wait(3_000).poll('3').disconnect(),
      refusal(429001, 5, 1),
    ],
    [
      'one that backs off from 500',
      (device) => registered(device.begin().register('0').wait(1_000)).disconnect(),
      refusal(500000, null, 1),
    ],
    [
      'one that tries its second key at once',
      (device) => {
        device.begin().register().disconnect();
        registered(device.begin()).disconnect();
      },
      refusal(401000, null, 1),
    ],
    [
      'one whose answer is lost',
      (device) => registered(device.begin().register('0').wait(30_000)).disconnect(),
      faultRule({ kind: 'lose-answer' }, { timesPerDevice: 1 }),
    ],
    [
      'one that sends a request once more, marked as such',
      (device) => {
        const again = { ...registerPacket('1', 1), dup: true };
        device
          .begin()
          .register('1')
          .wait(10_000)
          .send(again as ReturnType<typeof registerPacket>);
      },
      faultRule({ kind: 'lose-answer' }),
    ],
    [
      'one that loses its connection, and goes on polling',
      (device) => {
        device.begin().register().remember().wait(100).hangUp();
        device.wait(3_000).begin().poll('2').wait(100).disconnect();
      },
    ],
    [
      'one that is switched off and on again',
      (device) => {
        device.begin().register().wait(100).hangUp();
        registered(device.wait(2_000).begin()).disconnect();
      },
    ],
    [
      'one that registers again on another day',
      (device) => {
        for (const _ of [1, 2])
          registered(device.begin())
            .disconnect()
            .wait(86_400_000 / 48);
      },
    ],
    [
      'one that asks when its operation is forgotten',
      (device) => device.begin({ keepalive: 1_177 }).register().wait(1_260_000).poll(),
    ],
    [
      'one that registers anew after a throttled poll',
      (device) =>
        device.begin().register('1').wait(3_000).poll('2').wait(5_000).register('3').wait(3_000).poll('4').disconnect(),
      faultRule(
        { kind: 'error-answer', errorCode: 429001, retryAfterSeconds: 5 },
        { points: ['poll'], timesPerDevice: 1 },
      ),
    ],
    [
      'one that pings until it is asked to go',
      (device) => registered(device.begin()).wait(59_000).send({ cmd: 'pingreq' }).disconnect(),
    ],
    ['two polls of the same operation at the end', (device) => registered(device.begin()).poll('3').disconnect()],
    [
      'one that a fault tells nonsense',
      (device) => device.begin().register().wait(3_000).poll().disconnect(),
      faultRule({ kind: 'foreign-request-id' }, { points: ['poll'] }),
    ],
  ])('%s', (_, talk, ...faults) => {
    const device = new LintedDevice(...faults);
    talk(device);
    expect(device.conversation.findings).toEqual([]);
  });
});

it('what is seen again is counted, not repeated', () => {
  const early = new LintedDevice(faultRule({ kind: 'endless-assigning' })).begin().register();
  for (const requestId of ['2', '3', '4']) early.wait(500).send(pollPacket(requestId, early.operationId));
  expect(early.conversation.findings).toMatchObject([{ code: 'poll-before-retry-after', times: 3, connection: 1 }]);
  expect(early.conversation.findings[0]?.seen).toBe('a poll after 500 ms, retry-after 3 s');
});

it.each<[string, number, readonly FindingCode[]]>([
  ['at once', 500, ['disconnect-before-result', 'register-again']],
  ['when it may have been restarted', 61_000, ['disconnect-before-result']],
])('who disconnects before the result and registers again %s', (_, pauseMs, expected) => {
  const device = new LintedDevice();
  device.begin().register().wait(500).disconnect();
  registered(device.wait(pauseMs).begin()).disconnect();
  expect(codesOf(device)).toEqual(expected);
});

it('what is no longer kept is not held against a device', () => {
  const { connections } = new LintedDevice().begin().register().wait(3_000).poll('2', '5.0.0').conversation;
  expect(lintConversation(connections, true)).toMatchObject([{ code: 'wrong-operation-id' }]);
  const [connection] = connections;
  if (connection === undefined) throw new Error('there is no connection');
  const poll = connection.steps.findIndex((step) => step.type === 'publish' && step.topic.includes('operationId='));
  const steps = connection.steps.filter((_, index) => index === 0 || index >= poll);
  expect(lintConversation([{ ...connection, forgottenSteps: poll - 1, steps }], false)).toEqual([]);
});
