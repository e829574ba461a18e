import { stripVTControlCharacters } from 'node:util';

/** Between items side by side in a line. */
export const GAP = '   ';

export type Paint = (text: string) => string;

/** A part of a line; painted only after the line has been cut to the width of the terminal. */
export type TextSegment = { readonly text: string; readonly paint: Paint };

export type Line = readonly TextSegment[];

export function plain(text: string): TextSegment {
  return { text, paint: asItIs };
}

export function asItIs(text: string): string {
  return text;
}

/** Puts items side by side, as many in each line as fit. */
export function flow(items: readonly TextSegment[], columns: number): Line[] {
  const lines: TextSegment[][] = [];
  let room = 0;
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && room >= GAP.length + item.text.length) {
      last.push(item);
      room -= GAP.length + item.text.length;
    } else {
      lines.push([item]);
      room = columns - item.text.length;
    }
  }
  return lines;
}

/** The segments with gaps between them, cut to `columns` characters before they are painted. */
export function paintWithin(segments: Line, columns: number): string {
  let room = columns;
  let line = '';
  segments.forEach(({ text, paint }, index) => {
    const gap = index === 0 ? '' : GAP;
    if (room <= gap.length) return;
    const visible = text.slice(0, room - gap.length);
    room -= gap.length + visible.length;
    line += visible === '' ? '' : `${gap}${paint(visible)}`;
  });
  return line;
}

/**
 * The text in lines of at most `columns` characters, broken at spaces, and in a path that no line can hold after folders.
 *
 * @param indent spaces before each further line
 */
export function wrapped(text: string, columns: number, indent = 0): string {
  const lines: string[] = [];
  for (const { gap, word } of unbrokenParts(text, columns - indent)) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(`${gap}${word}`);
    else if (widthOf(`${last}${gap}${word}`) <= columns) lines[lines.length - 1] = `${last}${gap}${word}`;
    else lines.push(`${' '.repeat(indent)}${word}`);
  }
  return lines.join('\n');
}

type UnbrokenPart = { readonly gap: string; readonly word: string };

/** The words of a text, each with the spaces before it; a path that does not fit in `room` characters by its folders. */
function unbrokenParts(text: string, room: number): UnbrokenPart[] {
  return [...text.matchAll(/( *)([^ ]+)/g)].flatMap(([, gap = '', word = '']) => {
    const parts = widthOf(word) <= room ? [word] : foldersOf(word);
    return parts.map((part, index) => ({ gap: index === 0 ? gap : '', word: part }));
  });
}

/** The parts of a path, each with the separator after it. */
function foldersOf(path: string): readonly string[] {
  return path.match(/[^/\\]*[/\\]+|[^/\\]+$/g) ?? [];
}

/** Colors take no room. */
function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** stdout or stderr. */
export type OutputStream = { readonly isTTY?: boolean; readonly columns?: number };

/** A pipe or a file gets every line whole. */
export function columnsOf({ isTTY, columns }: OutputStream): number {
  // A terminal that does not know its size reports 0.
  return isTTY === true && columns ? columns : Number.POSITIVE_INFINITY;
}

/** The text; on a terminal its lines break between words, below their first column. */
export function fitted(text: string, stream: OutputStream): string {
  const columns = columnsOf(stream);
  return text
    .split('\n')
    .map((line) => wrapped(line, columns, hangingIndent(line, columns)))
    .join('\n');
}

/** As wide as the first column of the line, unless that takes too much of the screen. */
function hangingIndent(line: string, columns: number): number {
  const width = /^(\S+( \S+)*)? {2,}/.exec(stripVTControlCharacters(line))?.[0].length ?? 0;
  return width <= columns / 4 ? width : 2;
}

/** Warnings before a run, each with a line feed. */
export function warningLines(warnings: readonly string[], stream: OutputStream): string {
  return fitted(warnings.map((text) => `warning: ${text}\n`).join(''), stream);
}

/** `label: path`; the path gets lines of its own if it does not fit beside the label, broken after folders if it must be. */
export function labelledPath(label: string, path: string, columns: number): string {
  if (label.length + 2 + path.length <= columns) return `${label}: ${path}`;
  const lines: string[] = [];
  for (const part of foldersOf(path)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length <= columns) lines[lines.length - 1] = `${last}${part}`;
    else lines.push(part);
  }
  return [`${label}:`, ...lines].join('\n');
}

/** A file name with the folders before it. */
const PATHS = /[^\s'"(),;]*[/\\][^\s'"(),;]*/g;

/**
 * The text in at most `characters`, without cutting a file name: the paths in it lose their first folders, then the text its last
 * words.
 */
export function shortened(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const excess = text.length - characters;
  const [longest = ''] = (text.match(PATHS) ?? []).sort((a, b) => b.length - a.length);
  const path = longest === '' ? '' : withoutFirstFolders(longest, longest.length - excess);
  const shorter = text.replace(longest, () => path);
  if (shorter.length <= characters) return shorter;
  if (characters <= 1) return '';
  const words = shorter.slice(0, characters).lastIndexOf(' ');
  if (words > 0) return `${shorter.slice(0, words)}…`;
  const [word = ''] = shorter.split(' ');
  return `…${word.slice(1 - characters)}`;
}

/** At least the name, even if it takes more than `characters`. */
function withoutFirstFolders(path: string, characters: number): string {
  const places = [...path.matchAll(/[/\\]/g)].map(({ index }) => index).filter((index) => index > 0);
  const place = places.find((index) => path.length - index + 1 <= characters) ?? places.at(-1);
  return place === undefined ? path : `…${path.slice(place)}`;
}

/** A bar for a share, 0 to 1, with a mark at another share. */
export function barOf(share: number, characters: number, mark: number | null = null): string {
  const filled = Math.round(Math.min(1, share) * characters);
  const bar = '█'.repeat(filled) + '░'.repeat(characters - filled);
  if (mark === null) return bar;
  const at = Math.min(characters - 1, Math.round(mark * characters));
  return `${bar.slice(0, at)}│${bar.slice(at + 1)}`;
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** The newest values that fit, scaled to the largest of them. */
export function sparkline(values: readonly number[], characters: number): string {
  const shown = values.slice(-characters);
  const largest = Math.max(1, ...shown);
  return shown
    .map((value) => (value <= 0 ? ' ' : LEVELS[Math.ceil((value / largest) * LEVELS.length) - 1]))
    .join('')
    .padStart(Math.min(characters, shown.length));
}
