// npm run bench report: how long `dpsload report` takes for journals of 10,000 to 1,000,000 outcomes at 750 a minute, how much
// memory it needs, how large report.html becomes, and whether it still shows the one registration that took 59 s.

import { spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { encodeJournalLine } from '../../src/journal/journal-line.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import type { PlotData } from '../../src/report/page/plot-data.ts';
import { textTable } from '../../src/report/text-table.ts';
import {
  grantRecord,
  HUBS,
  notAssigned,
  outcomeRecord,
  randomFrom,
  sampleRecord,
  sessionOf,
} from '../support/sample-journal.ts';
import { inTemporaryFolder } from './program-run.ts';

const SIZES = [10_000, 100_000, 1_000_000];
const SPACING_MS = 80;
const SLOWEST_MS = 59_000;
/** Of the text that is written at once. */
const CHUNK_ROWS = 5_000;

/** Says on stderr what the process needed, when it ends. */
const TELL_COST = `data:text/javascript,${encodeURIComponent(`
  process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    process.stderr.write(JSON.stringify({ maxRSS, cpuMs: (userCPUTime + systemCPUTime) / 1000 }));
  });
`)}`;

/** A run within the quota, of which one in a hundred fails, with one very slow device in its middle. */
function* journal(rows: number): Generator<JournalRecord> {
  const random = randomFrom(9);
  yield sessionOf(rows, { ratePerSecond: 1_000 / SPACING_MS, thresholds: ['rate(failed) < 5%', 'p95(service) < 1s'] });
  yield grantRecord(0, rows - 1);
  let sampledAtMs = 0;
  for (let row = 0; row < rows; row += 1) {
    const startedAtMs = row * SPACING_MS;
    const serviceMs = row === rows / 2 ? SLOWEST_MS : 200 + random() * 400;
    const finishedAtMs = startedAtMs + 3_000 + serviceMs;
    const times = { intendedAtMs: startedAtMs, startedAtMs, finishedAtMs, expectedHub: HUBS[row % 2] ?? null };
    const failure = notAssigned({ result: 'refused', errorCode: '401000', errorMessage: 'Unauthorized' });
    yield outcomeRecord(row, row % 100 === 99 ? { ...failure, ...times } : times);
    for (; sampledAtMs <= startedAtMs; sampledAtMs += 1_000) yield sampleRecord(sampledAtMs, { inFlight: 40 });
  }
  yield { kind: 'end', atMs: rows * SPACING_MS + 60_000, reason: 'completed', message: null };
}

function* inChunks(records: Iterable<JournalRecord>): Generator<string> {
  let lines: string[] = [];
  for (const record of records) {
    lines.push(`${encodeJournalLine(record)}\n`);
    if (lines.length < CHUNK_ROWS) continue;
    yield lines.join('');
    lines = [];
  }
  yield lines.join('');
}

function slowestPlotted(reportFile: string): number {
  const json = /<script type="application\/json" id="plots">(.*?)<\/script>/s.exec(readFileSync(reportFile, 'utf8'));
  const plots = JSON.parse(json?.[1] ?? '[]') as readonly PlotData[];
  const service = plots.find(({ id }) => id === 'plot-service')?.series.find(({ label }) => label === 'max');
  return Math.max(...(service?.values ?? []).map((value) => value ?? 0));
}

const table: string[][] = [
  ['outcomes', 'journal MB', 's', 'CPU s', 'CPU µs/outcome', 'peak memory MB', 'report.html kB', 'slowest plotted'],
];
for (const rows of SIZES) {
  await inTemporaryFolder(async (folder) => {
    const file = join(folder, 'journal.ndjson');
    await pipeline(inChunks(journal(rows)), createWriteStream(file));
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', TELL_COST, 'dist/cli/main.js', 'report', folder],
      {
        encoding: 'utf8',
      },
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    if (status !== 0) throw new Error(stderr);
    const { maxRSS, cpuMs } = JSON.parse(stderr.slice(stderr.lastIndexOf('{'))) as { maxRSS: number; cpuMs: number };
    const report = join(folder, 'report.html');
    table.push([
      rows.toLocaleString('en'),
      (statSync(file).size / 1e6).toFixed(0),
      seconds.toFixed(1),
      (cpuMs / 1_000).toFixed(1),
      ((cpuMs * 1_000) / rows).toFixed(1),
      (maxRSS / 1_000).toFixed(0),
      (statSync(report).size / 1e3).toFixed(0),
      `${(slowestPlotted(report) / 1_000).toFixed(1)} s`,
    ]);
  });
}
console.log(textTable(table).join('\n'));
