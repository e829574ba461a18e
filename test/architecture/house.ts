import type { NamedClass, NamedFunction, SourceFile } from '../support/source-file.ts';
import { arrows, findCircle, roomOf } from './walls.ts';

/** What a reader can take in at once: the 95th percentile of good code bases is 42 to 62 lines. */
export const LIMITS = { functionLines: 50, parameters: 4, classFields: 12 } as const;

export function isLargeFunction({ lines, parameters }: NamedFunction): boolean {
  return lines > LIMITS.functionLines || parameters > LIMITS.parameters;
}

export function isLargeClass({ fields }: NamedClass): boolean {
  return fields > LIMITS.classFields;
}

/** The counts by which the house is judged, a line each. */
export function describeHouse(files: readonly SourceFile[]): string {
  const functions = files.flatMap((file) => file.functions);
  const classes = files.flatMap((file) => file.classes);
  const lines = functions.map((one) => one.lines).sort((a, b) => a - b);
  const rooms = [...new Set(files.map(({ path }) => roomOf(path)))].sort();
  const pairs = new Set(arrows(files).map(({ from, to }) => `${from} > ${to}`));
  const counts: readonly (readonly [what: string, count: number | string])[] = [
    ['files', files.length],
    ['rooms', rooms.length],
    ['arrows between rooms, types included', pairs.size],
    ['circle of files, types included', findCircle(files)?.join(' > ') ?? 'none'],
    ['function lines, median / p95 / max', [0.5, 0.95, 1].map((part) => percentile(lines, part)).join(' / ')],
    [
      `functions over ${LIMITS.functionLines} lines`,
      functions.filter((one) => one.lines > LIMITS.functionLines).length,
    ],
    [
      `functions over ${LIMITS.parameters} parameters`,
      functions.filter((one) => one.parameters > LIMITS.parameters).length,
    ],
    [`classes over ${LIMITS.classFields} fields`, classes.filter(isLargeClass).length],
    ['code lines', files.reduce((sum, { codeLines }) => sum + codeLines, 0)],
    ['files of under 15 lines of code', files.filter(({ codeLines }) => codeLines < 15).length],
  ];
  const largest = Math.max(...counts.map(([what]) => what.length));
  const perRoom = rooms.map((room) => `  ${room}: ${files.filter(({ path }) => roomOf(path) === room).length} files`);
  return [...counts.map(([what, count]) => `${what.padEnd(largest)}  ${count}`), '', ...perRoom].join('\n');
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
