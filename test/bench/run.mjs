// npm run bench [NAME]: compiles the benchmarks (test/bench/NAME-bench.ts) with the sources they measure, and runs one.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'node_modules', '.cache', 'dpsload-bench');
const names = readdirSync(join(root, 'test', 'bench'))
  .filter((file) => file.endsWith('-bench.ts'))
  .map((file) => file.slice(0, -'-bench.ts'.length));

const [name = 'client'] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`No benchmark is called ${JSON.stringify(name)}. There are: ${names.join(', ')}.`);
  process.exit(2);
}

function node(...args) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(built, { recursive: true });
writeFileSync(join(built, 'package.json'), '{ "type": "module" }\n');
// Where the sources look for what is bundled.
rmSync(join(built, 'dist'), { force: true });
symlinkSync(join(root, 'dist'), join(built, 'dist'), 'junction');
node(join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'test', 'bench'));
node(join(built, 'test', 'bench', `${name}-bench.js`));
