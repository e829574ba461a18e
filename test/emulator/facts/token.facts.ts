import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { buildSasToken } from '../../../src/dps/sas-token.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  ID_SCOPE,
  OTHER_KEY,
  SECONDARY_KEY,
} from '../../support/emulated-instance.ts';
import { choice, type Fact, type FactGroup, right } from './fact.ts';
import { type TimedOptions, TimedService } from './timed-service.ts';

const ID = 'my-symkey-device';
/** Of the golden tokens below: 2022-09-23. */
const GOLDEN_EXPIRY = 1_663_952_627;
const BEFORE_MS = (GOLDEN_EXPIRY - 600) * 1000;

/** The status of a register request with this token. */
function registeredWith(password: string, options: TimedOptions = {}, id = ID): number {
  return new TimedService({ nowMs: BEFORE_MS, ...options }).device(id, { password }).register().status;
}

function connackOf(password: string, options: TimedOptions = {}): number {
  const { service, nowMs } = new TimedService(options);
  const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
  return service.connect({ clientId: ID, username, password, certificates: [], sourceAddress: () => null }, nowMs)
    .returnCode;
}

/** A token with these members, signed over the resource as it stands in it. */
function token(sr: string, members: (sig: string) => string, key = DEVICE_KEY): string {
  const hmac = createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${GOLDEN_EXPIRY}`).digest('base64');
  return `SharedAccessSignature sr=${sr}&${members(encodeURIComponent(hmac))}`;
}

const PLAIN = `${ID_SCOPE}/registrations/${ID}`;
const ENCODED = encodeURIComponent(PLAIN);
const se = `se=${GOLDEN_EXPIRY}`;

/** As the official SDKs write them; the service takes them all. The first three signatures are golden. */
const SDK_TOKENS: readonly (readonly [sdk: string, how: string, text: string])[] = [
  [
    'C',
    'percent-encoded',
    `SharedAccessSignature sr=${ENCODED}&sig=8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D&${se}&skn=registration`,
  ],
  [
    'embedded C',
    'encoded in lower-case hexadecimal, without skn',
    `SharedAccessSignature sr=${PLAIN.replaceAll('/', '%2f')}&sig=6GqlY2Tr8xDlSYE04oQcdEH7vznSt2LcTUobz9BmpAY%3D&${se}`,
  ],
  [
    'Node',
    'not encoded, skn before se',
    `SharedAccessSignature sr=${PLAIN}&sig=nywv584Rsikp8eagkd4XnrDkLPXMGakB0DWzqcS0hPQ%3D&skn=registration&${se}`,
  ],
  ['Java', 'not encoded, skn empty', token(PLAIN, (sig) => `sig=${sig}&${se}&skn=`)],
  ['Python', 'encoded, without skn', token(ENCODED, (sig) => `sig=${sig}&${se}`)],
  ['C# v1', 'encoded, with skn at the end', token(ENCODED, (sig) => `sig=${sig}&${se}&skn=registration`)],
  [
    'C# v2',
    'with a signature encoded in lower-case hexadecimal',
    token(ENCODED, (sig) => `sig=${sig.replace(/%../g, (hex) => hex.toLowerCase())}&${se}`),
  ],
  [
    'IoT Edge',
    'with the whole resource in lower case',
    token(ENCODED.toLowerCase(), (sig) => `sig=${sig}&${se}&skn=registration`),
  ],
];

const sdkFacts: readonly Fact[] = SDK_TOKENS.map(([sdk, how, text]) =>
  right(
    `token-${sdk.replaceAll(' ', '-').toLowerCase()}`,
    '2.2 D',
    `The token of the ${sdk} SDK is accepted: ${how}`,
    () => {
      expect(registeredWith(text)).toBe(202);
    },
  ),
);

const DERIVED = [
  [GROUP_KEY, 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6', 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc='],
  [OTHER_KEY, 'breakroom499-contoso-tstrsd-007', 'JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs='],
  [OTHER_KEY, 'mainbuilding167-contoso-hpsd-088', '6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg='],
] as const;

/** The status of a register request of a device with this key. */
function statusWith(key: string, id = ID, options: TimedOptions = {}): number {
  return new TimedService(options).device(id, { key }).register().status;
}

/** An instance whose group has a secondary key. */
const twoKeys = (): TimedOptions => {
  const attestation = { kind: 'symmetricKey', primaryKey: GROUP_KEY, secondaryKey: SECONDARY_KEY } as const;
  return {
    instance: { enrollmentGroups: emulatedInstance().enrollmentGroups.map((group) => ({ ...group, attestation })) },
  };
};

const NOW = Date.UTC(2026, 0, 1) / 1000;

export const tokenFacts: FactGroup = {
  title: 'SAS tokens and keys',
  sources:
    'AD concepts-symmetric-key-attestation.md, how-to-control-access.md, iot-dps-https-sym-key-support.md, how-to-legacy-device-symm-key.md; the SDKs; azure-docs#43157; azure-sdk-for-c#2235; azure-iot-sdk-java#989',
  facts: [
    ...sdkFacts,
    right('token-order', '2.2 D', 'The members may come in yet another order: sr, skn, sig, se', () => {
      expect(registeredWith(token(PLAIN, (sig) => `skn=registration&sig=${sig}&${se}`))).toBe(202);
    }),
    right('token-skn', '2.2 I', 'The policy name (skn) is ignored', () => {
      expect(registeredWith(token(ENCODED, (sig) => `sig=${sig}&${se}&skn=anything`))).toBe(202);
    }),
    right('token-signed-text', '2.2 I', 'The signature covers the resource as it stands in the token', () => {
      const text = token(PLAIN, (sig) => `sig=${sig}&${se}`).replace(PLAIN, ENCODED);
      expect(registeredWith(text)).toBe(401);
    }),
    right('token-plus', '2.2 D', 'A `+` in the signature that was not percent-encoded leads to 401', () => {
      const expiry = Array.from({ length: 1_000 }, (_, n) => GOLDEN_EXPIRY + n).find((one) =>
        buildSasToken(ID_SCOPE, ID, DEVICE_KEY, one).includes('%2B'),
      );
      const encoded = buildSasToken(ID_SCOPE, ID, DEVICE_KEY, expiry ?? 0);
      expect([encoded, encoded.replaceAll('%2B', '+')].map((text) => registeredWith(text))).toEqual([202, 401]);
    }),
    right('token-expired', '2.5 D', 'An expired token gets CONNACK 5', () => {
      expect(connackOf(buildSasToken(ID_SCOPE, ID, DEVICE_KEY, NOW - 1))).toBe(5);
    }),
    right('token-1970', '2.5 D', 'The token of a device whose clock is at 1970 gets CONNACK 5', () => {
      expect(connackOf(buildSasToken(ID_SCOPE, ID, DEVICE_KEY, 3_600))).toBe(5);
    }),
    choice(
      ['token-skew', '2.2', 'A token that has just expired gets CONNACK 5'],
      'the documentation says only that clocks must agree',
      'behavior.clockSkew',
      () => {
        const text = buildSasToken(ID_SCOPE, ID, DEVICE_KEY, NOW - 60);
        const codes = [0, 59, 60].map((clockSkewSeconds) => connackOf(text, { behavior: { clockSkewSeconds } }));
        expect(codes).toEqual([5, 5, 0]);
      },
    ),
    right('token-lifetime', '2.2 D', 'A token may have any lifetime', () => {
      expect(connackOf(buildSasToken(ID_SCOPE, ID, DEVICE_KEY, 253_402_300_799))).toBe(0);
    }),
    right('token-other-device', 'D2 I', 'A token for another device or ID scope gets CONNACK 5', () => {
      expect(connackOf(buildSasToken(ID_SCOPE, 'another', DEVICE_KEY, NOW + 60))).toBe(5);
      expect(connackOf(buildSasToken('0ne00222222', ID, DEVICE_KEY, NOW + 60))).toBe(5);
    }),
    right('key-individual', '2.3 D', 'Primary and secondary key of an individual enrollment are both valid', () => {
      expect([DEVICE_KEY, SECONDARY_KEY].map((key) => statusWith(key))).toEqual([202, 202]);
    }),
    right('key-group', '2.3 D', 'Keys derived from the primary and from the secondary group key are both valid', () => {
      const keys = [GROUP_KEY, SECONDARY_KEY].map((key) => deriveDeviceKey(key, 'a'));
      expect(keys.map((key) => statusWith(key, 'a', twoKeys()))).toEqual([202, 202]);
    }),
    right('key-vectors', 'C D', "The three derived keys of the documentation are their devices' keys", () => {
      for (const [groupKey, id, key] of DERIVED) {
        const attestation = { kind: 'symmetricKey', primaryKey: groupKey, secondaryKey: null } as const;
        const enrollmentGroups = emulatedInstance().enrollmentGroups.map((group) => ({ ...group, attestation }));
        expect(statusWith(key, id, { instance: { enrollmentGroups } })).toBe(202);
      }
    }),
    right('key-group-itself', '2.3 D', 'The group key itself signs for no device', () => {
      expect(statusWith(GROUP_KEY, 'a')).toBe(401);
    }),
    right('key-other-device', '2.3 D', 'The derived key of another device leads to 401', () => {
      expect(statusWith(deriveDeviceKey(GROUP_KEY, 'b'), 'a')).toBe(401);
    }),
    choice(
      ['key-case', '2.3', 'The device key is derived from the registration ID as the device writes it'],
      'nobody knows whether the service folds its case first',
      'behavior.derivationCase',
      () => {
        const statuses = (['as-written', 'lower'] as const).flatMap((derivationCase) =>
          ['Dev-A', 'dev-a'].map((id) =>
            statusWith(deriveDeviceKey(GROUP_KEY, id), 'Dev-A', { behavior: { derivationCase } }),
          ),
        );
        expect(statuses).toEqual([202, 401, 401, 202]);
      },
    ),
  ],
};
