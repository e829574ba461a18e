import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { presentedCertificates } from '../../src/certificates/certificate-chain.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { connectPacket } from '../support/device-packets.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
let ecdsaAlone: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ serverKeys: 'both' });
  ecdsaAlone = await startTestEmulator();
});
afterAll(() => Promise.all([emulator.close(), ecdsaAlone.close()]));

/** `chain` is what the server sends, and the root behind it. */
type Handshake = { readonly suite: string; readonly chain: readonly X509Certificate[] };

/** What a device that trusts the CA alone gets, down to CONNACK. */
async function handshake(options: object, at: TestEmulator = emulator): Promise<Handshake> {
  const device = await ScriptedDevice.open(at, { host: 'localhost', ...options });
  const { name: suite } = device.socket.getCipher();
  const sent = presentedCertificates(device.socket);
  const root = new X509Certificate(at.caPem);
  expect([device.socket.authorized, sent.at(-1)?.verify(root.publicKey)]).toEqual([true, true]);
  expect(await device.exchange(connectPacket('dev-1'))).toMatchObject({ cmd: 'connack', returnCode: 0 });
  device.close();
  return { suite, chain: [...sent, root] };
}

const keysOf = ({ chain }: Handshake) => chain.map(({ publicKey }) => publicKey.asymmetricKeyType);

it.each([
  ['the suites of Node', {}],
  ['ECDSA with CBC alone', { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256' }],
])('a device with both kinds of suites costs no RSA signature: %s', async (_, options) => {
  expect((await handshake(options)).suite).toMatch(/^ECDHE-ECDSA-/);
});

it('emulators of one process share the CA of the first, unless they have a folder', async () => {
  const start = () => startEmulator({ serverKeys: 'ecdsa', instances: [emulatedInstance()] });
  const first = await start();
  await first.close();
  const second = await start();
  expect(second.caPem).toBe(first.caPem);
  expect(second.caFile).not.toBe(first.caFile);
  expect(readFileSync(second.caFile, 'utf8')).toBe(second.caPem);
  expect(second.caPem).not.toBe(ecdsaAlone.caPem);
  await second.close();
});

it('without RSA keys, a device with RSA alone has no common suite', async () => {
  const ciphers = 'ECDHE-RSA-AES128-GCM-SHA256';
  await expect(ScriptedDevice.open(ecdsaAlone, { host: 'localhost', ciphers })).rejects.toThrow(/handshake failure/);
  expect(keysOf(await handshake({}, ecdsaAlone))).toEqual(['ec', 'ec', 'ec']);
});
