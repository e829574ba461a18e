// npm run bench journal: what journal and results cost a run over TLS against the emulator, beside one with a journal that keeps
// nothing, in turns. DPSLOAD_BENCH_ROWS and DPSLOAD_BENCH_ROUNDS name other amounts.
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REGISTRATION_WORKER } from '../../src/coordinator/worker-pool.ts';
import { writeResults } from '../../src/coordinator/write-results.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { createJournal } from '../../src/journal/journal-writer.ts';
import { sessionRecord } from '../support/sample-journal.ts';
import { type BatchSession, NULL_JOURNAL, runBatchSession, writeFleet } from './batch-session.ts';
import { median } from './interleaved-rounds.ts';
import { inTemporaryFolder, startEmulator } from './program-run.ts';

const ROWS = Number(process.env['DPSLOAD_BENCH_ROWS'] ?? 3_000);
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 7);

type Cost = { readonly cpuMs: number; readonly ms: number };

await inTemporaryFolder(async (folder) => {
  const emulator = await startEmulator(0);
  const fleet = await writeFleet(join(folder, 'fleet.csv'), ROWS);
  const survey = await surveyFleet(fleet, { keys: 'for-every-row' });
  const session = {
    fleet,
    survey,
    workerFile: REGISTRATION_WORKER,
    workers: 1,
    concurrency: 100,
    endpoint: {
      host: '127.0.0.1',
      port: emulator.port,
      idScope: emulator.idScope,
      caPems: [readFileSync(emulator.caFile, 'utf8')],
    },
  };
  const cpuRatios: number[] = [];
  const timeRatios: number[] = [];
  // The first round warms up, and does not count. Which of the two goes first alternates: the emulator slows down by what it has to remember.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const kept = () => costOf(() => runKept(session, mkdtempSync(join(folder, 'run-'))));
    const unkept = () => costOf(() => runBatchSession({ ...session, journal: NULL_JOURNAL }));
    const [first, second] = round % 2 === 0 ? [kept, unkept] : [unkept, kept];
    const [one, other] = [await first(), await second()];
    const [withJournal, without] = round % 2 === 0 ? [one, other] : [other, one];
    if (round === 0) continue;
    cpuRatios.push(withJournal.cpuMs / without.cpuMs);
    timeRatios.push(withJournal.ms / without.ms);
    const perRow = ({ cpuMs, ms }: Cost): string =>
      `${(cpuMs / ROWS).toFixed(3)} ms CPU, ${((ROWS * 1000) / ms).toFixed(0)}/s`;
    console.log(`round ${round}: kept ${perRow(withJournal)}; null journal ${perRow(without)}`);
  }
  await emulator.stop();
  console.log(
    `\njournal and results, of a run without them (paired ratio, ${ROUNDS} rounds of ${ROWS} registrations):`,
  );
  console.log(`- CPU of the process:  ${summary(cpuRatios)}`);
  console.log(`- time of the run:     ${summary(timeRatios)}`);
});

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

function summary(ratios: number[]): string {
  const ascending = ratios.toSorted((a, b) => a - b);
  return `median ${median(ascending).toFixed(3)}, from ${ascending[0]?.toFixed(3)} to ${ascending.at(-1)?.toFixed(3)}`;
}
