import { describe, expect, it } from 'vitest';
import { parseSource, type SourceFile, sourceFiles, testFiles } from '../support/source-file.ts';
import { describeHouse, isLargeClass, isLargeFunction, LIMITS } from './house.ts';
import {
  findCircle,
  forbiddenArrows,
  IMPURE_MODULE,
  idleExports,
  PURE,
  ROOMS,
  roomOf,
  trespasses,
  unusedPermissions,
  upwardPermissions,
} from './walls.ts';

/** Where programs, browsers, threads and other packages come in: nobody imports them here. */
const ENTRIES = [
  'cli/host/local-agents-keeper.ts',
  'cli/main.ts',
  'emulator/library.ts',
  'report/page/draw-plots.ts',
  'worker/registration-worker.ts',
];

const files = sourceFiles();
const paths = new Set(files.map(({ path }) => path));

/** Without what other packages bring. */
function ownImports(all: readonly SourceFile[]): readonly SourceFile[] {
  return all.map((file) => ({ ...file, imports: file.imports.filter(({ of }) => paths.has(of)) }));
}

describe('the house', () => {
  it('has a room in the table for every folder, and file names in kebab-case', () => {
    const rooms = ROOMS.map(({ name }) => name);
    expect([...new Set(files.map(({ path }) => roomOf(path)))].sort()).toEqual([...rooms].sort());
    for (const path of paths) expect(path).toMatch(/^([a-z0-9]+(-[a-z0-9]+)*\/)+[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
  });

  it('permits only arrows that point down', () => {
    expect(upwardPermissions()).toEqual([]);
  });

  it('imports what the table permits and nothing else, types included', () => {
    expect(forbiddenArrows(files)).toEqual([]);
  });

  it('has no permission that nobody uses', () => {
    expect(unusedPermissions(files)).toEqual([]);
  });

  it('imports only files that exist', () => {
    const missing = files.flatMap(({ path, imports }) =>
      imports.filter(({ of }) => of.endsWith('.ts') && !paths.has(of)).map(({ of }) => `${path}: ${of}`),
    );
    expect(missing).toEqual([]);
  });

  it('has no circle between files, rooms or top folders, types included', () => {
    expect(findCircle(files)).toBeNull();
    expect(findCircle(ownImports(files), roomOf)).toBeNull();
    expect(findCircle(ownImports(files), (path) => path.split('/')[0] ?? '')).toBeNull();
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
        imports.filter(({ of, kind }) => kind !== 'types' && IMPURE_MODULE.test(of)).map(({ of }) => `${path}: ${of}`),
      );
    expect(impure).toEqual([]);
  });

  it(`has no function over ${LIMITS.functionLines} lines or ${LIMITS.parameters} parameters`, () => {
    expect(
      files.flatMap(({ path, functions }) => functions.filter(isLargeFunction).map(({ name }) => `${path}: ${name}`)),
    ).toEqual([]);
  });

  it(`has no class with more than ${LIMITS.classFields} fields`, () => {
    expect(
      files.flatMap(({ path, classes }) => classes.filter(isLargeClass).map(({ name }) => `${path}: ${name}`)),
    ).toEqual([]);
  });

  it('is described by npm run house, room by room', () => {
    const description = describeHouse(files);
    if (process.env['npm_lifecycle_event'] === 'house') process.stdout.write(`\n${description}\n`);
    const filesOfRooms = [...description.matchAll(/^ {2}\S+: (\d+) files$/gm)].map(([, count]) => Number(count));
    expect(filesOfRooms).toHaveLength(ROOMS.length);
    expect(filesOfRooms.reduce((sum, count) => sum + count)).toBe(files.length);
  });
});

describe('the walls themselves', () => {
  it.each([
    ['Date.now();', 'load/pace.ts'],
    ['const at = new Date();', 'report/text.ts'],
    ['performance.now();', 'worker/worker.ts'],
    ['const { now } = performance;', 'worker/worker.ts'],
    ['process.hrtime.bigint();', 'run/session.ts'],
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

  const rooms = [
    { name: 'run', imports: ['journal'] },
    { name: 'journal', imports: ['dps'] },
    { name: 'dps', imports: [] },
  ];

  it.each([
    ['run/a.ts', "import { b } from '../dps/b.ts';"],
    ['journal/a.ts', "import type { B } from '../run/b.ts';"],
    ['unknown/a.ts', "import { b } from '../dps/b.ts';"],
    ['dps/a.ts', "export type { B } from '../journal/b.ts';"],
  ])('keep %s from %s', (path, text) => {
    const others = ['run/b.ts', 'journal/b.ts', 'dps/b.ts'].map((other) => parseSource(other, ''));
    expect(forbiddenArrows([parseSource(path, text), ...others], rooms)).toHaveLength(1);
  });

  it('see a permission that nobody uses, and one that points up', () => {
    const user = parseSource('run/a.ts', "import type { B } from '../journal/b.ts';");
    expect(unusedPermissions([user, parseSource('journal/b.ts', '')], rooms)).toEqual(['journal > dps']);
    expect(upwardPermissions([...rooms].reverse())).toEqual(['journal > dps', 'run > journal']);
    expect(upwardPermissions([{ name: 'run', imports: ['nowhere'] }])).toEqual(['run > nowhere']);
  });

  it.each([
    ["import { a } from '../dps/a.ts';", { of: 'dps/a.ts', kind: 'code' }],
    ["import type { A } from '../dps/a.ts';", { of: 'dps/a.ts', kind: 'types' }],
    ["import { type A, type B } from './a.ts';", { of: 'cli/a.ts', kind: 'types' }],
    ["import { type A, b } from './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["import './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["export { a } from './a.ts';", { of: 'cli/a.ts', kind: 'code' }],
    ["export type * from './a.ts';", { of: 'cli/a.ts', kind: 'types' }],
    ["const a = await import('./a.ts');", { of: 'cli/a.ts', kind: 'lazy' }],
    ["new URL('../worker/worker.js', import.meta.url);", { of: 'worker/worker.ts', kind: 'entry' }],
    ["import { connect } from 'node:tls';", { of: 'node:tls', kind: 'code' }],
  ])('read %s', (text, expected) => {
    expect(parseSource('cli/main.ts', text).imports).toEqual([expected]);
  });

  it('find a circle, also one of types alone, and one of rooms', () => {
    const circle = [
      parseSource('dps/a.ts', "import './b.ts';"),
      parseSource('dps/b.ts', "import './c.ts';"),
      parseSource('dps/c.ts', "import type { B } from './b.ts';"),
    ];
    expect(findCircle(circle)).toEqual(['dps/b.ts', 'dps/c.ts', 'dps/b.ts']);
    const apart = [
      parseSource('dps/a.ts', "import '../time/a.ts';"),
      parseSource('time/b.ts', "import type { B } from '../dps/b.ts';"),
    ];
    expect(findCircle(apart)).toBeNull();
    expect(findCircle(apart, roomOf)).toEqual(['dps', 'time', 'dps']);
  });

  it('see an export that nobody imports, and one that a test imports', () => {
    const file = parseSource('dps/a.ts', 'export const a = 1, b = 2;\nexport function c() {}\nexport type D = number;');
    const user = parseSource('../test/dps/a.test.ts', "import { b, c as d } from '../../src/dps/a.ts';");
    const stranger = parseSource('dps/b.ts', 'const a = 1;');
    expect(idleExports([file], [file, user, stranger])).toEqual(['dps/a.ts: a']);
  });

  it('count the fields of a class and the parameters of a function', () => {
    const text =
      'class A { #a = 1; static b = 2; readonly c: number;\n  constructor(a: number, b: number) {} get d() { return 1; } }';
    const { classes, functions } = parseSource('dps/a.ts', text);
    expect(classes).toEqual([{ name: 'A', fields: 3 }]);
    expect(functions.map(({ parameters }) => parameters)).toEqual([2, 0]);
  });

  it('count the lines of a function', () => {
    const text = 'class A {\n  long() {\n    return [\n      1,\n    ];\n  }\n}';
    expect(parseSource('dps/a.ts', text).functions.map(({ lines }) => lines)).toEqual([5]);
  });
});
