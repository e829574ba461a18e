import { describe, expect, it } from 'vitest';
import { type SymmetricKeys, symmetricKeyCredentials } from '../../src/attestation/make-credentials.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { isSignedWith, parseSasToken } from '../../src/dps/sas-token.ts';

const key = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const ROW = { registrationId: 'dev-1', group: null, deviceKey: null };
const NONE = { defaultKey: null, groups: {} };
const BOTH: SymmetricKeys = { kind: 'group-key', defaultKey: key(1), groups: { 'line-a': key(2) }, secondary: NONE };
const NAMED_ONLY: SymmetricKeys = { ...BOTH, defaultKey: null };
const ROTATED: SymmetricKeys = {
  ...BOTH,
  groups: { ...BOTH.groups, 'line-c': key(5) },
  secondary: { defaultKey: key(3), groups: { 'line-a': key(4) } },
};
const DEVICE_KEYS: SymmetricKeys = { kind: 'device-key' };

type Row = typeof ROW | { group: string | null; deviceKey: string | null };

function credentialsOf(keys: SymmetricKeys, row: Row) {
  const made = symmetricKeyCredentials(keys, '0ne00111111', { ...ROW, ...row });
  if ('reason' in made) throw new Error(made.reason);
  return made.credentials;
}

function tokenOf(keys: SymmetricKeys, row: Row, key = 0) {
  const token = parseSasToken(credentialsOf(keys, row).password(1_700_000_000_999, key) ?? '');
  if (token === null) throw new Error('not a token');
  return token;
}

describe('a row is signed', () => {
  it.each([
    ['by the default group key', BOTH, ROW, deriveDeviceKey(key(1), 'dev-1')],
    ['by its own group key', BOTH, { ...ROW, group: 'line-a' }, deriveDeviceKey(key(2), 'dev-1')],
    ['by the default key, its group having none', BOTH, { ...ROW, group: 'line-b' }, deriveDeviceKey(key(1), 'dev-1')],
    ['by its device key', DEVICE_KEYS, { ...ROW, deviceKey: key(3) }, key(3)],
    ['by its device key before any group key', BOTH, { ...ROW, group: 'line-a', deviceKey: key(3) }, key(3)],
  ])('%s', (_how, keys, row, deviceKey) => {
    const token = tokenOf(keys, row);
    expect(isSignedWith(token, deviceKey)).toBe(true);
    expect(token.resource).toBe('0ne00111111/registrations/dev-1');
  });
});

describe('where there are secondary keys, a row is signed by those of its own group', () => {
  it.each([
    ['the default ones', ROW, [key(1), key(3)]],
    ['its group’s', { ...ROW, group: 'line-a' }, [key(2), key(4)]],
    ['the default ones, its group having none', { ...ROW, group: 'line-b' }, [key(1), key(3)]],
    ['its group’s one key, and never by another’s', { ...ROW, group: 'line-c' }, [key(5)]],
  ])('%s', (_which, row, groupKeys) => {
    expect(credentialsOf(ROTATED, row).keys).toBe(groupKeys.length);
    for (const [index, groupKey] of groupKeys.entries()) {
      expect(isSignedWith(tokenOf(ROTATED, row, index), deriveDeviceKey(groupKey, 'dev-1'))).toBe(true);
    }
  });

  it('its own alone, where it has one', () => {
    expect(credentialsOf(ROTATED, { ...ROW, deviceKey: key(6) }).keys).toBe(1);
  });
});

it('a token lives for an hour of whole seconds', () => {
  expect(tokenOf(BOTH, ROW).expiryEpochSeconds).toBe(1_700_000_000 + 3600);
});

describe('a row has no credentials', () => {
  it.each([
    [DEVICE_KEYS, ROW, 'has no device_key'],
    [NAMED_ONLY, ROW, 'has no device_key, and no default group key is given'],
    [NAMED_ONLY, { ...ROW, group: 'line-b' }, 'has no device_key, and no key is given for its group "line-b"'],
    [
      NAMED_ONLY,
      { ...ROW, group: 'constructor' },
      'has no device_key, and no key is given for its group "constructor"',
    ],
  ])('%j, %j', (keys, row, reason) => {
    expect(symmetricKeyCredentials(keys, '0ne00111111', row)).toEqual({ reason });
  });
});
