import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT_CODE } from '../../src/cli/host/exit-code.ts';
import { ROOMS } from './walls.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  '.github/CONTRIBUTING.md',
  'scenarios/README.md',
  'results/README.md',
  'src/README.md',
  'src/agents/README.md',
  'src/emulator/README.md',
  'src/emulator/FACTS.md',
  'test/README.md',
];

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Files that a page links to, relative to the root, with the anchor. */
function links(page: string): readonly (readonly [file: string, anchor: string])[] {
  const markdown = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const html = [...read(page).matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(([, target = '']) => target);
  return [...markdown, ...html]
    .filter((target) => !target.startsWith('http'))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return [path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path)), anchor] as const;
    });
}

/** First cells of the rows of the table under a heading. */
function firstColumn(page: string, heading: string): readonly string[] {
  const [, section = ''] = read(page).split(`## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| ([^|]+) \|/gm)].slice(2).map(([, cell = '']) => cell.replaceAll('`', ''));
}

describe('the pages', () => {
  it('begin with a README of at most 150 lines', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });

  it.each(PAGES)('%s links to files and headings that exist', (page) => {
    for (const [file, anchor] of links(page)) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      if (anchor === '') continue;
      const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings).toContain(anchor);
    }
  });

  it('are in the package, with all that README.md links to', () => {
    const { files } = JSON.parse(read('package.json')) as { files: readonly string[] };
    const isShipped = (file: string) => files.some((entry) => file === entry || file.startsWith(`${entry}/`));
    expect(['README.md', ...links('README.md').map(([file]) => file)].filter((file) => !isShipped(file))).toEqual([]);
  });

  it('describe every room of the house, from the top down', () => {
    const rooms = firstColumn('src/README.md', 'The rooms, from the top down').map((cell) => cell.replace(/\/$/, ''));
    expect(rooms).toEqual(ROOMS.map(({ name }) => name));
  });

  it('say where to change what, in files that exist', () => {
    const [, section = ''] = read('src/README.md').split('## Where to change what');
    const lastCells = [...section.matchAll(/\| ([^|]+) \|$/gm)].map(([, cell = '']) => cell).slice(2);
    const places = lastCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, place = '']) => place));
    expect(lastCells.filter((cell) => !cell.startsWith('`'))).toEqual([]);
    expect(places.length).toBeGreaterThanOrEqual(10);
    expect(places.filter((place) => !existsSync(join(ROOT, 'src', place)))).toEqual([]);
  });

  it('explain every exit code', () => {
    const codes = firstColumn('results/README.md', 'Exit codes').map(Number);
    expect([...codes].sort()).toEqual(Object.values(EXIT_CODE).sort());
  });

  it('list every bundled scenario', () => {
    const names = readdirSync(join(ROOT, 'scenarios')).filter((file) => file.endsWith('.yaml'));
    for (const name of names) expect(read('scenarios/README.md')).toMatch(new RegExp(`^${name.slice(0, -5)} `, 'm'));
  });
});
