import { generate } from 'mqtt-packet';
import { expect } from 'vitest';
import { MqttSession } from '../../../src/emulator/server/mqtt-session.ts';
import { provisioningRole } from '../../../src/emulator/server/provisioning-role.ts';
import { authority, deviceCertificate, x509Group } from '../../support/certificates.ts';
import { connectPacket } from '../../support/device-packets.ts';
import { DEVICE_KEY, emulatedInstance, ID_SCOPE, OTHER_KEY } from '../../support/emulated-instance.ts';
import { acceptedOver, simulatedContext, WiredStream } from '../../support/wired-session.ts';
import { choice, type Fact, type FactGroup, right, rightUnless } from './fact.ts';
import type { Login } from './fact-bench.ts';

/** A CONNECT that gets this return code. */
function connack(id: string, place: Parameters<typeof right>[1], statement: string, login: Login, code: number): Fact {
  return right(id, place, statement, async (bench) => {
    expect(await bench.connack('dev-c', login)).toBe(code);
  });
}

const KNOWN_VERSIONS = [
  '2018-04-01',
  '2018-09-01-preview',
  '2018-11-01',
  '2019-03-31',
  '2019-04-15',
  '2021-06-01',
  '2021-10-01',
  '2021-11-01-preview',
  '2025-07-01-preview',
  '2026-11-02-preview',
  '2026-11-15-preview',
];

/** Milliseconds of silence until a device with this keep-alive time is cut, in virtual time; infinite = never. */
function silenceMs(keepalive: number, idleTimeoutMs: number | null = null): number {
  const plain = simulatedContext(1, []);
  const context = { ...plain, behavior: { ...plain.behavior, idleTimeoutMs } };
  const stream = new WiredStream();
  new MqttSession(acceptedOver(stream), context, provisioningRole(context));
  stream.emit('data', generate(connectPacket('silent', { keepalive })));
  const { clock, openSessions } = context;
  for (let ms = 500; ms <= 200_000; ms += 500) {
    clock.advanceTo(ms);
    if (openSessions.size === 0) return ms;
  }
  return Number.POSITIVE_INFINITY;
}

const username = (text: string): Login => ({ connect: { username: text } });

