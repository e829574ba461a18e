import { readdirSync, readFileSync } from 'node:fs';
import { posix, sep } from 'node:path';
import { parseAst } from 'vitest/node';

const SOURCES = new URL('../../src/', import.meta.url);
const TESTS = new URL('../', import.meta.url);

/** A node of an ESTree syntax tree, TypeScript's own kinds included. */
type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, unknown>>;

export type Import = {
  /** `dps/topics.ts` for a file of `src/`, else as it stands (`node:tls`, `mqtt`). */
  readonly of: string;
  /** `types` are erased by the compiler, `lazy` ones are loaded by `import()`; an `entry` is the first file of another thread or process. */
  readonly kind: 'code' | 'lazy' | 'types' | 'entry';
};

export type NamedFunction = { readonly name: string; readonly lines: number; readonly parameters: number };

export type NamedClass = { readonly name: string; readonly fields: number };

export type SourceFile = {
  /** From `src/` on, with slashes; `../test/…` for one of the tests. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Constants, functions and classes. Types are left out: they describe what these take and give, and go with them. */
  readonly exports: readonly string[];
  /** Every identifier in it. */
  readonly names: ReadonlySet<string>;
  readonly functions: readonly NamedFunction[];
  readonly classes: readonly NamedClass[];
  /** Lines that hold more than comments and white space. */
  readonly codeLines: number;
  /** Globals and methods that the walls ask about: `Date.now`, `new Date()`, `setTimeout`, `console.log`, `randomBytes`. */
  readonly uses: readonly string[];
};

/** Every file of `src/`, parsed. */
export function sourceFiles(): readonly SourceFile[] {
  return filesIn(SOURCES, '');
}

/** Every file of `test/`, parsed. */
export function testFiles(): readonly SourceFile[] {
  return filesIn(TESTS, '../test/');
}

function filesIn(folder: URL, prefix: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.split(sep).join('/'))
    .sort()
    .map((path) => parseSource(prefix + path, readFileSync(new URL(path, folder), 'utf8')));
}

export function parseSource(path: string, text: string): SourceFile {
  const nodes = descendants(parseAst(text, { lang: 'ts' }) as unknown as Node);
  return {
    path,
    imports: nodes.flatMap((node) => importOf(node, path) ?? []),
    exports: nodes.flatMap(exportsOf),
    names: new Set(nodes.flatMap((node) => (node.type === 'Identifier' ? (nameOf(node) ?? []) : []))),
    functions: nodes.flatMap((node) => functionOf(node, text) ?? []),
    classes: nodes.flatMap((node) => classOf(node) ?? []),
    codeLines: codeLinesOf(text),
    uses: nodes.flatMap((node) => useOf(node) ?? []),
  };
}

/** The node itself, and all below it. */
function descendants(node: Node, found: Node[] = []): readonly Node[] {
  found.push(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && 'type' in child) descendants(child as Node, found);
    }
  }
  return found;
}

/** `import`, `export … from`, `import()`, and `new URL('…', import.meta.url)`, by which threads and processes are started. */
function importOf(node: Node, path: string): Import | null {
  const source = sourceOf(node);
  if (source === null) return null;
  const file = posix.relative('src', posix.join('src', posix.dirname(path), source)).replace(/\.js$/, '.ts');
  const of = source.startsWith('.') ? file : source;
  return { of, kind: importKindOf(node) };
}

function importKindOf(node: Node): Import['kind'] {
  if (node.type === 'NewExpression') return 'entry';
  if (node.type === 'ImportExpression') return 'lazy';
  return isTypeOnly(node) ? 'types' : 'code';
}

function sourceOf(node: Node): string | null {
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'URL') {
    const [first] = node['arguments'] as readonly Node[];
    return asString(first?.['value']);
  }
  if (!/^(Import|Export)/.test(node.type)) return null;
  return asString((node['source'] as Node | null | undefined)?.['value']);
}

function isTypeOnly(node: Node): boolean {
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true;
  const specifiers = (node['specifiers'] ?? []) as readonly Node[];
  return (
    specifiers.length > 0 &&
    specifiers.every((specifier) => specifier['importKind'] === 'type' || specifier['exportKind'] === 'type')
  );
}

function exportsOf(node: Node): readonly string[] {
  if (node.type !== 'ExportNamedDeclaration') return [];
  const declaration = node['declaration'] as Node | null;
  if (declaration === null || declaration.type.startsWith('TS')) return [];
  const declared = (declaration['declarations'] ?? [declaration]) as readonly Node[];
  return declared.flatMap(({ id }) => nameOf(id) ?? []);
}

function functionOf(node: Node, text: string): NamedFunction | null {
  if (!/^(Function|ArrowFunction)/.test(node.type) || !node['body']) return null;
  const lines = text.slice(node.start, node.end).split('\n').length;
  const parameters = (node['params'] as readonly Node[]).length;
  return { name: nameOf(node['id']) ?? text.slice(node.start, node.end).split('\n')[0] ?? '', lines, parameters };
}

/** Comments of this house stand on lines of their own, or behind code. */
function codeLinesOf(text: string): number {
  let inComment = false;
  return text.split('\n').filter((line) => {
    const trimmed = line.trim();
    const starts = trimmed.startsWith('/*');
    const isComment = inComment || starts || trimmed.startsWith('//');
    if (inComment || starts) inComment = !trimmed.endsWith('*/');
    return trimmed !== '' && !isComment;
  }).length;
}

function classOf(node: Node): NamedClass | null {
  if (!/^Class(Declaration|Expression)$/.test(node.type)) return null;
  const members = (node['body'] as { readonly body: readonly Node[] }).body;
  const fields = members.filter(({ type }) => type === 'PropertyDefinition').length;
  return { name: nameOf(node['id']) ?? 'a class', fields };
}

const GLOBALS = /^(Date|Math|performance|process|console|globalThis)$/;
const CALLS = /^(set(Timeout|Interval|Immediate)|random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues)$/;

function useOf(node: Node): string | null {
  if (node.type === 'MemberExpression') {
    const property = nameOf(node['property']) ?? '';
    const object = nameOf(node['object']) ?? '';
    return GLOBALS.test(object) ? `${object}.${property}` : CALLS.test(property) ? property : null;
  }
  if (node.type === 'ImportSpecifier') return named(node['imported'], CALLS);
  if (node.type === 'CallExpression') return named(node['callee'], CALLS);
  if (node.type === 'VariableDeclarator') return named(node['init'], GLOBALS);
  if (node.type !== 'NewExpression' || nameOf(node['callee']) !== 'Date') return null;
  return (node['arguments'] as readonly Node[]).length === 0 ? 'new Date()' : null;
}

function named(node: unknown, pattern: RegExp): string | null {
  const name = nameOf(node);
  return name !== null && pattern.test(name) ? name : null;
}

function nameOf(node: unknown): string | null {
  return asString((node as Node | null | undefined)?.['name']);
}

function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
