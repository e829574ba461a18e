import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import {
  EMULATOR_GROUP_DEFAULT,
  EMULATOR_ID_SCOPE_DEFAULT,
  WELL_KNOWN_GROUP_KEY,
} from '../../src/emulator/config/emulator-defaults.ts';
import { readEmulatorConfig } from '../../src/emulator/config/read-emulator-config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(new URL('../../src/emulator/README.md', import.meta.url), 'utf8');
const [, filter = ''] = /^jq -es '(.*)' records\.ndjson$/m.exec(README) ?? [];
/** The code blocks of the page in that language. */
const blocks = (language: string): readonly string[] =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

const [EXEC = '', BACKGROUND = ''] = blocks('bash');
const RECIPES = [
  ['with --exec', EXEC],
  ['in the background', BACKGROUND],
] as const;

const root = temporaryFolder();
const hasJq = spawnSync('jq', ['--version']).error === undefined;

/** What the reader of the page has: registers dev-1 as the emulator's variables say, and waits until it is assigned. */
const YOUR_TEST = `#!/usr/bin/env node
const { connectAsync } = require(${JSON.stringify(join(ROOT, 'node_modules', 'mqtt'))});
const { readFileSync } = require('node:fs');
const { DPS_HOST = 'localhost', DPS_PORT, DPS_ID_SCOPE = '0ne0000E000', DPS_CA_FILE = 'ca/ca.pem' } = process.env;
const { DPS_GROUP_KEY_FILE = 'ca/group.key' } = process.env;
(async () => {
  const { buildSasToken, deriveDeviceKey } = await import(${JSON.stringify(join(ROOT, 'dist', 'emulator', 'library.js'))});
  const deviceKey = deriveDeviceKey(readFileSync(DPS_GROUP_KEY_FILE, 'utf8').trim(), 'dev-1');
  const device = await connectAsync(\`mqtts://\${DPS_HOST}:\${DPS_PORT}\`, {
    ca: readFileSync(DPS_CA_FILE),
    clientId: 'dev-1',
    username: \`\${DPS_ID_SCOPE}/registrations/dev-1/api-version=2021-06-01\`,
    password: buildSasToken(DPS_ID_SCOPE, 'dev-1', deviceKey, 4_000_000_000),
  });
  await device.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
  const answer = new Promise((resolve) => device.once('message', (topic) => resolve(topic)));
  await device.publishAsync('$dps/registrations/PUT/iotdps-register/?$rid=1', '', { qos: 1 });
  if (!(await answer).includes('/202/')) process.exitCode = 1;
  // Longer than an assignment takes.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await device.endAsync();
})();
`;

/** A folder of a project that depends on dpsload, with a test. */
function projectFolder(yourTest: string): string {
  const folder = mkdtempSync(join(root, 'project-'));
  const programs = join(folder, 'node_modules', '.bin');
  mkdirSync(programs, { recursive: true });
  const main = join(ROOT, 'dist', 'cli', 'main.js');
  writeFileSync(join(programs, 'dpsload'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'your-test'), yourTest, { mode: 0o755 });
  return folder;
}

type Ended = { readonly code: number; readonly output: string };

/** Less than a test may take, so that nothing is left behind. */
const SCRIPT_MAX_MS = 110_000;

