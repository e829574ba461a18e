// npm run test:mutation: applies each mutation to a copy of the sources, runs the tests that watch over them, and lists which are
// caught. Ends with 1 when one survives.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from './mutations.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The quick ones first: what they catch is not shown to the slow ones. */
const TESTS = [
  [
    'test/registration/registration-machine.test.ts',
    'test/mqtt/mqtt-conversation.test.ts',
    'test/journal/settlement-index.test.ts',
    'test/load/governor.test.ts',
    'test/load/permits.test.ts',
  ],
  ['test/registration/simulation.test.ts', 'test/run/quota-simulation.test.ts'],
];

const copy = mkdtempSync(join(tmpdir(), 'dpsload-mutation-'));
try {
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
  if (!TESTS.every(passes)) throw new Error('the tests fail without a mutation');
  const survivors = MUTATIONS.filter((mutation) => !isCaught(mutation));
  console.log(`${MUTATIONS.length - survivors.length} of ${MUTATIONS.length} mutations are caught`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function isCaught({ file, what, from, to }) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const places = source.split(from).length - 1;
  if (places !== 1) throw new Error(`the mutation "${what}" has ${places} places in ${file}, not 1`);
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  const caughtBy = TESTS.findIndex((tests) => !passes(tests));
  writeFileSync(path, source);
  const verdict = ['caught by the tests', 'caught by the simulation'][caughtBy] ?? 'SURVIVED';
  console.log(`${verdict.padEnd(24)}  ${file}: ${what}`);
  return caughtBy >= 0;
}

function passes(tests) {
  const vitest = join(copy, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--config', 'test/vitest.config.ts', '--bail', '1', '--reporter', 'dot', ...tests];
  const { status, error } = spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore' });
  if (error) throw error;
  return status === 0;
}
