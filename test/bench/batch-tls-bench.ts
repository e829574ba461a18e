// npm run bench batch-tls: a large fleet through the built program over TLS against the emulator, a process of its own.
// DPSLOAD_BENCH_ROWS names another size.

import { once } from 'node:events';
import { inTemporaryFolder, journalOf, startEmulator, startRun } from './program-run.ts';

const ROWS = Number(process.env['DPSLOAD_BENCH_ROWS'] ?? 100_000);

await inTemporaryFolder(async (folder) => {
  const emulator = await startEmulator(0);
  const startedAt = performance.now();
  const run = startRun(folder, emulator, ROWS, ['--concurrency', '200']);
  const [code] = await once(run, 'exit');
  const seconds = (performance.now() - startedAt) / 1000;
  await emulator.stop();
  const journal = journalOf(folder);
  const outcomes = journal.filter(({ kind }) => kind === 'outcome');
  const assigned = outcomes.filter(({ result }) => result === 'assigned').length;
  const samples = journal.filter(({ kind }) => kind === 'sample');
  console.log(
    `exit code ${code}, ${assigned} of ${ROWS} assigned in ${seconds.toFixed(0)} s, ${(assigned / seconds).toFixed(0)}/s`,
  );
  for (const share of [0.1, 0.25, 0.5, 0.75, 1]) {
    const until = samples.slice(0, Math.ceil(samples.length * share));
    const rssBytes = Math.max(...until.map(({ rssBytes = 0 }) => rssBytes));
    console.log(
      `largest RSS of coordinator and workers in the first ${share * 100}% of the run: ${(rssBytes / 1e6).toFixed(0)} MB`,
    );
  }
});
