import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
  folders.push(folder);
  return folder;
}

type Started = { child: ChildProcess; ready: Record<string, unknown> | null; stderr: () => string };

/** `ready` is `null` when the command ended instead. */
async function start(args: readonly string[], environment: Record<string, string> = {}): Promise<Started> {
  const { DPSLOAD_GROUP_KEY: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, 'emulator', '--port', '0', '--server-keys', 'ecdsa', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...inherited, ...environment },
  });
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  if (child.stdout === null) throw new Error('no stdout');
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'close').then(() => null)]);
  return { child, ready: line === null ? null : JSON.parse(line[0]), stderr: () => stderr };
}

async function stop({ child }: Started): Promise<number | null> {
  const exited = once(child, 'exit');
  child.send({ type: 'stop' });
  const [code] = await exited;
  return code;
}

async function register(port: number, caFile: string, idScope: string, groupKey: string): Promise<void> {
  const device = await ScriptedDevice.open({ host: 'localhost', port, caPem: readFileSync(caFile, 'utf8') });
  const password = Buffer.from(buildSasToken(idScope, 'a', deriveDeviceKey(groupKey, 'a'), 4_000_000_000));
  const username = `${idScope}/registrations/a/api-version=2021-06-01`;
  const connack = await device.exchange({ cmd: 'connect', clientId: 'a', username, password });
  expect(connack).toMatchObject({ returnCode: 0 });
  const subscriptions = [{ topic: '$dps/registrations/res/#', qos: 1 as const }];
  await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions });
  const topic = '$dps/registrations/PUT/iotdps-register/?$rid=1';
  const answer = await device.exchange({ cmd: 'publish', topic, payload: '', qos: 0, dup: false, retain: false });
  expect(answer).toMatchObject({ topic: '$dps/registrations/res/202/?$rid=1&retry-after=7' });
  device.close();
}

// Each test waits for a process most of the time.
describe.concurrent('emulator command', () => {
  it('says where it listens, serves, and leaves its records when it is told to stop', async () => {
    const dir = newFolder();
    const records = join(dir, 'records.ndjson');
    const args = ['--ca-dir', dir, '--retry-after', '7', '--id-scope', '0ne00222222', '--records', records];
    const started = await start(args);
    const groupKey = readFileSync(join(dir, 'group.key'), 'utf8').trim();
    const caFile = join(dir, 'ca.pem');
    expect(started.ready).toEqual({
      ready: true,
      host: '127.0.0.1',
      port: expect.any(Number),
      websocketPort: null,
      idScope: '0ne00222222',
      caFile,
      enrollmentGroups: ['default'],
      groupKeyFile: join(dir, 'group.key'),
    });
    await register(Number(started.ready?.['port']), caFile, '0ne00222222', groupKey);
    expect(await stop(started)).toBe(0);
    const lines = readFileSync(records, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { kind: 'registration', registrationId: 'a', registers: 1, enrollmentGroupId: 'default' },
      { kind: 'counters', registrationAttempts: 1, deviceAssignments: 1 },
    ]);
    expect(started.stderr()).toContain(join(dir, 'group.key'));
    expect(started.stderr()).not.toContain(groupKey);
    expect(statSync(join(dir, 'group.key')).mode & 0o777).toBe(0o600);
  });

  it('finds out at the start that it cannot write the records at the end', async () => {
    const dir = newFolder();
    const { ready, stderr } = await start(['--records', join(dir, 'nowhere', 'records.ndjson')]);
    expect(ready).toBeNull();
    expect(stderr()).toMatch(/records\.ndjson: --records cannot be written \(ENOENT\)/);
  });

  it('stands for the server names that are given', async () => {
    const dir = newFolder();
    const serverName = 'global.azure-devices-provisioning.net';
    const started = await start(['--server-name', serverName, '--server-name', '192.0.2.7', '--ca-dir', dir]);
    const port = Number(started.ready?.['port']);
    const caPem = readFileSync(join(dir, 'ca.pem'), 'utf8');
    const device = await ScriptedDevice.open({ host: '127.0.0.1', port, caPem }, { servername: serverName });
    expect(device.socket.authorized).toBe(true);
    device.close();
    expect(await stop(started)).toBe(0);
  });

  it('lives on when nobody reads its log any more', async () => {
    const dir = newFolder();
    const started = await start(['--ca-dir', dir]);
    started.child.stderr?.destroy();
    const port = Number(started.ready?.['port']);
    const caPem = readFileSync(join(dir, 'ca.pem'), 'utf8');
    for (const _ of [1, 2]) {
      const device = await ScriptedDevice.open({ host: 'localhost', port, caPem });
      expect(await device.exchange({ cmd: 'pingreq' })).toBeNull();
    }
    expect(await stop(started)).toBe(0);
  });

  it('takes the group key from the environment, white space around it aside, and removes a CA folder of its own', async () => {
    const started = await start(['--retry-after', '7'], { DPSLOAD_GROUP_KEY: ` ${GROUP_KEY}\n` });
    const caFile = String(started.ready?.['caFile']);
    await register(Number(started.ready?.['port']), caFile, '0ne0000E000', GROUP_KEY);
    expect(await stop(started)).toBe(0);
    expect(existsSync(caFile)).toBe(false);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s', async (signal) => {
    const { child } = await start([]);
    const exited = once(child, 'exit');
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  });

  it('ends when the process that started it is gone', async () => {
    const { child } = await start([]);
    const exited = once(child, 'exit');
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });

  it('ends when the process that started it is gone before it listens', async () => {
    const child = spawn(process.execPath, [MAIN, 'emulator', '--port', '0'], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
    child.disconnect();
    try {
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('emulates what the configuration file says', async () => {
    const dir = newFolder();
    const config = join(dir, 'emulator.yaml');
    const records = join(dir, 'records.ndjson');
    writeFileSync(join(dir, 'line-a.key'), GROUP_KEY);
    writeFileSync(
      config,
      `version: 1
behavior: { retryAfter: 7s }
instances:
  - idScope: 0ne00333333
    enrollmentGroups:
      - { enrollmentGroupId: line-a, attestation: { symmetricKey: { primaryKeyFile: line-a.key } } }
faults: [{ fault: duplicate-answer }]
`,
    );
    const started = await start(['--config', config, '--records', records]);
    expect(started.ready).toMatchObject({ idScope: '0ne00333333', enrollmentGroups: ['line-a'] });
    const { port, caFile } = started.ready ?? {};
    await register(Number(port), String(caFile), '0ne00333333', GROUP_KEY);
    expect(await stop(started)).toBe(0);
    const kinds = readFileSync(records, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual(['registration', 'fault', 'counters']);
  });

  it('lists every wrong option at once', async () => {
    const { ready, stderr } = await start([
      '--retry-after',
      'soon',
      '--id-scope',
      'x',
      '--port',
      '70000',
      '--server-name',
      'a b',
    ]);
    expect(ready).toBeNull();
    for (const option of ['--retry-after', '--id-scope', '--port', '--server-name']) expect(stderr()).toContain(option);
  });

  it('refuses a bad key without quoting it', async () => {
    const { ready, stderr } = await start([], { DPSLOAD_GROUP_KEY: 'tooShort' });
    expect(ready).toBeNull();
    expect(stderr()).toMatch(/from DPSLOAD_GROUP_KEY, decodes to 6 bytes; keys have 16 to 64/);
    expect(stderr()).not.toContain('tooShort');
  });
});