export const connectFacts: FactGroup = {
  title: 'CONNECT',
  sources:
    'AD iot-dps-mqtt-support.md, concepts-service.md, concepts-x509-attestation.md; the SDKs; azure-docs#69882; azure-sdk-for-c#2235; azure-iot-sdk-python#670; MQTT 3.1.1',
  facts: [
    connack('connect-311', '1.2 D', 'MQTT 3.1.1 (`MQTT`, level 4) is accepted', {}, 0),
    connack('connect-5', 'D2 I', 'MQTT 5 gets CONNACK 1', { connect: { protocolVersion: 5 } }, 1),
    connack(
      'connect-31',
      'D2 I',
      'MQTT 3.1 gets CONNACK 1',
      { connect: { protocolId: 'MQIsdp', protocolVersion: 3 } },
      1,
    ),
    right('connect-first', 'D2 I', 'A packet before CONNECT closes the connection', async (bench) => {
      expect(await (await bench.opened()).exchange({ cmd: 'pingreq' })).toBeNull();
    }),
    right('connect-once', 'D2 I', 'A second CONNECT closes the connection', async (bench) => {
      expect(await (await bench.connected('connect-once')).exchange(connectPacket('connect-once'))).toBeNull();
    }),
    connack('connect-keepalive-0', '1.4 D', 'Keep-alive 0 is accepted', { connect: { keepalive: 0 } }, 0),
    connack(
      'connect-keepalive-long',
      '1.4 D',
      'Any other keep-alive time is accepted',
      { connect: { keepalive: 65_535 } },
      0,
    ),
    right(
      'connect-keepalive-15',
      'D2 I',
      'After one and a half times the keep-alive time, a silent connection is closed',
      () => {
        expect([silenceMs(60), silenceMs(1)]).toEqual([90_000, 1_500]);
      },
    ),
    choice(
      ['connect-idle', '1.5', 'A silent connection with keep-alive 0 stays open'],
      'a load balancer in front of the service is said to drop it after about 4 minutes',
      'behavior.idleTimeout',
      () => {
        expect([silenceMs(0), silenceMs(0, 60_000)]).toEqual([Number.POSITIVE_INFINITY, 60_000]);
      },
    ),
    connack(
      'connect-clean-1',
      '1.5 D',
      'CleanSession 1 is accepted, with session present 0',
      { connect: { clean: true } },
      0,
    ),
    connack(
      'connect-clean-0',
      '1.5 D',
      'CleanSession 0 is accepted, with session present 0',
      { connect: { clean: false } },
      0,
    ),
    right(
      'connect-no-session',
      '1.5 D',
      'Nothing of a session is kept after the connection, also with CleanSession 0',
      async (bench) => {
        const login = { connect: { clean: false } };
        (await bench.subscribed('connect-kept', login)).close();
        const device = await bench.connected('connect-kept', login);
        device.publish('$dps/registrations/PUT/iotdps-register/?$rid=1');
        expect(await device.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
      },
    ),
    choice(['connect-will', '1.5', 'A will message is ignored'], 'no SDK sends one', null, async (bench) => {
      const will = { topic: '$dps/registrations/res/200/?$rid=1', payload: Buffer.from('x'), qos: 1, retain: true };
      expect(await bench.connack('connect-will', { connect: { will } })).toBe(0);
    }),
    connack(
      'connect-user-agent',
      '2.1 D',
      'ClientVersion may follow the api-version',
      { version: '2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.1' },
      0,
    ),
    connack(
      'connect-java',
      '2.1 D',
      'ClientVersion may be the api-version again, as the Java SDK sends it',
      { version: '2019-03-31&ClientVersion=2019-03-31' },
      0,
    ),
    connack(
      'connect-other-names',
      '2.1 I',
      'Unknown names in the user name are ignored',
      { version: '2021-06-01&a=b&c' },
      0,
    ),
    right(
      'connect-versions',
      '2.1 D',
      `The known api-versions are accepted: ${KNOWN_VERSIONS.join(', ')}`,
      async (bench) => {
        for (const version of KNOWN_VERSIONS) expect(await bench.connack('connect-versions', { version })).toBe(0);
      },
    ),
    choice(
      ['connect-version-unknown', '2.1', 'An unknown api-version gets CONNACK 4'],
      'nobody knows',
      'behavior.otherApiVersions',
      async (bench) => {
        const version = '2020-01-01';
        expect(await bench.connack('connect-v', { version })).toBe(4);
        expect(await bench.connack('connect-v', { version, at: { behavior: { otherApiVersions: 'accept' } } })).toBe(0);
      },
    ),
    choice(
      ['connect-version-malformed', '2.1', 'An api-version that is no day of the calendar, or absent, gets CONNACK 4'],
      'nobody knows',
      'behavior.malformedUsernameCode',
      async (bench) => {
        for (const version of ['', 'latest', '2026-13-45'])
          expect(await bench.connack('connect-v', { version })).toBe(4);
      },
    ),
    choice(
      ['connect-username', 'D2', 'A malformed or missing user name gets CONNACK 4'],
      'what MQTT 3.1.1 calls that code; 5 is as likely',
      'behavior.malformedUsernameCode',
      async (bench) => {
        const forms = [
          '',
          'me',
          `${ID_SCOPE}/dev-c`,
          `${ID_SCOPE}/registrations/dev-c`,
          '/registrations/dev-c/api-version=2021-06-01',
        ];
        for (const form of forms) expect(await bench.connack('dev-c', username(form))).toBe(4);
        expect(await bench.connack('dev-c', { connect: { username: undefined, password: undefined } })).toBe(4);
        expect(
          await bench.connack('dev-c', { ...username('me'), at: { behavior: { malformedUsernameCode: 5 } } }),
        ).toBe(5);
      },
    ),
    right(
      'connect-id-rule',
      '5 D',
      'A registration ID has up to 128 letters, digits and `-._:`, and ends with a letter, digit or dash',
      async (bench) => {
        for (const id of ['a', 'A-1._:z', 'ends-with-', 'x'.repeat(128)]) expect(await bench.connack(id)).toBe(0);
        for (const id of ['no blanks', 'dot.', 'colon:', 'ü', 'x'.repeat(129)]) expect(await bench.connack(id)).toBe(4);
      },
    ),
    connack(
      'connect-scope',
      '2.5 D',
      'An unknown ID scope gets CONNACK 3, and the connection is closed',
      { scope: '0neFFFFFFFF' },
      3,
    ),
    connack(
      'connect-client-id',
      '2.5 D',
      'A client ID other than the registration ID gets CONNACK 5',
      { connect: { clientId: 'another' } },
      5,
    ),
    connack(
      'connect-case',
      '2.1 I',
      'A client ID that differs by case alone is accepted',
      { connect: { clientId: 'DEV-C' } },
      0,
    ),
    connack(
      'connect-token-malformed',
      'D2 I',
      'A password that is no SAS token gets CONNACK 5',
      { connect: { password: Buffer.from('secret') } },
      5,
    ),
    right(
      'connect-wrong-key',
      '2.5 D',
      'A token with a wrong signature is accepted; the register request gets 401',
      async (bench) => {
        const answer = await bench.registered('connect-wrong-key', { key: OTHER_KEY });
        expect([answer.status, answer.body.errorCode, answer.body.message]).toEqual([401, 401000, 'Unauthorized']);
      },
    ),
    right(
      'connect-stranger',
      '2.5 I',
      'A registration ID that is not enrolled is accepted; the register request is refused',
      async (bench) => {
        expect((await bench.registered('connect-stranger', { key: DEVICE_KEY })).status).toBe(401);
      },
    ),
    choice(
      ['connect-no-proof', 'D2', 'Neither password nor client certificate gets CONNACK 5'],
      'nobody knows',
      null,
      async (bench) => {
        expect(await bench.connack('dev-c', { key: null })).toBe(5);
        expect(await bench.connack('dev-c', { connect: { password: Buffer.alloc(0) } })).toBe(5);
      },
    ),
    right(
      'connect-x509-empty',
      '2.1 D',
      'With a client certificate, the password is absent or empty',
      async (bench) => {
        const { instances, tls } = await certified('connect-x');
        for (const connect of [{}, { password: Buffer.alloc(0) }]) {
          const answer = await bench.registered('connect-x', { at: { instances }, tls, key: null, connect });
          expect(answer.status).toBe(202);
        }
      },
    ),
    rightUnless(
      'behavior.commonNameCheck',
      ['connect-cn', 'D2 I', 'A certificate whose common name is not the registration ID gets CONNACK 5'],
      async (bench) => {
        const { instances, tls } = await certified('connect-x');
        const login = { tls, key: null };
        expect(await bench.connack('connect-y', { ...login, at: { instances } })).toBe(5);
        expect(await bench.connack('CONNECT-X', { ...login, at: { instances } })).toBe(0);
        const at = { instances, behavior: { commonNameCheck: 'register' } as const };
        expect((await bench.registered('connect-y', { ...login, at })).body.errorCode).toBe(401002);
      },
    ),
    choice(
      ['connect-both', '2.1', 'A password takes precedence over a client certificate'],
      'no client sends both',
      null,
      async (bench) => {
        const { instances, tls } = await certified('connect-x');
        expect((await bench.registered('connect-x', { at: { instances }, tls, key: OTHER_KEY })).body.errorCode).toBe(
          401000,
        );
      },
    ),
    choice(
      [
        'connect-twice',
        '1.5',
        'A second connection with the client ID closes the first, if its key or certificate is right',
      ],
      'as at the hubs',
      null,
      async (bench) => {
        const first = await bench.connected('connect-twice');
        await bench.connected('connect-twice', { key: OTHER_KEY });
        expect(await first.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
        const second = await bench.connected('CONNECT-TWICE');
        expect(await first.receive()).toBeNull();
        expect(await second.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
      },
    ),
    right('connect-ping', '1.4 D', 'PINGREQ gets PINGRESP', async (bench) => {
      expect(await (await bench.connected('connect-ping')).exchange({ cmd: 'pingreq' })).toMatchObject({
        cmd: 'pingresp',
      });
    }),
    right('connect-disconnect', '0.3 I', 'DISCONNECT closes the connection', async (bench) => {
      expect(await (await bench.connected('connect-end')).exchange({ cmd: 'disconnect' })).toBeNull();
    }),
  ],
};

const made = new Map<string, Awaited<ReturnType<typeof make>>>();

/** An instance whose group has signed the certificate of this device, and the TLS options of the device. */
async function certified(id: string): ReturnType<typeof make> {
  const one = made.get(id) ?? (await make(id));
  made.set(id, one);
  return one;
}

async function make(id: string) {
  const root = await authority('Root');
  const { certificatePem: cert, privateKeyPem: key } = await deviceCertificate(id, root);
  const { enrollmentGroups } = emulatedInstance();
  const instances = [emulatedInstance({ enrollmentGroups: [...enrollmentGroups, x509Group('line-x', root)] })];
  return { instances, tls: { cert, key } };
}
