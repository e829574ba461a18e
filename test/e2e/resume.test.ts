import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { freePort } from '../support/free-port.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

function fleetFile(name: string, rows: number): string {
  const ids = Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('');
  writeFileSync(path(`${name}.csv`), `registration_id\n${ids}`);
  return path(`${name}.csv`);
}

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

const runArgsAt = (at: EmulatorProgram, fleet: string, ...options: string[]): string[] => [
  ...['run', fleet, ...targetArgs(at), '--quiet', '-w', '1', '--out', `${fleet}-out`, ...options],
];
const runArgs = (fleet: string, ...options: string[]): string[] => runArgsAt(emulator, fleet, ...options);

const resultsOf = (run: string) => readResultRows(join(run, 'registrations.csv'));

/** A run of `rows` devices that `--limit` ended after the first `limit`. */
async function limitedRun(name: string, rows: number, limit: number) {
  const fleet = fleetFile(name, rows);
  const { code, stderr } = await dpsload(runArgs(fleet, '--limit', String(limit)), { env: GROUP_KEY_ENV });
  expect(stderr).toMatch(/^results: /m);
  expect(stderr).not.toContain('resume: ');
  expect(stderr).toMatch(/\nverdict: \d+ of \d+ devices assigned; \d+ not selected\n$/);
  expect(code).toBe(0);
  return { fleet, run: onlyRunFolder(`${fleet}-out`) };
}

describe('a run that was killed', () => {
  const KILLED_ROWS = 300;

  it('goes on in the same journal; every device is registered, and those that may be so twice are marked', async () => {
    // Ten seconds: a busy machine has killed it by then.
    const fleet = fleetFile('killed', KILLED_ROWS);
    const { child, ended } = startDpsload(runArgs(fleet, '-r', '30/s', '--expect', 'new', '--max-surprises', '0'), {
      env: GROUP_KEY_ENV,
    });
    const out = `${fleet}-out`;
    const outcomes = (): number => {
      try {
        return readFileSync(join(onlyRunFolder(out), 'journal.ndjson'), 'utf8').split('"kind":"outcome"').length - 1;
      } catch {
        return 0;
      }
    };
    while (outcomes() < 10) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await ended;
    const refused = await dpsload(runArgs(fleet), { env: GROUP_KEY_ENV });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`dpsload resume ${onlyRunFolder(out)}`);
    // What the environment says now does not aim it elsewhere.
    const aimed = { ...GROUP_KEY_ENV, DPSLOAD_HOST: 'dps.example.invalid', DPSLOAD_ID_SCOPE: '0ne00000009' };
    const resumed = await dpsload(['resume', '--last', '--out', out, '--rate', '300/s'], { env: aimed });
    expect(resumed.stderr).toMatch(
      /^Session 2 of the run: \d+ registrations are left; \d+ of them (?:was|were) possibly sent/m,
    );
    expect(resumed.code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.map((row) => row['result'])).toEqual(Array.from({ length: KILLED_ROWS }, () => 'assigned'));
    const again = rows.filter((row) => row['substatus'] !== 'initialAssignment');
    expect(again.every((row) => row['possibly_twice'] === 'true')).toBe(true);
    const journal = readLines<{ kind: string; session?: number }>(join(onlyRunFolder(out), 'journal.ndjson'));
    expect(journal.flatMap(({ kind, session }) => (kind === 'session' ? [session] : []))).toEqual([1, 2]);
    const nothing = await dpsload(['resume', onlyRunFolder(out)], { env: GROUP_KEY_ENV });
    expect(nothing).toMatchObject({ code: 0, stdout: resumed.stdout });
    expect(nothing.stderr).toContain('Nothing is left to do');
  });
});

