import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';

// Vitest would compare pages byte by byte, through iterators: that takes longer than making them.
expect.addEqualityTesters([(a, b) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : undefined)]);

/** The one run's folder under `out`. */
export function onlyRunFolder(out: string): string {
  const folders = readdirSync(out);
  if (folders.length !== 1) throw new Error(`${out} holds ${folders.length} runs: ${folders.join(', ')}`);
  return join(out, folders[0] as string);
}

export type ResultRow = Readonly<Record<string, string>>;

/** registrations.csv or failures.csv, by a reader that is not our writer. */
export function readResultRows(file: string): readonly ResultRow[] {
  return parse(readFileSync(file), { columns: true }) as ResultRow[];
}

/** Every file of a folder, name → bytes. */
export function folderBytes(folder: string): ReadonlyMap<string, Buffer> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

/** One JSON object per line. */
export function readLines<Line>(file: string): readonly Line[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}
