import { describe, expect, it } from 'vitest';
import { conversationText } from '../../src/emulator/conversation/conversation-text.ts';
import {
  CONVERSATION_LIMITS_DEFAULT,
  type ConversationLimits,
  KeptConversations,
} from '../../src/emulator/conversation/kept-conversations.ts';
import { keptConnect, keptPayload } from '../../src/emulator/conversation/kept-steps.ts';
import { LintedDevice, tokenFor } from '../support/linted-device.ts';

const HANDSHAKE = {
  transport: 'mqtt',
  tlsVersion: null,
  cipherSuite: null,
  serverName: null,
  sourceAddress: null,
  certificates: [],
} as const;
const SILENT = { onStep: () => {}, onFinding: () => {}, wantsFindings: () => false };

function kept(limits: Partial<ConversationLimits>): KeptConversations {
  return new KeptConversations({ ...CONVERSATION_LIMITS_DEFAULT, ...limits }, SILENT);
}

const connectOf = (clientId: string, username: string | null = null, password: string | null = null) =>
  keptConnect(
    { protocol: 'MQTT 4', clientId, username, password, keepAliveSeconds: 0, cleanSession: true, hasWill: false },
    0,
    0,
  );

const ping = { from: 'device', type: 'pingreq', atMs: 1 } as const;
const publishOf = (payload: string) =>
  ({
    from: 'device',
    type: 'publish',
    atMs: 1,
    topic: 't',
    ...keptPayload(Buffer.from(payload)),
    qos: 0,
    retain: false,
    isDuplicate: false,
    packetId: null,
  }) as const;

describe('conversations are kept within limits', () => {
  it('of the devices that connected last', () => {
    const conversations = kept({ devicesMax: 3 });
    for (const id of ['a', 'b', 'c', 'A', 'd']) conversations.begin(HANDSHAKE, connectOf(id));
    expect(conversations.summaries('', 10)).toMatchObject([
      { registrationId: 'A', connections: 2 },
      { registrationId: 'c' },
      { registrationId: 'd' },
    ]);
    expect(conversations.conversation('b')).toBeNull();
  });

  it('of the latest connections of a device', () => {
    const conversations = kept({ stepsPerDeviceMax: 10 });
    for (let connection = 0; connection < 5; connection++) {
      const { add } = conversations.begin(HANDSHAKE, connectOf('a'));
      for (let step = 0; step < 3; step++) add(ping);
    }
    const conversation = conversations.conversation('a');
    expect(conversation?.connections.map(({ number, steps }) => [number, steps.length])).toEqual([
      [4, 4],
      [5, 4],
    ]);
    expect(conversation?.forgottenSteps).toBe(12);
  });

  it('of the only connection, with its CONNECT', () => {
    const conversations = kept({ stepsPerDeviceMax: 10 });
    const { add } = conversations.begin(HANDSHAKE, connectOf('a'));
    for (let step = 0; step < 1_000; step++) add(ping);
    const [connection] = conversations.conversation('a')?.connections ?? [];
    expect(connection?.steps.length).toBeLessThanOrEqual(10);
    expect(connection?.steps[0]?.type).toBe('connect');
    expect((connection?.forgottenSteps ?? 0) + (connection?.steps.length ?? 0)).toBe(1_001);
  });

  it('of bytes: the device that connected longest ago gives way', () => {
    const conversations = kept({ bytesMax: 100_000 });
    for (let device = 0; device < 100; device++) {
      const { add } = conversations.begin(HANDSHAKE, connectOf(`dev-${device}`));
      for (let step = 0; step < 10; step++) add(publishOf('x'.repeat(1_000)));
      // Of the first, which is gone by then, nothing is kept any more.
      if (device === 99)
        for (const { registrationId } of conversations.summaries('', 1)) add(publishOf(registrationId));
    }
    const devices = conversations.summaries('', 100).map(({ registrationId }) => registrationId);
    expect(devices.length).toBeGreaterThan(3);
    expect(devices.length).toBeLessThan(10);
    expect(devices).toContain('dev-99');
  });

  it('also of the texts of one packet', () => {
    const conversations = kept({});
    const { add } = conversations.begin(HANDSHAKE, connectOf('a'.repeat(60_000), 'b'.repeat(60_000)));
    add(publishOf('x'.repeat(96 * 1_024)));
    const [summary] = conversations.summaries('', 1);
    const conversation = conversations.conversation(summary?.registrationId ?? '');
    expect(JSON.stringify(conversation).length).toBeLessThan(6_000);
    expect(conversation?.connections[0]?.steps[1]).toMatchObject({ payloadBytes: 96 * 1_024 });
  });

  it('counts notes, and the reasons of ends', () => {
    const text = 'x'.repeat(500);
    const conversations = kept({ bytesMax: 100_000 });
    for (let device = 0; device < 200; device++) {
      const { add } = conversations.begin(HANDSHAKE, connectOf(`dev-${device}`));
      add({ from: 'emulator', type: 'note', atMs: 1, text });
      add({ from: 'device', type: 'end', atMs: 1, reason: text });
    }
    const all = conversations
      .summaries('', 1_000)
      .map(({ registrationId }) => conversations.conversation(registrationId));
    expect(JSON.stringify(all).length).toBeLessThan(100_000);
  });

  it('what a device still sends that is no longer kept, is not kept', () => {
    const conversations = kept({ devicesMax: 1 });
    const { add } = conversations.begin(HANDSHAKE, connectOf('a'));
    conversations.begin(HANDSHAKE, connectOf('b'));
    add(ping);
    expect(conversations.summaries('', 10).map(({ registrationId }) => registrationId)).toEqual(['b']);
  });
});

