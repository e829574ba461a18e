// A process of its own for one size of fleet, so that its peak memory is that size's. Prints one JSON line.

import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { createJournal } from '../../src/journal/journal-writer.ts';
import { surveyJournals } from '../../src/results/survey-journals.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { threadPool } from '../../src/worker/thread-pool.ts';
import { sessionRecord } from '../support/sample-journal.ts';
import { runBatchSession, SIMULATED_WORKER, writeFleet } from './batch-session.ts';
import { inTemporaryFolder } from './program-run.ts';

const ENDPOINT = { host: '127.0.0.1', port: 8883, idScope: '0ne00111111', caPems: [] };
const CONCURRENCY = 1_000;
const LINE_FEED = 0x0a;

export type BatchMeasures = {
  readonly rows: number;
  readonly survey: Phase;
  readonly run: Phase & { readonly journalBytes: number };
  readonly resume: Phase;
  readonly results: Phase;
};

export type Phase = {
  readonly ms: number;
  /** Of the process, threads included: says more than the time where others use the machine too. */
  readonly cpuMs: number;
  /** Largest amount outside the heap of this thread in the phase, above that before it. */
  readonly outsideHeapBytes: number;
  /** Largest resident set of the process so far, threads included. */
  readonly rssBytes: number;
};

const rows = Number(process.argv[2]);
await inTemporaryFolder(async (folder) => {
  const fleet = await writeFleet(join(folder, 'fleet.csv'), rows);
  const journalFile = join(folder, 'journal.ndjson');
  const [survey, found] = await phase(() => surveyFleet(fleet, { keys: 'for-every-row' }));
  const [run] = await phase(async () => {
    const journal = await createJournal(journalFile);
    const { digest, bytes, otherColumns } = found;
    const fleetFacts = { file: fleet.file, digest, bytes, rows, rejectedRows: 0, otherColumns };
    journal.append(sessionRecord({ fleet: fleetFacts }));
    await runBatchSession({
      fleet,
      survey: found,
      journal,
      startPool: threadPool(SIMULATED_WORKER),
      workers: 1,
      concurrency: CONCURRENCY,
      endpoint: ENDPOINT,
    });
    journal.append({ kind: 'end', atMs: 1, reason: 'completed', message: null });
    await journal.close();
  });
  const journalBytes = statSync(journalFile).size;
  const half = join(folder, 'half.ndjson');
  copyFileSync(journalFile, half);
  truncateSync(half, lineEndBefore(half, Math.floor(journalBytes / 2)));
  const [resume, { index }] = await phase(() => surveyJournals([half]));
  if (index.complete) throw new Error('half a journal knows all');
  const [results, { results: counts }] = await phase(() => writeResults(folder, { fleet }));
  if (counts.assigned !== rows) throw new Error(`${counts.assigned} of ${rows} are assigned`);
  const measures: BatchMeasures = { rows, survey, run: { ...run, journalBytes }, resume, results };
  console.log(JSON.stringify(measures));
});

async function phase<Value>(work: () => Promise<Value>): Promise<readonly [Phase, Value]> {
  globalThis.gc?.();
  const before = process.memoryUsage().external;
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage().external);
  };
  const timer = setInterval(look, 20);
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const value = await work();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  look();
  clearInterval(timer);
  const rssBytes = process.resourceUsage().maxRSS * 1024;
  return [{ ms, cpuMs: (user + system) / 1000, outsideHeapBytes: peak - before, rssBytes }, value];
}

/** Offset behind the last line feed within the first `bytes`. */
function lineEndBefore(file: string, bytes: number): number {
  const tail = Buffer.alloc(Math.min(bytes, 64 * 1024));
  const handle = openSync(file, 'r');
  readSync(handle, tail, 0, tail.length, bytes - tail.length);
  closeSync(handle);
  return bytes - tail.length + tail.lastIndexOf(LINE_FEED) + 1;
}