describe('a run that its limit ended', () => {
  it('goes on up to a higher one', async () => {
    const { run } = await limitedRun('limit', 12, 4);
    const same = await dpsload(['resume', run], { env: GROUP_KEY_ENV });
    expect(same.stderr).toContain('Nothing is left to do');
    const raised = await dpsload(['resume', run, '--limit', '9', '--quiet'], { env: GROUP_KEY_ENV });
    expect(raised.code).toBe(0);
    expect(resultsOf(run).map((row) => row['result'])).toEqual([
      ...Array.from({ length: 9 }, () => 'assigned'),
      ...Array.from({ length: 3 }, () => 'not-started'),
    ]);
    expect(resultsOf(run).every((row) => row['possibly_twice'] === 'false')).toBe(true);
  });

  it('does not go on with a fleet whose rows were changed', async () => {
    const { fleet, run } = await limitedRun('changed', 6, 2);
    writeFileSync(fleet, readFileSync(fleet, 'utf8').replace('changed-5', 'changed-9'));
    const { code, stderr } = await dpsload(['resume', run, '--limit', '6'], { env: GROUP_KEY_ENV });
    expect(code).toBe(2);
    expect(stderr).toMatch(/changed\.csv: is no longer the fleet that the run began with/);
  });

  it('does not go on with another list of --only, even one of which nothing is left to do', async () => {
    const fleet = fleetFile('listed', 6);
    const only = path('listed-only.csv');
    writeFileSync(only, 'registration_id\nlisted-1\nlisted-2\nlisted-3\n');
    expect((await dpsload(runArgs(fleet, '--only', only, '--limit', '1'), { env: GROUP_KEY_ENV })).code).toBe(0);
    const run = onlyRunFolder(`${fleet}-out`);
    const resume = () => dpsload(['resume', run, '--limit', '9', '--quiet'], { env: GROUP_KEY_ENV });
    const list = readFileSync(only);
    writeFileSync(only, 'registration_id\nlisted-1\n');
    const refused = await resume();
    expect(refused.stderr).toContain(`${only}: is no longer the list that the run began with`);
    expect(refused.code).toBe(2);
    writeFileSync(only, list);
    expect((await resume()).code).toBe(0);
    const assigned = resultsOf(run).filter((row) => row['result'] === 'assigned');
    expect(assigned.map((row) => row['registration_id'])).toEqual(['listed-1', 'listed-2', 'listed-3']);
  });

  it('goes on with a fleet with added rows as it is told', async () => {
    const { fleet, run } = await limitedRun('added', 6, 2);
    appendFileSync(fleet, 'added-later\n');
    const unsaid = await dpsload(['resume', run, '--limit', '100'], { env: GROUP_KEY_ENV });
    expect(unsaid.code).toBe(2);
    expect(unsaid.stderr).toContain('--added-rows register');
    for (const [addedRows, rows] of [
      ['ignore', 6],
      ['register', 7],
    ] as const) {
      const said = await dpsload(['resume', run, '--limit', '100', '--added-rows', addedRows, '--quiet'], {
        env: GROUP_KEY_ENV,
      });
      expect(said.stderr).toMatch(/^results: /m);
      expect(said.code).toBe(0);
      expect(resultsOf(run).map((row) => row['result'])).toEqual(Array.from({ length: rows }, () => 'assigned'));
    }
  });
});

// They wait, mostly.
describe.concurrent('a run whose service forgot what it had accepted', () => {
  let forgetful: EmulatorProgram;
  beforeAll(async () => {
    // The first poll of each device comes too late for its operation; the next ones need not hurry.
    writeFileSync(
      path('forgetful.yaml'),
      `version: 1
behavior: { retryAfter: 0s, assignmentDelay: 0s, operationLifetime: 3900ms }
instances:
  - idScope: 0ne00000def
    linkedHubs: [{ hostName: hub-a.azure-devices.net }]
    enrollmentGroups:
      - { enrollmentGroupId: line-a, attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } } }
faults:
  - { fault: retry-after, at: [register], value: '4', timesPerDevice: 1 }
`,
    );
    forgetful = await startEmulatorProgram(['-c', path('forgetful.yaml')], GROUP_KEY_ENV);
  });
  afterAll(() => forgetful.stop());

  const runForgotten = (name: string, ...options: string[]) =>
    dpsload(runArgsAt(forgetful, fleetFile(name, 10), '--expect', 'new', '--max-surprises', '0', ...options), {
      env: GROUP_KEY_ENV,
    });

  it('marks what it registered again, and takes nothing of it for known before', async () => {
    expect((await runForgotten('forgotten')).code).toBe(0);
    const rows = resultsOf(onlyRunFolder(`${path('forgotten.csv')}-out`));
    expect(rows.map((row) => [row['result'], Number(row['registers_sent']) > 1, row['possibly_twice']])).toEqual(
      Array.from({ length: 10 }, () => ['assigned', true, 'true']),
    );
  });

  it('marks what it registers when it goes on', async () => {
    // Without another register request of its own.
    writeFileSync(path('given-up.yaml'), 'version: 1\nregistration: { requestRetries: 0 }\n');
    const first = await runForgotten('given-up', '-s', path('given-up.yaml'));
    expect(first.code).toBe(3);
    const run = onlyRunFolder(`${path('given-up.csv')}-out`);
    const rows = () => resultsOf(run).map((row) => [row['result'], row['registers_sent'], row['error_code']]);
    expect(rows()).toEqual(Array.from({ length: 10 }, () => ['failed', '1', '404203']));
    const resumed = await dpsload(['resume', run, '--retry-failed', '--quiet'], { env: GROUP_KEY_ENV });
    expect(resumed.code).toBe(0);
    expect(rows()).toEqual(Array.from({ length: 10 }, () => ['assigned', '1', '']));
    expect(resultsOf(run).every((row) => row['possibly_twice'] === 'true')).toBe(true);
  });
});

