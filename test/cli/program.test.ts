import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { isSignedWith, parseSasToken } from '../../src/dps/sas-token.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = Buffer.alloc(32, 5).toString('base64');
const folder = temporaryFolder();
const fleet = join(folder, 'fleet.csv');
writeFileSync(fleet, 'registration_id\na\nb\n');

const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

describe('dpsload', () => {
  it.each<[string, readonly string[], number, RegExp, RegExp]>([
    ['its version', ['--version'], 0, new RegExp(`^${version}\n$`), /^$/],
    ['its help', ['--help'], 0, /Usage: dpsload[\s\S]*run[\s\S]*emulator[\s\S]*fleet[\s\S]*sas/, /^$/],
    ['help of a command', ['help', 'run'], 0, /Usage: dpsload run[\s\S]*Exit codes:/, /^$/],
    ['help of run', ['run', '--help'], 0, /DPSLOAD_CONCURRENCY/, /^$/],
    ['help in place of a command', [], 2, /^$/, /Usage: dpsload/],
    ['an unknown command', ['rnu'], 2, /^$/, /unknown command 'rnu'/],
    ['what was meant', ['run', '--rat', '1/s'], 2, /^$/, /unknown option '--rat'[\s\S]*Did you mean --rate/],
    ['a missing value', ['run', '--host'], 2, /^$/, /argument missing/],
    ['an excess argument', ['run', 'a', 'b'], 2, /^$/, /too many arguments/],
    ['options that exclude each other', ['run', '--dry-run', '--json'], 2, /^$/, /--dry-run[\s\S]*--json/],
    ['a missing scenario', ['run', '-s', 'nowhere.yaml'], 2, /^$/, /nowhere\.yaml: no such file/],
  ])('prints %s', async (_, args, code, stdout, stderr) => {
    const ended = await dpsload(args);
    expect(ended.stdout).toMatch(stdout);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.code).toBe(code);
  });
});

describe('run', () => {
  it('prints its settings with --print-config, from all sources, without reading the fleet', async () => {
    const scenario = join(folder, 's.yaml');
    writeFileSync(scenario, 'version: 1\nload: { rate: 5/s, workers: 1 }\n');
    const env = { DPSLOAD_SCENARIO: scenario, DPSLOAD_ATTEMPTS: '7', DPSLOAD_GROUP_KEY: KEY };
    const args = ['run', 'nowhere.csv', '--emulator', '--deadline', '9s', '--no-header', '--print-config'];
    const { code, stdout, stderr } = await dpsload(args, { env, cwd: folder });
    expect([code, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toMatchObject({
      version: 1,
      target: { emulator: {} },
      attestation: { kind: 'group-key', keyVariable: 'DPSLOAD_GROUP_KEY' },
      fleet: { file: expect.stringMatching(/nowhere\.csv$/), header: false },
      load: { rate: '5/s', concurrency: 'auto', workers: 1 },
      registration: { attempts: 7, deadline: '9s' },
    });
    expect(stdout).not.toContain(KEY);
  });

  it('takes --map several times', async () => {
    const args = ['run', fleet, '--emulator', '--map', 'group=A', '--map', 'registration_id=B', '--print-config'];
    expect(parse((await dpsload(args)).stdout)).toMatchObject({
      fleet: { columns: { group: 'A', registration_id: 'B' } },
    });
  });

  it('says with --dry-run what it would do, and does nothing of it', async () => {
    const out = join(folder, 'out');
    const { code, stdout, stderr } = await dpsload(['run', fleet, '--emulator', '--out', out, '--dry-run']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/EMULATOR[\s\S]*2 rows[\s\S]*nothing was opened/);
    expect(stdout).toMatch(/^warning +without a rate, .*\(coordinated omission\)\. Set --rate /m);
    expect(existsSync(out)).toBe(false);
  });
});

describe('fleet generate', () => {
  it('writes to stdout, or to a file that is not there yet', async () => {
    const file = join(folder, 'made.csv');
    const expected = 'registration_id\nx-000001\nx-000002\n';
    expect(await dpsload(['fleet', 'generate', '-n', '2', '--prefix', 'x'])).toEqual({
      code: 0,
      stdout: expected,
      stderr: '',
    });
    expect(await dpsload(['fleet', 'generate', '-n', '2', '--prefix', 'x', '-o', file])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(file, 'utf8')).toBe(expected);
    const again = await dpsload(['fleet', 'generate', '-n', '3', '-o', file]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('made.csv: already exists') });
    expect(readFileSync(file, 'utf8')).toBe(expected);
  });
});

describe('sas', () => {
  const device = ['sas', '--id-scope', '0ne00111111', '--registration-id', 'dev-1'];
  const keyFile = join(folder, 'k');
  writeFileSync(keyFile, `${KEY}\n`);

  it.each<[string, readonly string[], Record<string, string>, string]>([
    ['a group key of the environment', [], { DPSLOAD_GROUP_KEY: KEY }, deriveDeviceKey(KEY, 'dev-1')],
    ['a device key of the environment', [], { DPSLOAD_DEVICE_KEY: KEY }, KEY],
    ['a group key file', ['--group-key-file', keyFile], {}, deriveDeviceKey(KEY, 'dev-1')],
    ['a group key file of the environment', [], { DPSLOAD_GROUP_KEY_FILE: keyFile }, deriveDeviceKey(KEY, 'dev-1')],
    [
      'a device key file, stronger than the environment',
      ['--device-key-file', keyFile],
      { DPSLOAD_GROUP_KEY: KEY },
      KEY,
    ],
  ])('prints the token alone, signed with %s', async (_, args, env, deviceKey) => {
    const { code, stdout, stderr } = await dpsload([...device, '--expires-in', '2h', ...args], { env });
    expect([code, stderr]).toEqual([0, '']);
    const token = parseSasToken(stdout.replace(/\n$/, ''));
    if (token === null) return expect.fail(stdout);
    expect(token.resource).toBe('0ne00111111/registrations/dev-1');
    expect(isSignedWith(token, deviceKey)).toBe(true);
    expect(Math.abs(token.expiryEpochSeconds - Date.now() / 1_000 - 7_200)).toBeLessThan(60);
    expect(stdout).not.toContain(KEY);
  });

  it('says on stderr with --mqtt what else an MQTT tool needs', async () => {
    const { code, stdout, stderr } = await dpsload([...device, '--mqtt'], { env: { DPSLOAD_GROUP_KEY: KEY } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^SharedAccessSignature \S+\n$/);
    for (const part of [
      '0ne00111111/registrations/dev-1/api-version=2021-06-01',
      '$dps/registrations/res/#',
      '$dps/registrations/PUT/iotdps-register/?$rid=1',
      '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=',
    ]) {
      expect(stderr).toContain(part);
    }
  });
});
