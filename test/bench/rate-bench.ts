// npm run bench rate: how exactly the open model keeps a rate: over TLS against the emulator, a process of its own, and, faster than
// that can be had on a small machine, over a simulated connection.

import { once } from 'node:events';
import { join } from 'node:path';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { threadPool } from '../../src/worker/thread-pool.ts';
import { NULL_JOURNAL, runBatchSession, SIMULATED_WORKER, writeFleet } from './batch-session.ts';
import { inTemporaryFolder, journalOf, startEmulator, startRun } from './program-run.ts';

const RATES_PER_SECOND = [10, 100, 300];
const SIMULATED_RATE_PER_SECOND = 500;
const SECONDS = Number(process.env['DPSLOAD_BENCH_SECONDS'] ?? 20);

type Measured = {
  readonly startedAtMs: readonly number[];
  readonly startLagsMs: readonly number[];
  readonly cpuShares: readonly number[];
  readonly assigned: number;
};

console.log('| asked | achieved | off by | largest start lag | CPU (cores) | assigned |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const rate of RATES_PER_SECOND) {
  await inTemporaryFolder(async (folder) => tell(`${rate}/s`, rate, await measureOverTls(folder, rate)));
}
await inTemporaryFolder(async (folder) => {
  const rate = SIMULATED_RATE_PER_SECOND;
  tell(`${rate}/s, simulated connection`, rate, await measureSimulated(folder, rate));
});

async function measureOverTls(folder: string, rate: number): Promise<Measured> {
  const emulator = await startEmulator(1);
  await once(startRun(folder, emulator, rate * SECONDS, ['-r', `${rate}/s`]), 'exit');
  await emulator.stop();
  const journal = journalOf(folder);
  const outcomes = journal.filter(({ kind }) => kind === 'outcome');
  return {
    startedAtMs: outcomes.flatMap(({ started }) => started ?? []),
    startLagsMs: outcomes.map(({ started = 0, intended = 0 }) => started - intended),
    cpuShares: journal.flatMap(({ kind, cpuShare = 0 }) => (kind === 'sample' ? [cpuShare] : [])),
    assigned: outcomes.filter(({ result }) => result === 'assigned').length,
  };
}

async function measureSimulated(folder: string, ratePerSecond: number): Promise<Measured> {
  const records: JournalRecord[] = [];
  const fleet = await writeFleet(join(folder, 'fleet.csv'), ratePerSecond * SECONDS);
  await runBatchSession({
    fleet,
    survey: await surveyFleet(fleet, { keys: 'for-every-row' }),
    journal: { ...NULL_JOURNAL, append: (record) => records.push(record) },
    startPool: threadPool(SIMULATED_WORKER),
    workers: 1,
    concurrency: ratePerSecond * 10,
    shape: { kind: 'rate', ratePerSecond },
    endpoint: { host: '127.0.0.1', port: 8883, idScope: '0ne00111111', caPems: [] },
  });
  const outcomes = records.flatMap((record) => (record.kind === 'outcome' ? [record] : []));
  return {
    startedAtMs: outcomes.flatMap(({ startedAtMs }) => startedAtMs ?? []),
    startLagsMs: outcomes.map(({ startedAtMs, intendedAtMs }) => (startedAtMs ?? 0) - (intendedAtMs ?? 0)),
    cpuShares: records.flatMap((record) => (record.kind === 'sample' ? [record.cpuShare] : [])),
    assigned: outcomes.filter(({ result }) => result === 'assigned').length,
  };
}

function tell(asked: string, rate: number, { startedAtMs, startLagsMs, cpuShares, assigned }: Measured): void {
  const starts = startedAtMs.toSorted((a, b) => a - b);
  const achieved = ((starts.length - 1) * 1000) / ((starts.at(-1) ?? 0) - (starts[0] ?? 0));
  const cells = [
    asked,
    `${achieved.toFixed(3)}/s`,
    `${((achieved / rate - 1) * 100).toFixed(3)}%`,
    `${Math.max(...startLagsMs).toFixed(1)} ms`,
    (cpuShares.reduce((sum, share) => sum + share, 0) / cpuShares.length).toFixed(2),
    `${assigned} of ${rate * SECONDS}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
