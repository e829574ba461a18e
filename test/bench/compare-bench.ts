// npm run bench compare: how often `dpsload compare` raises a false alarm over 1,000 simulated pairs of unchanged runs and 50 real ones,
// and how often it finds a service that became 20% slower. Simulated latencies depend on each other, and some services stall.
// DPSLOAD_COMPARE_PAIRS=N takes N pairs of each kind, for a first look.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { RunComparison } from '../../src/report/compare-runs.ts';
import { textTable } from '../../src/report/text-table.ts';
import { isAlarm, missesTruth, SERVICES, simulatedPair } from '../support/simulated-pairs.ts';
import { type Emulator, inTemporaryFolder, startEmulator, startRun } from './program-run.ts';

const PAIRS_MAX = Number(process.env['DPSLOAD_COMPARE_PAIRS'] ?? Number.POSITIVE_INFINITY);

const SIZES = [600, 2_000];
const PAIRS_EACH = Math.min(100, PAIRS_MAX);
const SLOWDOWN = 1.2;
const SMALL_TOLERANCE = 0.05;

const REAL_PAIRS = Math.min(50, PAIRS_MAX);
/** At 25/s they are launched in 12 seconds, one and a half times what a comparison needs. */
const REAL_DEVICES = 300;
const REAL_RATE = '25/s';
/** Pairs at the same time, each with its own emulator: a run spends most of its time waiting. */
const LANES = 4;

/** With confidence, some latency grew by more than the tolerance. */
function findsSlower({ figures }: RunComparison, tolerance: number): boolean {
  return figures.some(
    ({ section, intervals }) =>
      section === 'latency' && intervals.some((interval) => interval !== null && interval.lower > tolerance),
  );
}

function simulatedRow(name: string, devices: number): readonly string[] {
  const service = { ...SERVICES[name], devices } as Parameters<typeof simulatedPair>[0];
  const counts = { alarms: 0, misses: 0, found: 0, foundBySmall: 0 };
  for (let seed = 1; seed <= PAIRS_EACH; seed += 1) {
    const pair = simulatedPair(service, seed, { slowdown: SLOWDOWN });
    const [unchanged, slower] = [pair.unchanged(), pair.slower()];
    counts.alarms += Number(isAlarm(unchanged));
    counts.misses += Number(missesTruth(unchanged));
    counts.found += Number(slower.regressed);
    counts.foundBySmall += Number(findsSlower(slower, SMALL_TOLERANCE));
  }
  return [name, String(devices), ...Object.values(counts).map((count) => `${count} of ${PAIRS_EACH}`)];
}

function showSimulated(): void {
  const rows = SIZES.flatMap((devices) => Object.keys(SERVICES).map((name) => simulatedRow(name, devices)));
  const head = ['simulated service', 'devices', 'false alarms', 'tolerance 0%', '20% slower: found', 'tolerance 5%'];
  console.log(`${textTable([head, ...rows]).join('\n')}\n`);
}

async function realRun(folder: string, emulator: Emulator): Promise<string> {
  mkdirSync(folder);
  await once(startRun(folder, emulator, REAL_DEVICES, ['--rate', REAL_RATE, '-w', '1']), 'exit');
  return join(folder, 'out', readdirSync(join(folder, 'out'))[0] ?? '');
}

async function realVerdict(folder: string, emulator: Emulator): Promise<string> {
  const runs = [await realRun(`${folder}-a`, emulator), await realRun(`${folder}-b`, emulator)];
  const compare = spawn(process.execPath, ['dist/cli/main.js', 'compare', ...runs, '--format', 'json']);
  const comparison = (await json(compare.stdout)) as RunComparison;
  return isAlarm(comparison) ? 'false alarm' : comparison.verdict;
}

/** Takes pairs, by number, until there are no more. */
async function realVerdicts(folder: string, numbers: Iterator<number>): Promise<readonly string[]> {
  const emulator = await startEmulator(0);
  // All but the first run register devices that the emulator knows.
  await realRun(`${folder}-first`, emulator);
  const verdicts: string[] = [];
  for (let next = numbers.next(); !next.done; next = numbers.next()) {
    verdicts.push(await realVerdict(`${folder}-${next.value}`, emulator));
  }
  await emulator.stop();
  return verdicts;
}

async function showReal(): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const numbers = Array(REAL_PAIRS).keys();
    const lanes = Array.from({ length: LANES }, (_, lane) => realVerdicts(join(folder, `${lane}`), numbers));
    const verdicts = (await Promise.all(lanes)).flat();
    const counted = [...new Set(verdicts)]
      .map((verdict) => `${verdict}: ${verdicts.filter((each) => each === verdict).length}`)
      .join(', ');
    console.log(`${REAL_PAIRS} real pairs of ${REAL_DEVICES} devices at ${REAL_RATE}, ${LANES} at a time: ${counted}`);
  });
}

showSimulated();
await showReal();