/** As GitHub Actions does: with the first command that fails, the script ends. */
function bash(script: string, folder: string): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DPS|npm_)/i.test(name));
  const path = [join(folder, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
  const env = { ...Object.fromEntries(inherited), PATH: path };
  return new Promise((resolve) => {
    execFile('bash', ['-e', '-c', script], { cwd: folder, env, timeout: SCRIPT_MAX_MS }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

/** Process IDs, by their working directory. */
const processesIn = (folder: string): readonly string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === folder;
    } catch {
      return false;
    }
  });

const linesOf = (folder: string): readonly object[] =>
  readFileSync(join(folder, 'records.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const REGISTERED = [{ registrationId: 'dev-1', status: 'assigned' }, { kind: 'counters' }];

describe.skipIf(!hasJq)('the examples for CI (need jq)', () => {
  it.each([
    ['assigned', 0],
    ['failed', 1],
  ])('judge a device that is %s with %i, whatever jq and whatever follows', (status, code) => {
    const file = join(mkdtempSync(join(root, 'records-')), 'records.ndjson');
    const lines = [
      { registrationId: 'dev-1', status },
      { registrationId: 'dev-2', status: 'disabled' },
      { counters: {} },
    ];
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(spawnSync('jq', ['-es', filter, file]).status).toBe(code);
  });

  it.each(RECIPES)('pass with a test that passes, and leave no process: %s', async (_, script) => {
    const folder = projectFolder(YOUR_TEST);
    expect(await bash(script, folder)).toMatchObject({ code: 0, output: expect.stringMatching(/^true$/m) });
    await expect.poll(() => processesIn(folder)).toEqual([]);
    expect(linesOf(folder)).toMatchObject(REGISTERED);
  });

  it.each(RECIPES)('fail with a test that fails, and leave the records, but no process: %s', async (_, script) => {
    const folder = projectFolder('#!/bin/sh\nexit 7\n');
    expect(await bash(script, folder)).toMatchObject({ code: 7 });
    await expect.poll(() => processesIn(folder)).toEqual([]);
    expect(linesOf(folder)).toMatchObject([{ kind: 'counters' }]);
  });

  it.each([
    // The script itself ends only when the emulator has.
    ['npx', 'kill -TERM $!\nwhile kill -0 "$(jq .pid ready)"; do sleep 0.1; done'],
    ['its parent', 'kill -KILL $$'],
  ])('end the emulator when somebody kills %s', async (_, kill) => {
    const folder = projectFolder('');
    const start = `npx dpsload emulator --port 0 --records records.ndjson --exit-with-parent > ready 2> log &
while ! grep -q pid ready; do sleep 0.1; done`;
    await bash(`${start}\n${kill}`, folder);
    await expect.poll(() => processesIn(folder)).toEqual([]);
    expect(linesOf(folder)).toMatchObject([{ kind: 'counters' }]);
  });

  it('work as steps of GitHub Actions', async () => {
    const [workflow = ''] = blocks('yaml');
    const [job] = Object.values(parse(workflow).jobs) as { steps: { run?: string }[] }[];
    const commands = (job?.steps ?? []).flatMap(({ run }) => run ?? []);
    expect(commands[0]).toBe('npm ci');
    const folder = projectFolder(YOUR_TEST);
    for (const command of commands.slice(1)) expect(await bash(command, folder)).toMatchObject({ code: 0 });
    expect(linesOf(folder)).toMatchObject(REGISTERED);
  });
});

it('the well-known values are those of the page', () => {
  const rows = Object.fromEntries(
    [...README.matchAll(/^\| ([^|]+) \| `([^|`]+)` \|$/gm)].map(([, name, value]) => [name, value]),
  );
  expect(rows).toMatchObject({
    'ID scope, unless you pass `--id-scope`': EMULATOR_ID_SCOPE_DEFAULT,
    'enrollment group': EMULATOR_GROUP_DEFAULT,
    'its key, with `--well-known-key`': WELL_KNOWN_GROUP_KEY,
    'the key of its device `dev-1`': deriveDeviceKey(WELL_KNOWN_GROUP_KEY, 'dev-1'),
  });
});

it('the X.509 example can be used as its comment says', async () => {
  const folder = projectFolder('');
  const config = join(folder, 'x509.yaml');
  copyFileSync(join(ROOT, 'scenarios', 'emulator', 'x509.yaml'), config);
  const commands = [...readFileSync(config, 'utf8').matchAll(/^# {3}(.*)$/gm)].map(([, command]) => command);
  expect(commands).toHaveLength(3);
  expect(await bash(commands.join('\n'), folder)).toMatchObject({ code: 0 });
  const [instance] = readEmulatorConfig(config, {}).instances;
  expect(instance?.enrollmentGroups.map(({ attestation }) => attestation)).toMatchObject([
    { kind: 'x509', use: 'signing', certificates: [{}] },
    { kind: 'x509', use: 'signing', certificates: [{}] },
  ]);
  expect(instance?.individualEnrollments).toMatchObject([{ attestation: { use: 'client', certificates: [{}] } }]);
});

it('the schema is exported by the package, with its name', () => {
  const schema = createRequire(import.meta.url)('dpsload/emulator.schema.json');
  expect(schema).toMatchObject({ $id: 'urn:dpsload:emulator.schema.json', title: 'dpsload emulator' });
});
