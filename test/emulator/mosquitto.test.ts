import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authority, deviceCertificate, x509Group } from '../support/certificates.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const REGISTER = '$dps/registrations/PUT/iotdps-register/?$rid=1';
const RESPONSES = '$dps/registrations/res/#';
const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = temporaryFolder();

const isInstalled = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'].every(
  (tool) => spawnSync(tool, ['--help']).error === undefined,
);
// Skipping must be seen, and never happen where the project is judged.
if (!isInstalled && process.env['CI'] === 'true') throw new Error('install the Debian package mosquitto-clients');

let emulator: TestEmulator;
beforeAll(async () => {
  const root = await authority('Root');
  const device = await deviceCertificate('mosquitto-x', root);
  writeFileSync(join(folder, 'device.pem'), device.certificatePem);
  writeFileSync(join(folder, 'device.key'), device.privateKeyPem);
  const { enrollmentGroups } = emulatedInstance();
  const instance = emulatedInstance({ enrollmentGroups: [...enrollmentGroups, x509Group('line-x', root)] });
  emulator = await startTestEmulator({
    instances: [instance],
    behavior: { assignmentDelayMs: 0, grantsExactFilters: true },
  });
});
afterAll(() => emulator.close());

/** Options by which any of the tools connects as a device; `null` as token: by certificate. */
function identity(id: string, token: string | null): readonly string[] {
  const connection = ['-h', 'localhost', '-p', String(emulator.port), '--cafile', emulator.caFile, '-V', 'mqttv311'];
  const device = ['-i', id, '-u', `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`];
  const proof =
    token === null ? ['--cert', join(folder, 'device.pem'), '--key', join(folder, 'device.key')] : ['-P', token];
  return [...connection, ...device, ...proof];
}

/** Made by the built program, as a person would. */
async function tokenOf(id: string): Promise<string> {
  const args = [PROGRAM, 'sas', '--id-scope', ID_SCOPE, '--registration-id', id];
  const env = { ...process.env, DPSLOAD_GROUP_KEY: GROUP_KEY };
  return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
}

/** One request with `mosquitto_rr`, which subscribes exactly `answerTopic`; the body that it gets. */
async function ask(id: string, token: string | null, topic: string, answerTopic: string) {
  const args = [...identity(id, token), '-q', '1', '-t', topic, '-e', answerTopic, '-m', ' ', '-W', '20'];
  const { stdout } = await promisify(execFile)('mosquitto_rr', args);
  return JSON.parse(stdout);
}

describe.skipIf(!isInstalled)('the mosquitto tools (needs mosquitto-clients)', () => {
  it.each([
    ['a SAS token', 'mosquitto-1', true],
    ['a certificate', 'mosquitto-x', false],
  ])('mosquitto_rr registers and polls with %s, each from a connection of its own', async (_, id, hasToken) => {
    const token = hasToken ? await tokenOf(id) : null;
    const accepted = await ask(id, token, REGISTER, '$dps/registrations/res/202/?$rid=1&retry-after=3');
    const poll = `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=${accepted.operationId}`;
    const final = await ask(id, token, poll, '$dps/registrations/res/200/?$rid=2');
    expect(final.registrationState).toMatchObject({ registrationId: id, status: 'assigned' });
  });

  it('mosquitto_sub subscribes, and mosquitto_pub of the same ID takes its connection over', async () => {
    const id = 'mosquitto-2';
    const token = await tokenOf(id);
    const subscriber = spawn('mosquitto_sub', [...identity(id, token), '-t', RESPONSES, '-q', '1']);
    const steps = () => emulator.conversation(id)?.connections.flatMap((connection) => connection.steps) ?? [];
    // Before its CONNECT, it would take the connection over itself.
    await expect.poll(() => steps().map(({ type }) => type)).toContain('suback');
    await promisify(execFile)('mosquitto_pub', [...identity(id, token), '-t', REGISTER, '-q', '1', '-m', '{}']);
    expect([...emulator.records()].map(({ registrationId }) => registrationId)).toContain(id);
    expect(emulator.logged.join('\n')).toContain('another connection with the same client ID took over');
    const closed = once(subscriber, 'close');
    subscriber.kill();
    await closed;
  });
});
