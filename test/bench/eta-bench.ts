// npm run bench eta: how far the ETA is off, by progress, in simulated runs, and in recorded ones where DPSLOAD_ETA_RUNS names their folder:
// the mean error as a share of what was left, the share of moments at which that lay within the ETA, and of those at which there was none.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJournalLine } from '../../src/journal/journal-line.ts';
import { textTable } from '../../src/report/text-table.ts';
import type { Scenario } from '../../src/scenario/scenario.ts';
import {
  isCovered,
  type JudgedEta,
  judgeEta,
  PROGRESS,
  type RecordedRun,
  relativeError,
} from '../support/eta-judge.ts';
import { SIMULATED_RUNS, simulateForEta } from '../support/eta-runs.ts';

const SEEDS = [1, 2, 3];

function recordedRuns(folder: string): readonly RecordedRun[] {
  const folders = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((entry) => join(folder, entry));
  return folders.filter((run) => existsSync(join(run, 'run.json'))).map(recordedRun);
}

function recordedRun(folder: string): RecordedRun {
  const { scenario } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { readonly scenario: Scenario };
  const lines = readFileSync(join(folder, 'journal.ndjson'), 'utf8').trimEnd().split('\n');
  const records = lines.map((line) => decodeJournalLine(line));
  const registrations = records.filter(({ kind }) => kind === 'outcome').length;
  return { name: scenario.name ?? folder, load: scenario.load, registrations, records };
}

const percent = (share: number): string => `${(share * 100).toFixed(0)}%`;

function row(name: string, judged: readonly (readonly JudgedEta[])[]): readonly string[] {
  const cells = PROGRESS.map((_, index) => {
    const errors = judged.flatMap((each) => each.slice(index, index + 1)).map(relativeError);
    const known = errors.filter((error) => error !== null);
    return known.length === 0 ? '–' : percent(known.reduce((sum, error) => sum + error, 0) / known.length);
  });
  const all = judged.flat();
  const known = all.filter(({ eta }) => eta !== null);
  return [
    name,
    ...cells,
    percent(known.filter(isCovered).length / Math.max(1, known.length)),
    percent(1 - known.length / all.length),
  ];
}

const rows: (readonly string[])[] = [];
const everything: (readonly JudgedEta[])[] = [];
for (const name of SIMULATED_RUNS) {
  const runs = await Promise.all(SEEDS.map((seed) => simulateForEta(name, seed)));
  everything.push(...runs.map(judgeEta));
  rows.push(row(name, runs.map(judgeEta)));
}
const folder = process.env['DPSLOAD_ETA_RUNS'];
for (const run of folder === undefined ? [] : recordedRuns(folder)) {
  everything.push(judgeEta(run));
  rows.push(row(`@${run.name}`, [judgeEta(run)]));
}
rows.push(row('all', everything));
console.log(textTable([['run', ...PROGRESS.map(percent), 'covered', 'none'], ...rows]).join('\n'));