it('a connection that is still open, but no longer kept, leaves the others alone', () => {
  const conversations = kept({ stepsPerDeviceMax: 10 });
  const first = conversations.begin(HANDSHAKE, connectOf('a'));
  const second = conversations.begin(HANDSHAKE, connectOf('a'));
  for (let step = 0; step < 9; step++) second.add(ping);
  for (let step = 0; step < 1_000; step++) first.add(ping);
  const { connections = [], forgottenSteps } = conversations.conversation('a') ?? {};
  expect([connections.map(({ number, steps }) => [number, steps.length]), forgottenSteps]).toEqual([[[2, 10]], 1]);
});

describe('secrets are not kept', () => {
  const SECRET = 'VGhlIHNlY3JldCBrZXkgb2YgYSBkZXZpY2UgdGhhdCBtdXN0IHN0YXkgc2VjcmV0';
  const token = tokenFor(60);
  const signature = /sig=([^&]*)/.exec(token)?.[1] ?? '';

  it.each<[string, string | null, string | null]>([
    ['a token as password', '0ne1/registrations/a/api-version=2019-03-31', token],
    ['a token as user name', token, null],
    ['a key as user name', SECRET, null],
    ['a key as password', '0ne1/registrations/a/api-version=2019-03-31', SECRET],
    ['a key as policy', null, token.replace('skn=registration', `skn=${SECRET}`)],
    [
      'a key in the user agent',
      `0ne1/registrations/a/api-version=2019-03-31&ClientVersion=SharedAccessKey=${SECRET}`,
      null,
    ],
    [
      'a percent-encoded connection string in the user agent',
      `0ne1/registrations/a/api-version=2019-03-31&ClientVersion=HostName%3Dh%3BSharedAccessKey%3D${SECRET}`,
      null,
    ],
  ])('%s', (_, username, password) => {
    const connect = JSON.stringify(connectOf('a', username, password));
    expect(signature.length).toBeGreaterThan(40);
    expect(connect).not.toContain(signature);
    expect(connect).not.toContain(decodeURIComponent(signature));
    expect(connect).not.toContain(SECRET);
  });

  it.each([
    `{"registrationId":"a","payload":{"apiKey":"${SECRET}","model":"T1"}}`,
    `{"payload":{"model":"T1","connection":"HostName=h;SharedAccessKey=${SECRET};DeviceId=d"}}`,
    `{"model":"T1","password" : "${SECRET}\\"${SECRET}"}`,
    `{"model":"T1","token":"${SECRET}`,
    `model T1 -----BEGIN EC PRIVATE KEY-----\n${SECRET}\n-----END EC PRIVATE KEY-----`,
  ])('in a payload: %s', (text) => {
    const { payload } = keptPayload(Buffer.from(text));
    expect(payload).not.toContain(SECRET);
    expect(payload).toContain('T1');
  });

  it('but what is none', () => {
    const text = '{"registrationId":"a","symmetricKey":{"enrollmentGroupId":"g"},"payload":{"model":"T1"}}';
    expect(keptPayload(Buffer.from(text)).payload).toBe(text);
    expect(connectOf('a', '0ne1/registrations/a/api-version=2019-03-31&ClientVersion=pump%2F1', token)).toMatchObject({
      idScope: '0ne1',
      registrationId: 'a',
      apiVersion: '2019-03-31',
      userAgent: 'pump/1',
      password: { kind: 'token', resource: '0ne00111111/registrations/dev-1', policyName: 'registration' },
    });
  });
});

describe('the text of a conversation', () => {
  it('fits a terminal, and has each finding below the step where it was seen', () => {
    const device = new LintedDevice().begin({ keepalive: 0 }).register().wait(1_000);
    device.poll().wait(100).disconnect();
    const text = conversationText(device.conversation);
    const lines = text.split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines[0]).toBe('dev-1, connection 1 at 2026-01-01 00:00:00.000 UTC');
    const signs = lines.flatMap((line) => /^ +(?:\+[\d.]+ +)?([<>!*]) +([\w-]+)/.exec(line)?.slice(1).join(' ') ?? []);
    expect(signs).toEqual([
      '> CONNECT',
      '! no-keep-alive',
      '< CONNACK',
      '> SUBSCRIBE',
      '< SUBACK',
      '> PUBLISH',
      '< PUBACK',
      '< PUBLISH',
      '> PUBACK',
      '> PUBLISH',
      '! poll-before-retry-after',
      '< PUBLISH',
      '> PUBACK',
      '> DISCONNECT',
      '* end',
    ]);
    expect(lines.at(-2)).toBe('2 findings.');
  });

  it('lets no device move the cursor', () => {
    const conversations = kept({});
    const { add } = conversations.begin(HANDSHAKE, connectOf('a\u001b[2J', 'b\r\n\u202ec'));
    add(publishOf(`${'word '.repeat(30)}\u0000\u009b${'x'.repeat(200)}`));
    const conversation = conversations.conversation('a\u001b[2J');
    const lines = (conversation === null ? '' : conversationText(conversation)).split('\n');
    expect(lines.filter((line) => /[\p{C}]/u.test(line) || line.length > 80)).toEqual([]);
    expect(lines[0]).toMatch(/^a\\u\{1b\}\[2J, connection 1/);
  });
});
