import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import { hubCredentialsMaker } from '../../src/attestation/hub-credentials.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { isSignedWith, parseSasToken } from '../../src/dps/sas-token.ts';
import { DEVICE_KEY, GROUP_KEY, OTHER_KEY } from '../support/emulated-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HUB = 'hub-a.azure-devices.net';
const DEVICE = {
  row: 0,
  registrationId: 'dev-1',
  deviceId: 'Device 1',
  hub: HUB,
  group: null,
  deviceKey: null,
  certificateFile: null,
  keyFile: null,
};
const NOW_MS = 1_700_000_000_000;
const folder = temporaryFolder();

async function madeOf(keys: AttestationKeys, device: Partial<typeof DEVICE> | { deviceKey: string } = {}) {
  return await hubCredentialsMaker(keys, new VirtualClock())({ ...DEVICE, ...device });
}

async function passwordOf(keys: AttestationKeys, device: { deviceKey?: string } = {}, attempt = 0) {
  const made = await hubCredentialsMaker(keys, new VirtualClock())({ ...DEVICE, ...device });
  if (!('credentials' in made)) return expect.fail(made.refusal.message);
  const token = parseSasToken(made.credentials.password(NOW_MS, attempt) ?? '');
  return token ?? expect.fail('no token');
}

const GROUP_KEYS = {
  kind: 'group-key',
  defaultKey: GROUP_KEY,
  groups: {},
  secondary: { defaultKey: OTHER_KEY, groups: {} },
} as const;

describe('the credentials of a device for its hub', () => {
  it('are a token for the hub and the device ID, signed with the key derived from the registration ID', async () => {
    const token = await passwordOf(GROUP_KEYS);
    expect(token.resource).toBe(`${HUB}/devices/Device 1`);
    expect(token.expiryEpochSeconds).toBe(NOW_MS / 1_000 + 3_600);
    expect(isSignedWith(token, deriveDeviceKey(GROUP_KEY, 'dev-1'))).toBe(true);
  });

  it('use the two keys of a group in turn, since the hub may know either as its first', async () => {
    expect(isSignedWith(await passwordOf(GROUP_KEYS, {}, 1), deriveDeviceKey(OTHER_KEY, 'dev-1'))).toBe(true);
    expect(isSignedWith(await passwordOf(GROUP_KEYS, {}, 2), deriveDeviceKey(GROUP_KEY, 'dev-1'))).toBe(true);
  });

  it("are made from the row's own key where it has one", async () => {
    expect(isSignedWith(await passwordOf({ kind: 'device-key' }, { deviceKey: DEVICE_KEY }), DEVICE_KEY)).toBe(true);
    expect(isSignedWith(await passwordOf(GROUP_KEYS, { deviceKey: DEVICE_KEY }), DEVICE_KEY)).toBe(true);
  });

  it('are refused, without a word of any key, where they cannot be made', async () => {
    expect(await madeOf({ kind: 'device-key' })).toEqual({
      refusal: { message: expect.stringMatching(/^the row has no key/) },
    });
    writeFileSync(join(folder, 'dev-1.pem'), 'no certificate');
    writeFileSync(join(folder, 'dev-1.key'), 'secret');
    const files = {
      from: 'folder',
      folder,
      certificatePattern: '{registration_id}.pem',
      keyPattern: '{registration_id}.key',
    } as const;
    const made = await madeOf({ kind: 'x509-files', files });
    expect(made).toMatchObject({
      refusal: { message: expect.stringMatching(/dev-1\.pem: contains no PEM certificate/) },
    });
    expect(JSON.stringify(made)).not.toContain('secret');
  });
});
