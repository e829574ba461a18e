// npm run bench NAME: compiles the benchmarks (test/bench/NAME-bench.ts) with the sources they measure, and runs one.
// npm run bench: runs those that have targets, and ends with a table of all figures.
// npm run bench [NAME] -- --json: prints the figures as JSON on stdout.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'node_modules', '.cache', 'dpsload-bench');
const names = readdirSync(join(root, 'test', 'bench'))
  .filter((file) => file.endsWith('-bench.ts'))
  .map((file) => file.slice(0, -'-bench.ts'.length));

/** Those that measure a ratio with a target. */
const WITH_TARGETS = ['program', 'start', 'survey', 'in-flight', 'emulator'];

const asJson = process.argv.includes('--json');
const [name] = process.argv.slice(2).filter((argument) => argument !== '--json');
if (name !== undefined && !names.includes(name)) {
  console.error(`No benchmark is called ${JSON.stringify(name)}. There are: ${names.join(', ')}.`);
  process.exit(2);
}

function node(args, env = {}) {
  // What people read goes to stderr where a program reads stdout.
  const stdio = ['inherit', asJson ? process.stderr : 'inherit', 'inherit'];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio, env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(built, { recursive: true });
writeFileSync(join(built, 'package.json'), '{ "type": "module" }\n');
// Where the sources look for what is bundled.
rmSync(join(built, 'dist'), { force: true });
symlinkSync(join(root, 'dist'), join(built, 'dist'), 'junction');
node([join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'test', 'bench')]);
const benchFile = (bench) => join(built, 'test', 'bench', `${bench}-bench.js`);
if (name !== undefined && !asJson) node([benchFile(name)]);
else await showTable(name === undefined ? WITH_TARGETS : [name]);

async function showTable(benches) {
  const file = join(built, 'figures.ndjson');
  rmSync(file, { force: true });
  for (const bench of benches) {
    console.error(`\n== ${bench}`);
    node([benchFile(bench)], { DPSLOAD_BENCH_FIGURES: file });
  }
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const figures = lines.map((line) => JSON.parse(line));
  const { figureTable } = await import(join(built, 'test', 'bench', 'figures.js'));
  if (asJson) console.log(JSON.stringify({ node: process.versions.node, figures }, null, 2));
  else console.log(`\n${figureTable(figures)}`);
}
