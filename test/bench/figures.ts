import { appendFileSync } from 'node:fs';
import { textTable } from '../../src/report/text-table.ts';

/** A measured ratio, and what it should not exceed; `null` = for information. */
export type Figure = { readonly figure: string; readonly ratio: number; readonly atMost: number | null };

/** Prints figures, and keeps them for the table of all benchmarks, which names a file in DPSLOAD_BENCH_FIGURES. */
export function showFigures(figures: readonly Figure[]): void {
  console.log(figureTable(figures));
  const file = process.env['DPSLOAD_BENCH_FIGURES'];
  if (file !== undefined) appendFileSync(file, figures.map((figure) => `${JSON.stringify(figure)}\n`).join(''));
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ figure, ratio, atMost }) => [
    figure,
    ratio.toFixed(2),
    atMost === null ? '' : atMost.toFixed(2),
    atMost === null || ratio <= atMost ? '' : 'missed',
  ]);
  return textTable([['figure', 'ratio', 'at most', ''], ...rows]).join('\n');
}
