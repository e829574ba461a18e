// npm run bench agents: what a run on agents costs beside one on a thread, over simulated connections at one rate in all: the coordinator's
// CPU, and what Redis does and holds; the median of several rounds in turns, each with a coordinator, agents and a redis-server of its own.
// DPSLOAD_BENCH_ROWS, DPSLOAD_BENCH_RATE (a second), DPSLOAD_BENCH_AGENTS (10,20,50) and
// DPSLOAD_BENCH_ROUNDS name other amounts.

import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { formatCount } from '../../src/report/format.ts';
import { textTable } from '../../src/report/text-table.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import type { AgentsMeasures, Spent } from './agents-measure.ts';
import { showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import type { RedisFigures } from './redis-figures.ts';

const ROWS = Number(process.env['DPSLOAD_BENCH_ROWS'] ?? 10_000);
const RATE = Number(process.env['DPSLOAD_BENCH_RATE'] ?? 1_000);
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 3);
const AGENTS = (process.env['DPSLOAD_BENCH_AGENTS'] ?? '10,20,50').split(',').map(Number);
const MEASURE = fileURLToPath(new URL('./agents-measure.js', import.meta.url));

if (!HAS_REDIS) {
  console.log('skipped: there is no /usr/bin/redis-server (Debian: apt install redis-server)');
  process.exit();
}

type Contender = { readonly agents: number; readonly rounds: AgentsMeasures[] };

const thread: Contender = { agents: 0, rounds: [] };
const onAgents = AGENTS.map((agents): Contender => ({ agents, rounds: [] }));
const contenders = [thread, ...onAgents];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { agents, rounds } of contenders) {
    const args = [MEASURE, ...[ROWS, agents, RATE].map(String)];
    const stdout = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    rounds.push(JSON.parse(stdout) as AgentsMeasures);
    const load = loadavg()[0]?.toFixed(1);
    console.error(`round ${round + 1} of ${ROUNDS}, ${nameOf(agents)}: done, load average ${load}`);
  }
}

/** `null` = it has none. */
type Value = (measures: AgentsMeasures, round: number, agents: number) => number | null;

const aRow = (value: number): number => value / ROWS;
const ofRedis =
  (of: (redis: RedisFigures) => number): Value =>
  ({ run: { redis } }) =>
    redis && of(redis);
const ofAgent =
  (of: (idle: Spent, redis: RedisFigures) => number): Value =>
  ({ idle }, _round, agents) =>
    idle?.redis ? (of(idle, idle.redis) * 1_000) / idle.ms / agents : null;
const besideThread: Value = ({ run }, round) => run.cpuMs / (thread.rounds[round]?.run.cpuMs ?? Number.NaN);

showTable(`A row (${formatCount(ROWS)} rows, ${formatCount(RATE)} a second, median of ${ROUNDS})`, contenders, [
  ['coordinator, µs CPU', ({ run }) => aRow(run.cpuMs * 1_000)],
  ['beside a thread', besideThread],
  ['its process, µs CPU', ({ run }) => aRow(run.processMs * 1_000)],
  ['Redis, µs CPU', ofRedis(({ cpuMs }) => aRow(cpuMs * 1_000))],
  ['Redis commands', ofRedis(({ commands }) => aRow(commands))],
  ['bytes into Redis', ofRedis(({ inputBytes }) => aRow(inputBytes))],
  ['bytes out of Redis', ofRedis(({ outputBytes }) => aRow(outputBytes))],
]);
showTable('The whole run', contenders, [
  ['rows a second', ({ run }) => (ROWS * 1_000) / run.ms],
  ['Redis commands a second', ({ run }) => run.redis && (run.redis.commands * 1_000) / run.ms],
  ['Redis at its peak, MB', ofRedis(({ peakBytes }) => peakBytes / 1e6)],
  ['start lag in ms, p50', ({ startLag }) => startLag.p50Ms],
  ['start lag in ms, p99', ({ startLag }) => startLag.p99Ms],
  ['start lag in ms, most', ({ startLag }) => startLag.maxMs],
]);
showTable('An agent without rows, a second', onAgents, [
  ['coordinator, ms CPU', ofAgent(({ cpuMs }) => cpuMs)],
  ['Redis, ms CPU', ofAgent((_, { cpuMs }) => cpuMs)],
  ['Redis commands', ofAgent((_, { commands }) => commands)],
  ['bytes into Redis', ofAgent((_, { inputBytes }) => inputBytes)],
  ['bytes out of Redis', ofAgent((_, { outputBytes }) => outputBytes)],
]);
for (const contender of onAgents) console.log(`${nameOf(contender.agents)}, calls in a run: ${callsOf(contender)}`);
showFigures(
  onAgents.map((contender) => ({
    figure: `coordinator's CPU a row, ${nameOf(contender.agents)} to a thread`,
    ratio: medianOf(contender, besideThread) ?? Number.NaN,
    atMost: null,
  })),
);

function showTable(title: string, of: readonly Contender[], values: readonly (readonly [string, Value])[]): void {
  const lines = values.map(([name, value]) => [name, ...of.map((contender) => shown(medianOf(contender, value)))]);
  console.log(`\n${textTable([[title, ...of.map(({ agents }) => nameOf(agents))], ...lines]).join('\n')}\n`);
}

function medianOf({ agents, rounds }: Contender, value: Value): number | null {
  const values = rounds.map((measures, round) => value(measures, round, agents));
  return median(values.filter((one) => one !== null));
}

function shown(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function callsOf({ rounds }: Contender): string {
  const calls = Object.entries(rounds[0]?.run.redis?.calls ?? {}).filter(([, count]) => count > 0);
  const frequent = calls.toSorted(([, one], [, other]) => other - one).slice(0, 10);
  return frequent.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ');
}

function nameOf(agents: number): string {
  return agents === 0 ? 'thread' : `${agents} agents`;
}
