// Makes a checkout ready to run: installs the packages of the lock file and builds the program, each only if its input has changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const inRoot = (...parts) => join(root, ...parts);

/** SHA-256 of the names and contents of files. */
function digest(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(inRoot(file)))
      .update('\0');
  return hash.digest('hex');
}

function run(command, args) {
  // npm is a .cmd file on Windows, which only a shell can start.
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Does `work`, unless `stampFile` says that it was done for the same input. */
function once(stampFile, input, work) {
  const stamp = inRoot(stampFile);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === input) return;
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, input);
}

const sources = readdirSync(inRoot('src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  .sort();

once('node_modules/.dpsload-installed', digest(['package.json', 'package-lock.json']), () => {
  console.error('dpsload: installing packages (first start, or package-lock.json has changed)…');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
});

once('dist/.built', digest(['package.json', 'tsconfig.json', '.dev/bundle.mjs', ...sources]), () => {
  console.error('dpsload: building…');
  rmSync(inRoot('dist'), { recursive: true, force: true });
  // The script of report.html runs in a browser: it is checked with a browser's types, and bundled.
  for (const project of [root, inRoot('src', 'report', 'page')]) {
    run(process.execPath, [inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  }
  run(process.execPath, [inRoot('.dev', 'bundle.mjs')]);
});
