// npm run bench batch: fleets of growing size through the real coordinator, a worker thread and the journal, with a simulated
// connection. DPSLOAD_BENCH_ROWS=10000,100000 names other sizes.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BatchMeasures, Phase } from './batch-measure.ts';

const SIZES = (process.env['DPSLOAD_BENCH_ROWS'] ?? '10000,100000,1000000').split(',').map(Number);
const MEASURE = fileURLToPath(new URL('./batch-measure.js', import.meta.url));

const measured = SIZES.map((rows) => {
  const args = ['--expose-gc', MEASURE, String(rows)];
  const stdout = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(stdout) as BatchMeasures;
});

const perSecond = ({ ms }: Phase, rows: number): string => `${Math.round((rows * 1000) / ms)}/s`;
const microseconds = ({ cpuMs }: Phase, rows: number): string => `${((cpuMs * 1000) / rows).toFixed(1)} µs CPU a row`;
const outside = ({ outsideHeapBytes }: Phase, rows: number): string =>
  `${(outsideHeapBytes / rows).toFixed(1)} B a row (${megabytes(outsideHeapBytes)})`;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function seconds({ ms }: Phase): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

const FIGURES: readonly (readonly [name: string, of: (measures: BatchMeasures) => string])[] = [
  ['survey', ({ rows, survey }) => `${seconds(survey)}, ${perSecond(survey, rows)}`],
  ['survey, outside the heap', ({ rows, survey }) => outside(survey, rows)],
  ['run', ({ rows, run }) => `${seconds(run)}, ${perSecond(run, rows)}`],
  ['run, a row', ({ rows, run }) => microseconds(run, rows)],
  ['run, outside the heap', ({ rows, run }) => outside(run, rows)],
  ['run, peak RSS', ({ run }) => megabytes(run.rssBytes)],
  ['journal', ({ rows, run }) => `${megabytes(run.journalBytes)}, ${Math.round(run.journalBytes / rows)} B a row`],
  ['reading half of it for a resume', ({ rows, resume }) => `${seconds(resume)}, ${microseconds(resume, rows / 2)}`],
  ['that, outside the heap', ({ rows, resume }) => outside(resume, rows)],
  ['results', ({ rows, results }) => `${seconds(results)}, ${microseconds(results, rows)}`],
  ['results, outside the heap', ({ rows, results }) => outside(results, rows)],
  ['peak RSS of all', ({ results }) => megabytes(results.rssBytes)],
];

/** What a row adds outside the heap, from the second largest fleet to the largest: buffers of fixed size fall out. */
function growthPerRow(phase: 'survey' | 'run' | 'resume' | 'results'): string {
  const [smaller, larger] = measured.slice(-2);
  if (smaller === undefined || larger === undefined) return 'of one size alone cannot be told';
  const bytes = larger[phase].outsideHeapBytes - smaller[phase].outsideHeapBytes;
  return `${(bytes / (larger.rows - smaller.rows)).toFixed(1)} B`;
}

console.log(`| | ${measured.map(({ rows }) => `${rows} rows`).join(' | ')} |`);
console.log(`| --- |${' --- |'.repeat(measured.length)}`);
for (const [name, of] of FIGURES) console.log(`| ${name} | ${measured.map(of).join(' | ')} |`);
console.log('\nA further row adds outside the heap:');
for (const phase of ['survey', 'run', 'resume', 'results'] as const) console.log(`- ${phase}: ${growthPerRow(phase)}`);
