import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { certsCommand } from '../../src/cli/commands/certs-command.ts';
import { checkCommand } from '../../src/cli/commands/check-command.ts';
import { compareCommand } from '../../src/cli/commands/compare-command.ts';
import { fleetCommand } from '../../src/cli/commands/fleet-command.ts';
import { reportCommand } from '../../src/cli/commands/report-command.ts';
import { resumeCommand } from '../../src/cli/commands/resume-command.ts';
import { runCommand } from '../../src/cli/commands/run-command.ts';
import { runsCommand } from '../../src/cli/commands/runs-command.ts';
import { sasCommand } from '../../src/cli/commands/sas-command.ts';
import { refuseSecretFileNames } from '../../src/cli/host/secret-file-names.ts';
import { operatorError } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = Buffer.alloc(32, 5).toString('base64');
const folder = temporaryFolder();

/** Writes a file of the operator's, and names it. */
function given(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const notAKey = given('fleet.csv', 'registration_id\na\n');

afterEach(() => {
  vi.unstubAllEnvs();
});

async function refusal(command: Command, args: readonly string[]): Promise<string> {
  const { kind, message, problems } = await operatorError(() => command.parseAsync(args, { from: 'user' }));
  expect(kind).toBe('usage');
  expect(problems.filter(({ remedy }) => remedy === null)).toEqual([]);
  expect(message).not.toContain(KEY);
  return message;
}

describe('fleet generate', () => {
  it.each([
    [['-n', '0'], '--count "0" is not a whole number'],
    [['-n', '10000001'], '--count "10000001" is not a whole number'],
    [['-n', '1', '--prefix', 'a b'], 'contains " "'],
    [['-n', '1', '--prefix', 'x'.repeat(125)], 'characters long'],
    [['-n', '1', '-o', join(folder, 'no/where.csv')], 'cannot be written (ENOENT)'],
    [['-n', '1', '-o', folder], 'already exists'],
  ])('refuses %j', async (args, message) => {
    expect(await refusal(fleetCommand(), ['generate', ...args])).toContain(message);
  });
});

describe('run', () => {
  const environment = { DPSLOAD_GROUP_KEY: KEY };
  const service = ['--host', 'dps.example.invalid', '--id-scope', '0ne00000001'];
  const fleet = given('two.csv', 'registration_id\ndev-1\ndev-2\n');

  // The program itself: test/e2e/refused-runs.
  it.each<[name: string, args: readonly string[], environment: Record<string, string>, expected: RegExp[]]>([
    ['two targets', [fleet, '--emulator', ...service], environment, [/emulator/, /host/]],
    [
      'two targets, one from the environment',
      [fleet, '--emulator'],
      { ...environment, DPSLOAD_HOST: 'dps.example.invalid', DPSLOAD_ID_SCOPE: '0ne00000001' },
      [/DPSLOAD_HOST/],
    ],
    ['a host without ID scope', [fleet, '--host', 'dps.example.invalid'], environment, [/--id-scope/]],
    ['a bad ID scope', [fleet, '--host', 'h', '--id-scope', 'zero'], environment, [/0ne/]],
    ['no fleet', ['--emulator'], {}, [/FLEET\.csv|fleet/]],
    ['a missing fleet', [join(folder, 'nowhere.csv'), '--emulator'], {}, [/nowhere\.csv/]],
    ['a folder as fleet', [folder, '--emulator'], {}, [/folder|directory/i]],
    ['an empty fleet', [given('empty.csv', ''), '--emulator'], {}, [/empty\.csv/]],
    ['a fleet of a header', [given('head.csv', 'registration_id\n'), '--emulator'], {}, [/head\.csv/]],
    [
      'no registration_id column',
      [given('column.csv', 'Serial,x\n1,2\n'), '--emulator'],
      {},
      [/column\.csv:1/, /--map registration_id=Serial|registration_id/],
    ],
    [
      'a column twice',
      [given('twice.csv', 'registration_id,registration_id\na,b\n'), '--emulator'],
      {},
      [/twice\.csv:1/],
    ],
    [
      'a column that resembles a known one',
      [given('near.csv', 'registration_id,Payloads\na,{}\n'), '--emulator'],
      {},
      [/near\.csv:1/, /payload/],
    ],
    [
      'a column that looks like a secret',
      [given('secret.csv', 'registration_id,api_token\na,b\n'), '--emulator'],
      {},
      [/secret\.csv:1/, /api_token/],
    ],
    ['no key for a service', [fleet, ...service], {}, [/DPSLOAD_GROUP_KEY/, /--group-key-file/]],
    ['a bad key', [fleet, ...service], { DPSLOAD_GROUP_KEY: 'not-base64' }, [/base64/]],
    [
      'a key written into a scenario',
      [fleet, '-s', given('key.yaml', `version: 1\nattestation: { kind: group-key, key: ${KEY} }\n`)],
      {},
      [/key\.yaml:2/],
    ],
    ['a missing CA file', [fleet, ...service, '--ca', join(folder, 'no-ca.pem')], environment, [/no-ca\.pem/]],
    ['an option of the wrong kind', [fleet, '--emulator', '-c', 'many'], {}, [/concurrency/]],
  ])('refuses %s', async (_, args, variables, expected) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const out = join(folder, 'out');
    const message = await refusal(runCommand(), [...args, '--out', out]);
    for (const pattern of expected) expect(message).toMatch(pattern);
    expect(existsSync(out)).toBe(false);
  });
});

