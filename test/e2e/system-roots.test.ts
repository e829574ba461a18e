import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dpsScript } from '../support/dps-script.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createTestCa } from '../support/test-certificates.ts';

it.each([
  ['--ca', 'keeps', 0, 'results:'],
  ['--ca-only', 'replaces', 4, 'cannot be used'],
])('%s %s the roots of the system', async (flag, _does, exitCode, says) => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const systemCa = await createTestCa('system root');
  writeFileSync(path('system.pem'), systemCa.certPem);
  writeFileSync(path('added.pem'), (await createTestCa('added root')).certPem);
  writeFileSync(path('fleet.csv'), 'registration_id\ndev-1\n');
  const server = await startScriptedMqttServer({ certificate: await systemCa.issue(), script: dpsScript() });
  const target = ['--host', 'localhost', '--port', String(server.port), '--id-scope', '0ne00111111'];
  // OpenSSL's store, which SSL_CERT_FILE names, in place of the roots that Node ships.
  const env = { ...GROUP_KEY_ENV, NODE_OPTIONS: '--use-openssl-ca', SSL_CERT_FILE: path('system.pem') };
  const run = ['run', path('fleet.csv'), ...target, flag, path('added.pem'), '--out', path('out'), '--quiet'];
  const { code, stderr } = await dpsload(run, { env });
  await server.close();
  expect([code, stderr]).toEqual([exitCode, expect.stringContaining(says)]);
});
