// npm run bench in-flight: memory for each registration in flight over TLS, at 5,000 in flight.

import { once } from 'node:events';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { inTemporaryFolder, type JournalLine, journalOf, startEmulator, startRun } from './program-run.ts';

const IN_FLIGHT = Number(process.env['DPSLOAD_BENCH_IN_FLIGHT'] ?? 5_000);
/** Slow enough for the handshakes of one core. */
const LAUNCHES_PER_SECOND = 150;
/** Longer than it takes to open them all. */
const RETRY_AFTER_SECONDS = 110;

await inTemporaryFolder(async (folder) => {
  const emulator = await startEmulator(RETRY_AFTER_SECONDS);
  const options = ['-r', `${LAUNCHES_PER_SECOND}/s`, '-c', String(IN_FLIGHT)];
  const run = startRun(folder, emulator, IN_FLIGHT, options);
  const samples = (): readonly JournalLine[] => journalOf(folder).filter(({ kind }) => kind === 'sample');
  while (run.exitCode === null && (samples().at(-1)?.inFlight ?? 0) < IN_FLIGHT) await pauseMs(500);
  run.kill('SIGINT');
  run.kill('SIGINT');
  if (run.exitCode === null) await once(run, 'exit');
  await emulator.stop();
  report(samples());
});

function report(samples: readonly JournalLine[]): void {
  const [first] = samples;
  const fullest = samples.toSorted((a, b) => (b.inFlight ?? 0) - (a.inFlight ?? 0))[0];
  if (first?.rssBytes === undefined || fullest?.rssBytes === undefined) throw new Error('the run left no samples');
  const inFlight = (fullest.inFlight ?? 0) - (first.inFlight ?? 0);
  const perRegistration = (fullest.rssBytes - first.rssBytes) / inFlight;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${fullest.inFlight} in flight: ${megabytes(fullest.rssBytes)} resident, ${megabytes(first.rssBytes)} at ${first.inFlight}: ` +
      `${(perRegistration / 1000).toFixed(0)} kB for each registration in flight`,
  );
}
