import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken, signedToken } from '../../src/dps/sas-token.ts';
import { WELL_KNOWN_GROUP_KEY } from '../../src/emulator/config/emulator-defaults.ts';
import { dpsload, startDpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import { isRunning } from '../support/process-tree.ts';
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

/** By `close`, unlike by `exit`, all that it said has been read. */
async function stop({ child }: Started): Promise<number | null> {
  const closed = once(child, 'close');
  child.send({ type: 'stop' });
  const [code] = await closed;
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
      pid: started.child.pid,
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

  it('offers the service API with the key that is there, and names the file with the connection string', async () => {
    const dir = newFolder();
    const file = join(dir, 'service.connection');
    const policy = `SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=${GROUP_KEY}`;
    writeFileSync(file, `HostName=localhost:1;${policy}`);
    const started = await start(['--ca-dir', dir, '--service-port', '0']);
    const { servicePort, serviceConnectionFile, caFile } = started.ready ?? {};
    expect(serviceConnectionFile).toBe(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe(`HostName=127.0.0.1:${servicePort};${policy}\n`);
    const resource = {
      hostname: '127.0.0.1',
      port: Number(servicePort),
      path: '/enrollmentGroups/default?api-version=2021-10-01',
    };
    const authorization = signedToken('127.0.0.1', GROUP_KEY, 4_000_000_000, 'provisioningserviceowner');
    const [answer] = await once(
      get({ ...resource, ca: readFileSync(String(caFile)), headers: { authorization }, agent: false }),
      'response',
    );
    expect(answer.statusCode).toBe(200);
    expect(await stop(started)).toBe(0);
    expect(started.stderr()).not.toContain(GROUP_KEY);
  });

  it('finds out at the start that it cannot write the records at the end', async () => {
    const dir = newFolder();
    const { ready, stderr } = await start(['--records', join(dir, 'nowhere', 'records.ndjson')]);
    expect(ready).toBeNull();
    expect(stderr()).toMatch(/records\.ndjson: --records cannot be written \(ENOENT\)/);
  });

  it('says only that a port is taken, and leaves a whole state file', async () => {
    const dir = newFolder();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const args = ['--port', String(port), '--server-keys', 'ecdsa', '--ca-dir', join(dir, 'ca')];
    const { code, stdout, stderr } = await dpsload(['emulator', ...args, '--state', join(dir, 'state.ndjson')]);
    taken.close();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^cannot listen on 127\.0\.0\.1:.*\n$/);
    expect(readdirSync(dir).sort()).toEqual(['ca', 'state.ndjson']);
    expect(readFileSync(join(dir, 'state.ndjson'), 'utf8')).toMatch(/^\{"kind":"state".*\}\n$/s);
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

  it('--trace shows what the devices do that it names, and what is wrong with that', async () => {
    const dir = newFolder();
    const started = await start(['--ca-dir', dir, '--retry-after', '7', '--trace', 'nobody', '--trace', 'A*']);
    const groupKey = readFileSync(join(dir, 'group.key'), 'utf8').trim();
    await register(Number(started.ready?.['port']), join(dir, 'ca.pem'), '0ne0000E000', groupKey);
    expect(await stop(started)).toBe(0);
    const lines = started.stderr().split('\n');
    const first = lines.findIndex((line) => line.startsWith('a, connection 1 at '));
    const shown = lines.slice(first).flatMap((line) => /^ +(?:\+[\d.]+ +)?([<>!*] +[\w-]+)/.exec(line)?.[1] ?? []);
    expect(shown.slice(0, 6)).toEqual([
      '> CONNECT',
      '!  no-user-agent',
      '!  no-keep-alive',
      '!  token-lifetime',
      '< CONNACK',
      '> SUBSCRIBE',
    ]);
    expect(lines.slice(first).filter((line) => line.length > 80)).toEqual([]);
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
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(100_000) });
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

  it('reads its configuration file again at SIGHUP, and keeps serving if that is wrong', async () => {
    const dir = newFolder();
    const config = join(dir, 'emulator.yaml');
    const write = (hub: string, behavior = 'retryAfter: 7s'): void =>
      writeFileSync(
        config,
        `version: 1
behavior: { assignmentDelay: 0s, ${behavior} }
instances:
  - idScope: 0ne00333333
    linkedHubs: [{ hostName: ${hub} }]
    enrollmentGroups:
      - { enrollmentGroupId: line-a, attestation: { symmetricKey: { primaryKeyFile: line-a.key } } }
`,
      );
    const records = join(dir, 'records.ndjson');
    writeFileSync(join(dir, 'line-a.key'), GROUP_KEY);
    write('first');
    const started = await start(['--config', config, '--records', records]);
    const { port, caFile } = started.ready ?? {};
    const registerAgain = () => register(Number(port), String(caFile), '0ne00333333', GROUP_KEY);
    const reload = async (last: string): Promise<void> => {
      started.child.kill('SIGHUP');
      await expect.poll(started.stderr).toContain(last);
    };
    await registerAgain();
    write('second', 'retryAfter: soon');
    await reload('not used, and nothing has changed');
    expect(started.stderr()).toContain(`${config}:2:46: behavior.retryAfter must be whole seconds such as 3s, or none`);
    await registerAgain();
    write('second');
    await reload(`${config}: read again`);
    expect(started.stderr()).toContain('emulator: changed: linked hubs: second added; first removed\n');
    await registerAgain();
    expect(await stop(started)).toBe(0);
    const [record] = readFileSync(records, 'utf8').split('\n');
    expect(JSON.parse(record ?? '')).toMatchObject({
      registers: 3,
      assignedHub: 'second',
      substatus: 'deviceDataMigrated',
    });
  });

  it('says at SIGHUP that it has no configuration file, and serves on', async () => {
    const started = await start([]);
    started.child.kill('SIGHUP');
    const said = 'SIGHUP: there is no configuration file to read again';
    await expect.poll(started.stderr).toContain(said);
    expect(await stop(started)).toBe(0);
  });

  it('names its files so that they are found from any folder', async () => {
    const dir = newFolder();
    const program = startDpsload(['emulator', '--port', '0', '--ca-dir', 'ca'], { cwd: dir });
    await program.until(({ stdout }) => stdout.includes('\n'));
    expect(JSON.parse(program.stdout())).toMatchObject({
      caFile: join(dir, 'ca', 'ca.pem'),
      groupKeyFile: join(dir, 'ca', 'group.key'),
    });
    program.child.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it('uses the well-known key only when it is asked to, and not in place of another', async () => {
    const dir = newFolder();
    const started = await start(['--ca-dir', dir, '--well-known-key', '--retry-after', '7']);
    expect(started.ready).toMatchObject({ idScope: '0ne0000E000', groupKeyFile: join(dir, 'well-known.key') });
    await register(Number(started.ready?.['port']), join(dir, 'ca.pem'), '0ne0000E000', WELL_KNOWN_GROUP_KEY);
    expect(await stop(started)).toBe(0);
    const again = await start(['--ca-dir', dir]);
    expect(readFileSync(String(again.ready?.['groupKeyFile']), 'utf8').trim()).not.toBe(WELL_KNOWN_GROUP_KEY);
    expect(await stop(again)).toBe(0);
    const both = await start(['--well-known-key', '--group-key-file', join(dir, 'group.key')]);
    expect(both.stderr()).toContain('--well-known-key cannot be combined with --group-key-file');
  });

  it('removes what an emulator left behind that was killed, and nothing else', async () => {
    const TMPDIR = newFolder();
    const killed = await start([], { TMPDIR });
    const folder = dirname(String(killed.ready?.['caFile']));
    const exited = once(killed.child, 'exit');
    killed.child.kill('SIGKILL');
    await exited;
    expect(existsSync(join(folder, 'ca.key'))).toBe(true);
    const running = await start([], { TMPDIR });
    expect(existsSync(folder)).toBe(false);
    const third = await start([], { TMPDIR });
    expect(existsSync(String(running.ready?.['caFile']))).toBe(true);
    expect([await stop(running), await stop(third)]).toEqual([0, 0]);
    expect(readdirSync(TMPDIR)).toEqual([]);
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
      '--exit-with-parent',
      'mother',
      '--exec',
      ' ',
      '--trace',
      'a/b',
      '--http-host',
      '0.0.0.0',
    ]);
    expect(ready).toBeNull();
    const options = [
      '--retry-after',
      '--id-scope',
      '--port',
      '--server-name',
      '--exit-with-parent',
      '--exec',
      '--trace',
      '--http-host has no effect without --http-port',
    ];
    for (const option of options) expect(stderr()).toContain(option);
  });

  it('refuses a bad key without quoting it', async () => {
    const { ready, stderr } = await start([], { DPSLOAD_GROUP_KEY: 'tooShort' });
    expect(ready).toBeNull();
    expect(stderr()).toMatch(/from DPSLOAD_GROUP_KEY, decodes to 6 bytes; keys have 16 to 64/);
    expect(stderr()).not.toContain('tooShort');
  });
});

describe.concurrent('emulator --exec', () => {
  const emulator = (...args: readonly string[]) => ['emulator', '--port', '0', ...args];

  it('runs a command with what it needs to know, then writes the records', async () => {
    const dir = newFolder();
    const records = join(dir, 'records.ndjson');
    const print = 'env | grep ^DPS_ | sort; read -r line; echo "$line"; exit 7';
    const args = emulator(
      '--ca-dir',
      dir,
      '--http-port',
      '0',
      '--service-port',
      '0',
      '--hub-port',
      '0',
      '--records',
      records,
      '--exec',
      print,
    );
    const program = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], DPS_WEBSOCKET_PORT: 'of another emulator' },
    });
    program.stdin.end('from stdin\n');
    const output = program.stdout.setEncoding('utf8').toArray();
    expect(await once(program, 'close')).toEqual([7, null]);
    expect((await output).join('').trim().split('\n')).toEqual([
      `DPS_CA_FILE=${join(dir, 'ca.pem')}`,
      'DPS_ENROLLMENT_GROUP=default',
      `DPS_GROUP_KEY_FILE=${join(dir, 'group.key')}`,
      'DPS_HOST=127.0.0.1',
      expect.stringMatching(/^DPS_HTTP_PORT=\d+$/),
      expect.stringMatching(/^DPS_HUB_PORT=\d+$/),
      'DPS_ID_SCOPE=0ne0000E000',
      expect.stringMatching(/^DPS_PORT=\d+$/),
      `DPS_SERVICE_CONNECTION_FILE=${join(dir, 'service.connection')}`,
      expect.stringMatching(/^DPS_SERVICE_PORT=\d+$/),
      'from stdin',
    ]);
    const lines = readFileSync(records, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).kind)).toEqual(['hub', 'hub', 'hub', 'counters']);
  });

  it.each([
    ['kill -KILL $$', 137],
    ['no-such-program-anywhere', 127],
    ['true', 0],
  ])('ends as the command does: %s', async (command, code) => {
    expect(await dpsload(emulator('--exec', command))).toMatchObject({ code });
  });

  it('passes signals on to all that the command has started, and waits for it', async () => {
    const records = join(newFolder(), 'records.ndjson');
    // The shell itself has no trap: what runs in it is to hear the signal too.
    const command = `sh -c 'trap "echo told; exit 9" TERM; echo started at $DPS_HOST; while :; do sleep 0.1; done'; exit $?`;
    const program = startDpsload(emulator('--host', '0.0.0.0', '--records', records, '--exec', command));
    await program.until(({ stdout }) => stdout.includes('started'));
    program.child.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 143, stdout: 'started at 127.0.0.1\ntold\n' });
    expect(JSON.parse(readFileSync(records, 'utf8'))).toMatchObject({ kind: 'counters' });
  });
});

describe.concurrent('emulator --exit-with-parent', () => {
  /** Lets a shell start the emulator with these arguments, and kills the shell. */
  async function orphaned(args: string): Promise<{ pid: number; records: string }> {
    const records = join(newFolder(), 'records.ndjson');
    const script = `"${process.execPath}" "${MAIN}" emulator --port 0 --records "${records}" ${args} & wait`;
    const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(createInterface(shell.stdout), 'line');
    shell.kill('SIGKILL');
    return { pid: JSON.parse(line).pid, records };
  }

  it.each([
    '--exit-with-parent',
    '--exit-with-parent $$',
  ])('%s: ends in order when the parent was killed', async (args) => {
    const { pid, records } = await orphaned(args);
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(JSON.parse(readFileSync(records, 'utf8'))).toMatchObject({ kind: 'counters' });
  });

  it('otherwise it lives on', async () => {
    const { pid } = await orphaned('');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGTERM');
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('ends at once when the parent is gone already', async () => {
    // No process ID is as high: PID_MAX_LIMIT of Linux is 2^22.
    expect(await dpsload(['emulator', '--port', '0', '--exit-with-parent', '4194305'])).toMatchObject({ code: 0 });
  });
});
