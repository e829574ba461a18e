// One run, with its coordinator in this process, and its workers on so many agents in another one, or on a thread of this process. Prints one
// JSON line. Arguments: rows, agents (0 = a thread), rows a second.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import type { PlacementNeeds } from '../../src/agents/agent-messages.ts';
import { type GatheredAgents, gatherAgents } from '../../src/agents/gather-agents.ts';
import { connectRedis, redisTarget } from '../../src/agents/redis/redis-connection.ts';
import { RedisRunBus } from '../../src/agents/redis/redis-run-bus.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { createJournal } from '../../src/journal/journal-writer.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { threadPool } from '../../src/worker/thread-pool.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { sessionRecord } from '../support/sample-journal.ts';
import { runBatchSession, SIMULATED_WORKER, writeFleet } from './batch-session.ts';
import { BENCH_VERSION } from './bench-version.ts';
import { inTemporaryFolder } from './program-run.ts';
import { type RedisFigures, redisFigures, redisWork } from './redis-figures.ts';

const TARGET = { host: '127.0.0.1', port: 8883, idScope: '0ne00111111' };
/** Each registration waits 100 ms before its poll: enough for 5,000 a second. */
const CONCURRENCY = 1_000;
/** With agents that have a place but no rows: what beats and leases cost. */
const IDLE_MS = 10_000;
const NEEDS: PlacementNeeds = {
  version: BENCH_VERSION,
  target: TARGET,
  serverName: null,
  nameResolution: { cacheMs: null, pinned: [] },
  secrets: {
    attestation: { kind: 'group-key', key: null, groups: {}, secondary: { key: null, groups: {} } },
    fleet: null,
  },
};

export type AgentsMeasures = {
  /** `null` without agents. */
  readonly idle: Spent | null;
  readonly run: Spent;
  /** Of all launches, ascending. */
  readonly startLag: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
};

export type Spent = {
  readonly ms: number;
  /** The coordinator: the main thread of this process. */
  readonly cpuMs: number;
  /** With its helpers, which write files and collect garbage; without agents, the worker's thread as well. */
  readonly processMs: number;
  /** `null` without agents. */
  readonly redis: RedisFigures | null;
};

const [rows = 0, agents = 0, ratePerSecond = 0] = process.argv.slice(2).map(Number);
await inTemporaryFolder(async (folder) => {
  const measures = agents === 0 ? await onThread(folder) : await onAgents(folder);
  console.log(JSON.stringify(measures));
});

async function onThread(folder: string): Promise<AgentsMeasures> {
  return { idle: null, ...(await measureRun(folder, threadPool(SIMULATED_WORKER), 1, null)) };
}

async function onAgents(folder: string): Promise<AgentsMeasures> {
  const server = await startRedisServer();
  const hosts = fork(fileURLToPath(new URL('./agents-process.js', import.meta.url)), [server.url(), String(agents)]);
  try {
    await once(hosts, 'message');
    const target = await redisTarget({ flag: server.url(), file: null, variable: null });
    const redis = await connectRedis(target);
    const gathered = await gather(await RedisRunBus.connect(`bench-${process.pid}`, target, clock()));
    const idle = await spent(redis, () => pauseMs(IDLE_MS));
    const measured = await measureRun(folder, gathered.startPool, agents, redis);
    await gathered.end();
    redis.disconnect();
    if (gathered.outcomesTooLate() > 0) throw new Error('an agent was given up: the machine is too busy');
    return { idle, ...measured };
  } finally {
    hosts.disconnect();
    await server.stop();
  }
}

function gather(bus: RedisRunBus): Promise<GatheredAgents> {
  const request = { clock: clock(), needs: NEEDS, agentsMin: 1, withinMs: 60_000, pinLabel: null };
  return gatherAgents({ ...request, bus, agents, onWaiting: () => {}, calledOff: new Promise<never>(() => {}) });
}

async function measureRun(
  folder: string,
  startPool: StartWorkerPool,
  workers: number,
  redis: Redis | null,
): Promise<Omit<AgentsMeasures, 'idle'>> {
  const fleet = await writeFleet(join(folder, 'fleet.csv'), rows);
  const survey = await surveyFleet(fleet, { keys: 'for-every-row' });
  const journal = await createJournal(join(folder, 'journal.ndjson'));
  journal.append(sessionRecord({ fleet: survey }));
  const lags: number[] = [];
  const run = await spent(redis, () =>
    runBatchSession({
      fleet,
      survey,
      journal,
      startPool,
      workers,
      concurrency: CONCURRENCY,
      shape: { kind: 'rate', ratePerSecond },
      endpoint: { ...TARGET, caPems: [] },
      listener: {
        settled: ({ startedAtMs, intendedAtMs }) => lags.push((startedAtMs ?? 0) - (intendedAtMs ?? 0)),
        notice: (message) => console.error(message),
      },
    }),
  );
  await journal.close();
  if (lags.length !== rows) throw new Error(`${lags.length} of ${rows} were settled`);
  lags.sort((a, b) => a - b);
  const at = (share: number): number => lags[Math.ceil(share * rows) - 1] ?? Number.NaN;
  return { run, startLag: { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) } };
}

async function spent(redis: Redis | null, work: () => Promise<void>): Promise<Spent> {
  const before = redis && (await redisFigures(redis));
  const [startedAt, mainBefore, processBefore] = [performance.now(), mainThreadMs(), process.cpuUsage()];
  await work();
  const [ms, cpuMs, { user, system }] = [
    performance.now() - startedAt,
    mainThreadMs() - mainBefore,
    process.cpuUsage(processBefore),
  ];
  const after = redis && (await redisFigures(redis));
  return { ms, cpuMs, processMs: (user + system) / 1_000, redis: before && after && redisWork(before, after) };
}

/** The first field of schedstat is the time on a CPU in nanoseconds (proc(5), Documentation/scheduler/sched-stats of Linux). */
function mainThreadMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

function clock() {
  return systemClock(hrtimeMs());
}
