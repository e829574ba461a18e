// npm run bench survey: CPU of surveying a fleet file (digest, every row checked, duplicates found), beside reading it with csv-parse alone.

import { createReadStream, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { textTable } from '../../src/report/text-table.ts';
import { type Figure, showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import { inTemporaryFolder } from './program-run.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 7);
const ROWS = 200_000;

await inTemporaryFolder(async (folder) => {
  const table: string[][] = [];
  const figures: Figure[] = [];
  for (const place of ['Munich', 'München']) {
    const file = join(folder, `${place}.csv`);
    writeFileSync(file, fleetAt(place));
    const read: number[] = [];
    const survey: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const readMs = await cpuMs(() => rowsRead(file));
      const surveyMs = await cpuMs(() => rowsSurveyed(file));
      if (round === 0) continue;
      read.push(readMs);
      survey.push(surveyMs);
    }
    const ratios = survey.map((value, round) => value / (read[round] ?? Number.NaN));
    figures.push({ figure: `survey to csv-parse, ${place}`, ratio: median(ratios), atMost: 1.5 });
    table.push([place, ...[read, survey].map((values) => median(values).toFixed(0)), median(ratios).toFixed(2)]);
  }
  const [load = 0] = loadavg();
  console.log(`Node ${process.versions.node}, ${ROWS} rows, load ${load.toFixed(1)}`);
  console.log(textTable([['place', 'csv-parse ms', 'survey ms', 'ratio'], ...table]).join('\n'));
  showFigures(figures);
});

function fleetAt(place: string): string {
  const rows = Array.from({ length: ROWS }, (_, index) => `device-${index},line ${index % 40},${place}\n`);
  return `registration_id,group,place\n${rows.join('')}`;
}

async function cpuMs(work: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage();
  const rows = await work();
  const { user, system } = process.cpuUsage(before);
  if (rows !== ROWS) throw new Error(`${rows} rows were read`);
  return (user + system) / 1000;
}

async function rowsSurveyed(file: string): Promise<number> {
  const fleet = { file, header: true, delimiter: ',', columns: {} };
  return (await surveyFleet(fleet, { keys: 'for-every-row' })).rows;
}

/** With the options of the survey, and in the cheapest way that csv-parse has. */
function rowsRead(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = -1;
    const parser = parse({
      delimiter: ',',
      encoding: 'latin1',
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
    });
    parser.on('readable', () => {
      while (parser.read() !== null) rows += 1;
    });
    parser.on('end', () => resolve(rows));
    parser.on('error', reject);
    createReadStream(file).pipe(parser);
  });
}