describe('sas', () => {
  const device = ['--id-scope', '0ne00111111', '--registration-id', 'dev-1'];
  it.each<[string, readonly string[], Record<string, string>, readonly string[]]>([
    ['no key', device, {}, ['no key given', 'DPSLOAD_GROUP_KEY']],
    ['two keys', device, { DPSLOAD_GROUP_KEY: KEY, DPSLOAD_DEVICE_KEY: KEY }, ['more than one key']],
    ['two files', [...device, '--group-key-file', 'a', '--device-key-file', 'b'], {}, ['more than one key']],
    ['no key in the file', [...device, '--group-key-file', notAKey], {}, ['fleet.csv: the group key is not base64']],
    ['a missing file', [...device, '--device-key-file', join(folder, 'no')], {}, ['no: the device key', 'ENOENT']],
    ['a bad key', device, { DPSLOAD_GROUP_KEY: 'nonsense' }, ['DPSLOAD_GROUP_KEY']],
    ['no ID scope', ['--registration-id', 'a'], { DPSLOAD_GROUP_KEY: KEY }, ['no ID scope given']],
    [
      'all mistakes at once',
      ['--id-scope', 'x', '--registration-id', 'a b', '--expires-in', '1'],
      {},
      ['--id-scope "x"', 'contains " "', '--expires-in "1"', 'no key given'],
    ],
  ])('refuses %s', async (_, args, environment, parts) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const message = await refusal(sasCommand(), args);
    for (const part of parts) expect(message).toContain(part);
  });
});

describe('check', () => {
  it.each(['0', '101', 'one'])('refuses --try %s', async (count) => {
    const message = await refusal(checkCommand(), [notAKey, '--emulator', '--try', count]);
    expect(message).toMatch(/--try .* is not a whole number from 1 to 100/);
  });
});

describe('certs', () => {
  const issuer = ['--issuer-cert-file', 'a', '--issuer-key-file', 'b'];
  it.each<[readonly string[], RegExp]>([
    [['create', '--intermediate', '../x'], /--intermediate "\.\.\/x" is not allowed/],
    [['create', '--intermediate', 'root'], /--intermediate "root" is not allowed/],
    [['create', '--key', 'dsa', '--days', '0'], /--key "dsa" is not .*\n.*--days "0" is not/],
    [['issue', notAKey], /no issuer given/],
    [['issue', notAKey, ...issuer, '--defect', 'x'], /--defect "x" is not/],
    [['issue', notAKey, ...issuer, '--csv', notAKey], /the new CSV would overwrite the fleet CSV/],
  ])('refuses %j', async (args, message) => {
    expect(await refusal(certsCommand(), [...args, '-o', join(folder, 'none')])).toMatch(message);
  });
});

describe('what works on earlier runs', () => {
  const missing = join(folder, 'none');
  it.each<[string, () => Command, readonly string[], RegExp]>([
    ['resume: no run', resumeCommand, [], /no run given/],
    ['resume: two runs', resumeCommand, ['somewhere', '--last'], /both a run and --last/],
    ['resume: a folder that is no run', resumeCommand, [folder], /run\.json: does not exist/],
    ['resume: an out folder without runs', resumeCommand, ['--last', '--out', folder], /contains no run/],
    ['report: a folder that does not exist', reportCommand, [missing], /no journal found/],
    ['report: a folder of no run', reportCommand, [folder], /no journal found/],
    ['report: no folder', reportCommand, [], /no run given/],
    ['report: several runs without --out', reportCommand, [folder, folder], /Name one with --out DIR/],
    ['report: --check of no run', reportCommand, ['--check'], /exactly one run/],
    ['report: --check of two runs', reportCommand, ['--check', folder, folder], /exactly one run/],
    ['report: --check without SHA256SUMS', reportCommand, ['--check', folder], /does not exist/],
    ['runs: a folder that does not exist', runsCommand, [missing], /does not exist/],
    [
      'compare: a folder without a run',
      compareCommand,
      [folder, folder],
      /has no readable summary\.json.*dpsload report/s,
    ],
    [
      'compare: a tolerance that is not a percentage',
      compareCommand,
      [folder, folder, '--tolerance', '10'],
      /"10" is not/,
    ],
  ])('refuses %s', async (_, command, args, message) => {
    expect(await refusal(command(), args)).toMatch(message);
  });
});

describe('a secret where the name of a file belongs', () => {
  it.each([
    KEY,
    'SharedAccessSignature sr=scope&sig=bm90IGEgZmlsZQ%3D%3D&se=1',
  ])('is refused in each use of a repeatable option: %s', async (secret) => {
    const command = checkCommand().hook('preAction', (_, acting) => refuseSecretFileNames(acting));
    const message = await refusal(command, ['fleet.csv', '--enrollment-ca', 'ca.pem', '--enrollment-ca', secret]);
    expect(message).toContain('--enrollment-ca');
    expect(message).toContain('is a secret, not the name of a file');
    expect(message).not.toContain('sig=bm');
  });
});
