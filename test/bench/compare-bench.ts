// npm run bench compare: how often `dpsload compare` raises a false alarm over 1,000 simulated pairs of unchanged runs and 50 real ones,
// and how often it finds a service that became 20% slower. Simulated latencies depend on each other, and some services stall.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunComparison } from '../../src/report/compare-runs.ts';
import { textTable } from '../../src/report/text-table.ts';
import { isAlarm, missesTruth, SERVICES, simulatedPair } from '../support/simulated-pairs.ts';
import { type Emulator, inTemporaryFolder, startEmulator, startRun } from './program-run.ts';

const SIZES = [600, 2_000];
const PAIRS_EACH = 100;
const SLOWDOWN = 1.2;
const SMALL_TOLERANCE = 0.05;

const REAL_PAIRS = 50;
const REAL_DEVICES = 300;
const REAL_RATE = '100/s';

/** Some latency surely grew by more than the tolerance. */
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
    const { unchanged, slower } = simulatedPair(service, seed, { slowdown: SLOWDOWN });
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

async function showReal(): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const emulator = await startEmulator(0);
    const verdicts = new Map<string, number>();
    // Every other run registers devices that the emulator knows.
    await realRun(join(folder, 'first'), emulator);
    for (let pair = 0; pair < REAL_PAIRS; pair += 1) {
      const runs = [];
      for (const place of ['a', 'b']) runs.push(await realRun(join(folder, `${pair}${place}`), emulator));
      const args = ['dist/cli/main.js', 'compare', ...runs, '--format', 'json'];
      const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      const comparison = JSON.parse(stdout) as RunComparison;
      const verdict = isAlarm(comparison) ? 'false alarm' : comparison.verdict;
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    await emulator.stop();
    const counted = [...verdicts].map(([verdict, count]) => `${verdict}: ${count}`).join(', ');
    console.log(`${REAL_PAIRS} real pairs of ${REAL_DEVICES} devices at ${REAL_RATE}: ${counted}`);
  });
}

showSimulated();
await showReal();
