import { describe, expect, it } from 'vitest';
import { parseSource, sourceFiles, testFiles } from '../support/source-file.ts';
import { FOLDERS, findCycle, folderOf, IMPURE_MODULE, idleExports, mayImport, PURE, trespasses } from './walls.ts';

const FUNCTION_LINES_MAX = 70;

/** Where programs, browsers and other packages come in: nobody imports them here. */
const ENTRIES = ['cli/main.ts', 'emulator/library.ts', 'report/page/draw-plots.ts'];

const files = sourceFiles();
const paths = new Set(files.map(({ path }) => path));

describe('the house', () => {
  it('has a rule for every folder, and files in kebab-case', () => {
    for (const path of paths) {
      expect(FOLDERS, path).toHaveProperty(folderOf(path));
      expect(path).toMatch(/^([a-z0-9]+(-[a-z0-9]+)*\/)+[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
    }
  });

  it('imports downwards only', () => {
    const upwards = files.flatMap(({ path, imports }) =>
      imports
        .filter((imported) => paths.has(imported.of) && !mayImport(path, imported))
        .map(({ of, kind }) => `${path} imports ${of}${kind === 'types' ? ' (types)' : ''}`),
    );
    expect(upwards).toEqual([]);
  });

  it('imports only files that exist', () => {
    const missing = files.flatMap(({ path, imports }) =>
      imports.filter(({ of }) => of.endsWith('.ts') && !paths.has(of)).map(({ of }) => `${path}: ${of}`),
    );
    expect(missing).toEqual([]);
  });

  it('has no cycle of imports', () => {
    expect(findCycle(files)).toBeNull();
  });

  it.runIf(ENTRIES.every((path) => paths.has(path)))('has no file that nobody imports', () => {
    const imported = new Set(files.flatMap(({ imports }) => imports.map(({ of }) => of)));
    expect([...paths].filter((path) => !imported.has(path) && !ENTRIES.includes(path))).toEqual([]);
  });

  it('exports nothing that nobody imports', () => {
    const others = files.filter(({ path }) => !ENTRIES.includes(path));
    expect(idleExports(others, [...files, ...testFiles()])).toEqual([]);
  });

  it('keeps clocks, timers, randomness, environment, console and exit in their places', () => {
    expect(files.flatMap(trespasses)).toEqual([]);
  });

  it('keeps input and output out of the pure core', () => {
    const impure = files
      .filter(({ path }) => PURE.some((folder) => path.startsWith(folder)))
      .flatMap(({ path, imports }) =>
        imports.filter(({ of, kind }) => kind === 'code' && IMPURE_MODULE.test(of)).map(({ of }) => `${path}: ${of}`),
      );
    expect(impure).toEqual([]);
  });

  it(`has no function over ${FUNCTION_LINES_MAX} lines`, () => {
    const long = files.flatMap(({ path, functions }) =>
      functions
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(({ name, lines }) => `${path}: ${name}, ${lines}`),
    );
    expect(long).toEqual([]);
  });
});

describe('the walls themselves', () => {
  it.each([
    ['Date.now();', 'load/pace.ts'],
    ['const at = new Date();', 'report/text.ts'],
    ['performance.now();', 'worker/worker.ts'],
    ['const { now } = performance;', 'worker/worker.ts'],
    ['process.hrtime.bigint();', 'coordinator/run.ts'],
    ['setTimeout(() => {}, 1);', 'mqtt/connection.ts'],
    ['globalThis.setTimeout(() => {}, 1);', 'mqtt/connection.ts'],
    ['socket.setTimeout(1);', 'emulator/server.ts'],
    ["import { setTimeout as sleep } from 'node:timers/promises';", 'load/pace.ts'],
    ['Math.random();', 'time/system-clock.ts'],
    ["import { randomBytes } from 'node:crypto';", 'registration/machine.ts'],
    ['crypto.randomUUID();', 'registration/machine.ts'],
    ['process.exit(1);', 'cli/run-command.ts'],
    ['process.env.HOME;', 'scenario/resolve.ts'],
    ['const { env } = process;', 'scenario/resolve.ts'],
    ["console.log('');", 'cli/main.ts'],
  ])('see %s in %s', (text, path) => {
    expect(trespasses(parseSource(path, text))).not.toEqual([]);
  });

  it.each([
    ['new Date(epochMs).toISOString();', 'report/text.ts'],
    ['Math.max(1, 2); Date.parse(text);', 'report/text.ts'],
    ['setTimeout(() => {}, 1); Date.now();', 'time/system-clock.ts'],
    ['process.exit(0);', 'cli/main.ts'],
    ['process.env.HOME;', 'cli/run-command.ts'],
  ])('let %s pass in %s', (text, path) => {
    expect(trespasses(parseSource(path, text))).toEqual([]);
  });

  it.each([
    ['emulator/server.ts', 'registration/machine.ts', 'code'],
    ['registration/machine.ts', 'emulator/service.ts', 'types'],
    ['registration/driver.ts', 'mqtt/tls-dialler.ts', 'code'],
    ['dps/topics.ts', 'problem/operator-error.ts', 'types'],
    ['coordinator/run.ts', 'cli/view.ts', 'code'],
    ['coordinator/run.ts', 'emulator/start.ts', 'code'],
    ['worker/worker.ts', 'coordinator/run.ts', 'types'],
    ['unknown/file.ts', 'dps/topics.ts', 'code'],
  ] as const)('keep %s from %s', (path, of, kind) => {
    expect(mayImport(path, { of, kind })).toBe(false);
  });

  it.each([
    ["import { a } from '../dps/a.ts';", { of: 'dps/a.ts', kind: 'code' }],
    ["import type { A } from '../dps/a.ts';", { of: 'dps/a.ts', kind: 'types' }],
    ["import { type A, type B } from './a.ts';", { of: 'cli/a.ts', kind: 'types' }],
    ["import { type A, b } from './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["import './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["export { a } from './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["export type * from './a.ts';", { of: 'cli/a.ts', kind: 'types' }],
    ["const a = await import('./a.ts');", { of: 'cli/a.ts', kind: 'code' }],
    ["new URL('../worker/worker.js', import.meta.url);", { of: 'worker/worker.ts', kind: 'entry' }],
    ["import { connect } from 'node:tls';", { of: 'node:tls', kind: 'code' }],
  ])('read %s', (text, expected) => {
    expect(parseSource('cli/main.ts', text).imports).toEqual([expected]);
  });

  it('find a cycle', () => {
    const cyclic = [
      parseSource('dps/a.ts', "import './b.ts';"),
      parseSource('dps/b.ts', "import './c.ts';"),
      parseSource('dps/c.ts', "import './b.ts';"),
    ];
    expect(findCycle(cyclic)).toEqual(['dps/b.ts', 'dps/c.ts', 'dps/b.ts']);
    const [a, b] = [
      parseSource('dps/a.ts', "import './b.ts';"),
      parseSource('dps/b.ts', "import type { A } from './a.ts';"),
    ];
    expect(findCycle([a, b])).toBeNull();
  });

  it('see an export that nobody imports, and one that a test imports', () => {
    const file = parseSource('dps/a.ts', 'export const a = 1, b = 2;\nexport function c() {}\nexport type D = number;');
    const user = parseSource('../test/dps/a.test.ts', "import { b, c as d } from '../../src/dps/a.ts';");
    const stranger = parseSource('dps/b.ts', 'const a = 1;');
    expect(idleExports([file], [file, user, stranger])).toEqual(['dps/a.ts: a']);
  });

  it('count the lines of a function', () => {
    const text = 'class A {\n  long() {\n    return [\n      1,\n    ];\n  }\n}';
    expect(parseSource('dps/a.ts', text).functions.map(({ lines }) => lines)).toEqual([5]);
  });
});