describe('a run with devices that the service did not take', () => {
  const DEVICE_KEY = Buffer.alloc(32, 7).toString('base64');

  /** An emulator at one address for all its lives, in which `off` is disabled or enabled. */
  async function emulatorAt(port: number, offIs: 'disabled' | 'enabled'): Promise<EmulatorProgram> {
    const config = path(`${offIs}.yaml`);
    writeFileSync(
      config,
      `version: 1
behavior: { retryAfter: 0s }
instances:
  - idScope: 0ne00000abc
    linkedHubs: [{ hostName: hub-a.azure-devices.net }]
    enrollmentGroups:
      - { enrollmentGroupId: line-a, attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } } }
    individualEnrollments:
      - registrationId: off
        provisioningStatus: ${offIs}
        attestation: { symmetricKey: { primaryKeyVariable: OFF_KEY } }
faults:
  - { fault: fail-assignment, errorCode: 400207, registrationIds: broken, timesPerDevice: 1 }
`,
    );
    const args = ['-c', config, '--port', String(port), '--ca-dir', path('retry-ca')];
    return startEmulatorProgram(args, { ...GROUP_KEY_ENV, OFF_KEY: DEVICE_KEY });
  }

  it('asks again for those only when it is told to', async () => {
    const fleet = path('retry.csv');
    writeFileSync(fleet, `registration_id,device_key\nfine,\nbroken,\noff,${DEVICE_KEY}\n`);
    const out = path('retry-out');
    const first = await emulatorAt(await freePort(), 'disabled');
    const run = await dpsload(['run', fleet, ...targetArgs(first), '--quiet', '-o', out], {
      env: GROUP_KEY_ENV,
    });
    expect(run.code).toBe(3);
    const results = (): readonly (string | undefined)[] => resultsOf(onlyRunFolder(out)).map((row) => row['result']);
    expect(results()).toEqual(['assigned', 'failed', 'disabled']);
    const resume = (...options: string[]) =>
      dpsload(['resume', onlyRunFolder(out), ...options], { env: GROUP_KEY_ENV });
    expect(await resume()).toMatchObject({ code: 3, stderr: expect.stringContaining('Nothing is left to do') });
    expect((await resume('--retry-failed', '--quiet')).code).toBe(3);
    expect(results()).toEqual(['assigned', 'assigned', 'disabled']);
    await first.stop();
    const mended = await emulatorAt(first.port, 'enabled');
    expect((await resume('--retry-disabled', '--quiet')).code).toBe(0);
    await mended.stop();
    expect(results()).toEqual(['assigned', 'assigned', 'assigned']);
    // What the service ended itself was not registered the first time.
    expect(resultsOf(onlyRunFolder(out)).map((row) => row['possibly_twice'])).toEqual(['false', 'false', 'false']);
  });
});

describe('resume refuses', () => {
  it.each<[string, string[], RegExp]>([
    ['another target', ['--last', '--host', 'dps.example.invalid'], /unknown option '--host'/],
    ['another fleet', ['somewhere', 'fleet.csv'], /too many arguments/],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await dpsload(['resume', ...args], { env: GROUP_KEY_ENV });
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('a folder in which another dpsload is at work', async () => {
    const fleet = fleetFile('locked', 100);
    const { child, ended } = startDpsload(runArgs(fleet, '-r', '5/s'), { env: GROUP_KEY_ENV });
    const journal = (): string => join(onlyRunFolder(`${fleet}-out`), 'journal.ndjson');
    const exists = (): boolean => {
      try {
        return readFileSync(journal(), 'utf8').includes('"kind":"grant"');
      } catch {
        return false;
      }
    };
    while (!exists()) await new Promise((resolve) => setTimeout(resolve, 20));
    const { code, stderr } = await dpsload(['resume', '--last', '--out', `${fleet}-out`], { env: GROUP_KEY_ENV });
    expect(stderr).toContain(`another dpsload is working in this folder: process ${child.pid} on `);
    expect(code).toBe(1);
    child.kill('SIGKILL');
    await ended;
  });
});
