// npm run bench journal: what journal and results cost a run over TLS against the emulator, beside one with a journal that keeps
// nothing, in turns. DPSLOAD_BENCH_ROWS and DPSLOAD_BENCH_ROUNDS name other amounts.

import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { createJournal } from '../../src/journal/journal-writer.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { threadPool } from '../../src/worker/thread-pool.ts';
import { sessionRecord } from '../support/sample-journal.ts';
import { type BatchSession, NULL_JOURNAL, runBatchSession, SIMULATED_WORKER, writeFleet } from './batch-session.ts';
import { median } from './interleaved-rounds.ts';
import { inTemporaryFolder, startEmulator } from './program-run.ts';

const ROWS = Number(process.env['DPSLOAD_BENCH_ROWS'] ?? 3_000);
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 7);

type Cost = { readonly cpuMs: number; readonly ms: number };

await inTemporaryFolder(async (folder) => {
  const fleet = await writeFleet(join(folder, 'fleet.csv'), ROWS);
  const survey = await surveyFleet(fleet, { keys: 'for-every-row' });
  const session = { fleet, survey, workers: 1, concurrency: 100 };
  const nowhere = { host: '127.0.0.1', port: 8883, idScope: '0ne00111111', caPems: [] };
  await compare('a simulated connection', folder, {
    ...session,
    startPool: threadPool(SIMULATED_WORKER),
    endpoint: nowhere,
  });
  const { port, idScope, caFile, stop } = await startEmulator(0);
  const endpoint = { host: '127.0.0.1', port, idScope, caPems: [readFileSync(caFile, 'utf8')] };
  await compare('TLS to the emulator', folder, { ...session, endpoint });
  await stop();
});

/** Both in turns: the first round warms up, and does not count; which goes first alternates. */
async function compare(connection: string, folder: string, session: Omit<BatchSession, 'journal'>): Promise<void> {
  const kept: Cost[] = [];
  const unkept: Cost[] = [];
  const sides = [
    { costs: kept, run: () => runKept(session, mkdtempSync(join(folder, 'run-'))) },
    { costs: unkept, run: () => runBatchSession({ ...session, journal: NULL_JOURNAL }) },
  ];
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { costs, run } of round % 2 === 0 ? sides : sides.toReversed()) {
      const cost = await costOf(run);
      if (round > 0) costs.push(cost);
    }
  }
  const paired = (of: (kept: Cost, unkept: Cost) => number): number[] =>
    kept.map((cost, round) => of(cost, unkept[round] ?? cost));
  console.log(
    `\n${connection}, ${ROUNDS} rounds of ${ROWS} registrations; journal and results, paired with a null journal:`,
  );
  console.log(`- null journal, CPU in ms a registration:  ${spread(unkept.map(({ cpuMs }) => cpuMs / ROWS))}`);
  console.log(`- added CPU in ms a registration:          ${spread(paired((a, b) => (a.cpuMs - b.cpuMs) / ROWS))}`);
  console.log(`- ratio of the CPU of the process:         ${spread(paired((a, b) => a.cpuMs / b.cpuMs))}`);
  console.log(`- ratio of the time of the run:            ${spread(paired((a, b) => a.ms / b.ms))}`);
}

/** A run as the program makes it, results and all. */
async function runKept(session: Omit<BatchSession, 'journal'>, folder: string): Promise<void> {
  const { survey } = session;
  const journal = await createJournal(join(folder, 'journal.ndjson'));
  journal.append(sessionRecord({ fleet: survey }));
  await runBatchSession({ ...session, journal });
  journal.append({ kind: 'end', atMs: 1, reason: 'completed', message: null });
  await journal.close();
  const { results } = await writeResults(folder, { fleet: session.fleet });
  if (results.assigned !== survey.rows) throw new Error(`${results.assigned} of ${survey.rows} are assigned`);
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, ms: performance.now() - startedAt };
}

function spread(values: readonly number[]): string {
  const ascending = values.toSorted((a, b) => a - b);
  return `median ${median(ascending).toFixed(3)}, from ${ascending[0]?.toFixed(3)} to ${ascending.at(-1)?.toFixed(3)}`;
}
