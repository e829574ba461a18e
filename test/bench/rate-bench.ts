// npm run bench rate: how exactly the open model keeps a rate over TLS against the emulator, a process of its own.
import { once } from 'node:events';
import { inTemporaryFolder, journalOf, startEmulator, startRun } from './program-run.ts';

const RATES_PER_SECOND = [10, 100, 300];
const SECONDS = Number(process.env['DPSLOAD_BENCH_SECONDS'] ?? 20);

console.log('| asked | achieved | off by | largest start lag | CPU (cores) | assigned |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const rate of RATES_PER_SECOND) await inTemporaryFolder((folder) => measure(folder, rate));

async function measure(folder: string, rate: number): Promise<void> {
  const emulator = await startEmulator(1);
  const registrations = rate * SECONDS;
  await once(startRun(folder, emulator, registrations, ['-r', `${rate}/s`]), 'exit');
  await emulator.stop();
  const journal = journalOf(folder);
  const outcomes = journal.filter(({ kind }) => kind === 'outcome');
  const starts = outcomes.flatMap(({ started }) => started ?? []).sort((a, b) => a - b);
  const lags = outcomes.map(({ started = 0, intended = 0 }) => started - intended);
  const achieved = ((starts.length - 1) * 1000) / ((starts.at(-1) ?? 0) - (starts[0] ?? 0));
  const cpu = journal.flatMap(({ kind, cpuShare = 0 }) => (kind === 'sample' ? [cpuShare] : []));
  const cells = [
    `${rate}/s`,
    `${achieved.toFixed(3)}/s`,
    `${((achieved / rate - 1) * 100).toFixed(3)}%`,
    `${Math.max(...lags).toFixed(1)} ms`,
    (cpu.reduce((sum, share) => sum + share, 0) / cpu.length).toFixed(2),
    `${outcomes.filter(({ result }) => result === 'assigned').length} of ${registrations}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
