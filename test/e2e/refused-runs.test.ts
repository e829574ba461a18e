import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startEmulatorProgram } from '../support/dpsload-program.ts';
import { freePort } from '../support/free-port.ts';
import { GROUP_KEY, GROUP_KEY_ENV } from '../support/group-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const out = join(folder, 'out');
const fleet = join(folder, 'fleet.csv');

/** Writes a file of the operator's, and names it. */
function given(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

beforeAll(() => {
  given('fleet.csv', 'registration_id\ndev-1\ndev-2\n');
});

/** What a refused run leaves behind: nothing. */
function expectNothingWritten(): void {
  expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
}

describe('a mistake of the operator ends with 2, says what to do, and leaves nothing behind', () => {
  // The others: test/cli/refusals.
  it.each<[name: string, args: () => string[], env: Record<string, string>, expected: RegExp[]]>([
    ['no target', () => [fleet], GROUP_KEY_ENV, [/--emulator/, /--host/]],
    [
      'all bad rows at once',
      () => [
        given('rows.csv', 'registration_id,device_key\nok,\nbad id,\nDev-9,\ndev-9,\nkey,bm90IGxvbmc=\n'),
        '--emulator',
      ],
      {},
      [/rows\.csv:3/, /rows\.csv:5/, /rows\.csv:6/, /16 to 64/],
    ],
    [
      'all mistakes of a scenario at once',
      () => [fleet, '-s', given('bad.yaml', 'version: 1\nlod: {}\nload:\n  rate: fast\n  concurrency: -1\n')],
      GROUP_KEY_ENV,
      [/bad\.yaml:2:1/, /bad\.yaml:4:/, /bad\.yaml:5:/, /load/],
    ],
    ['an unknown option', () => [fleet, '--emulator', '--turbo'], {}, [/--turbo/]],
  ])('%s', async (_name, args, env, expected) => {
    const { code, stdout, stderr } = await dpsload(['run', ...args(), '--out', out], { env });
    for (const pattern of expected) expect(stderr).toMatch(pattern);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toContain(GROUP_KEY);
    expect(stderr).not.toMatch(/\n +at /);
    expectNothingWritten();
  });

  it('a mistake in the embedded emulator’s configuration', async () => {
    const config = given('emulator.yaml', 'version: 1\ninstances:\n  - idscope: 0ne00000001\n');
    const { code, stderr } = await dpsload(['run', fleet, '--emulator', '--emulator-config', config, '--out', out], {
      env: GROUP_KEY_ENV,
    });
    expect(stderr).toMatch(/emulator\.yaml:3:/);
    expect(stderr).not.toMatch(/\n +at /);
    expect(code).toBe(2);
    expectNothingWritten();
  });

  it.each([
    ['is a file', given('a-file', 'not a folder')],
    ['is within a file', join(folder, 'a-file', 'results')],
    // As in any folder where the system makes none; Windows has no such place to test with.
    ...(process.platform === 'linux' ? [['is in /proc', '/proc/results']] : []),
  ])('an out folder that %s', async (_, place) => {
    const { code, stderr } = await dpsload(['run', fleet, '--emulator', '--out', String(place)]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${place}: the results folder cannot be written`);
    expect(stderr).toMatch(/--out/);
    expect(stderr.split('\n').filter((line) => line !== '')).toHaveLength(1);
  });
});

describe('a target that cannot be used ends with 4, says why, and leaves nothing behind', () => {
  let emulator: EmulatorProgram;
  beforeAll(async () => {
    emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
    mkdirSync(out, { recursive: true });
  });
  afterAll(() => emulator.stop());

  const runAgainst = (port: number, scope: string, ...more: string[]) =>
    dpsload(['run', fleet, '--host', '127.0.0.1', '--port', String(port), '--id-scope', scope, '--out', out, ...more], {
      env: GROUP_KEY_ENV,
    });

  it('nobody listens', async () => {
    const { code, stderr } = await runAgainst(await freePort(), emulator.idScope);
    expect(stderr).toMatch(/refused/i);
    expect(code).toBe(4);
    expectNothingWritten();
  });

  it('the host has no address', async () => {
    const { code, stderr } = await dpsload(
      ['run', fleet, '--host', 'no-such-host.invalid', '--id-scope', emulator.idScope, '--out', out],
      { env: GROUP_KEY_ENV },
    );
    expect(stderr).toMatch(/no-such-host\.invalid/);
    expect(code).toBe(4);
    expectNothingWritten();
  });

  it('the certificate is of an unknown CA', async () => {
    const { code, stderr } = await runAgainst(emulator.port, emulator.idScope);
    expect(stderr).toMatch(/--ca/);
    expect(code).toBe(4);
    expectNothingWritten();
  });

  it('the ID scope is wrong', async () => {
    const { code, stderr } = await runAgainst(emulator.port, '0neFFFFFFFF', '--ca', emulator.caFile);
    expect(stderr).toMatch(/ID scope/);
    expect(code).toBe(4);
    expectNothingWritten();
  });
});
