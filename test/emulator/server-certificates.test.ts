import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { isSignedWithHash } from '../../src/certificates/certificate.ts';
import { certificateTexts, presentedCertificates } from '../../src/certificates/certificate-chain.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

it('emulators of one process share the CA of the first, unless they have a folder', async () => {
  const start = () => startEmulator({ serverKeys: 'ecdsa', instances: [emulatedInstance()] });
  const first = await start();
  await first.close();
  const second = await start();
  expect(second.caPem).toBe(first.caPem);
  expect(second.caFile).not.toBe(first.caFile);
  expect(readFileSync(second.caFile, 'utf8')).toBe(second.caPem);
  const own = await startTestEmulator();
  expect(own.caPem).not.toBe(second.caPem);
  await Promise.all([second.close(), own.close()]);
});

it('a hash that one emulator was asked for is not that of the next', async () => {
  const start = (serverHash: 'sha384' | null) =>
    startEmulator({ serverKeys: 'ecdsa', serverHash, instances: [emulatedInstance()] });
  const first = await start('sha384');
  const next = await start(null);
  expect(next.caPem).toBe(first.caPem);
  const [server] = certificateTexts(readFileSync(join(dirname(next.caFile), 'server.pem'), 'utf8'));
  expect(isSignedWithHash(server ?? '', 'sha256')).toBe(true);
  await Promise.all([first.close(), next.close()]);
});

it('without RSA keys, the whole chain is ECDSA', async () => {
  const emulator = await startTestEmulator();
  const { socket } = await ScriptedDevice.open(emulator, { host: 'localhost' });
  const chain = [...presentedCertificates(socket), new X509Certificate(emulator.caPem)];
  expect(chain.map(({ publicKey }) => publicKey.asymmetricKeyType)).toEqual(['ec', 'ec', 'ec']);
  socket.destroy();
  await emulator.close();
});

it('the first device without a server name is reported, and no other at any port', async () => {
  const emulator = await startTestEmulator({ websocketPort: 0 });
  const { host, port, websocketPort, caPem, logged } = emulator;
  for (const each of [port, websocketPort ?? 0, port]) {
    const device = await ScriptedDevice.open({ host, port: each, caPem });
    device.socket.end();
    expect(await device.receive()).toBeNull();
  }
  expect(logged.filter((line) => line.includes('(SNI)'))).toHaveLength(1);
  await emulator.close();
});
