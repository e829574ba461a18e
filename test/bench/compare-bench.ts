// npm run bench compare: how often `dpsload compare` raises a false alarm over 1,000 simulated pairs of unchanged runs and 50 real ones,
// and how often it finds that a service became 20% slower. Simulated latencies depend on each other, and some services stall.
import { join } from 'node:path';
import { textTable } from '../../src/report/text-table.ts';
import { comparedPair } from '../support/compared-pairs.ts';
import { isAlarm, missesTruth, SERVICES, simulatedPair } from '../support/simulated-pairs.ts';
import { inTemporaryFolder } from './program-run.ts';

const SIZES = [600, 2_000];
const PAIRS_EACH = 100;
const SLOWDOWN = 1.2;
const REAL_PAIRS = 50;

const table: string[][] = [
  ['service', 'devices', 'pairs', 'false alarms', 'with tolerance 0%', `${SLOWDOWN}x as slow: found`, 'with tolerance 5%'],
];
for (const devices of SIZES) {
  for (const [name, service] of Object.entries(SERVICES)) {
    const counts = { alarms: 0, misses: 0, found: 0, foundAtFive: 0 };
    for (let seed = 1; seed <= PAIRS_EACH; seed += 1) {
      const { unchanged, slower } = simulatedPair({ ...service, devices }, seed, { slowdown: SLOWDOWN });
      counts.alarms += Number(isAlarm(unchanged));
      counts.misses += Number(missesTruth(unchanged));
      counts.found += Number(slower.regressed);
      counts.foundAtFive += Number(isBeyond(slower, 0.05));
    }
    table.push([name, String(devices), String(PAIRS_EACH), ...Object.values(counts).map(String)]);
    console.log(textTable(table.slice(-1)).join('\n'));
  }
}
console.log(textTable(table).join('\n'));
