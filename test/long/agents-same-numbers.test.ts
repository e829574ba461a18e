import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HistogramLogReader } from 'hdr-histogram-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordLine } from '../../src/emulator/service/registration-record.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { LATENCY_METRICS, type LatencyMetric } from '../../src/metrics/latency-metric.ts';
import { latencyHlog } from '../../src/report/latency-hlog.ts';
import type { Summary } from '../../src/report/summary.ts';
import {
  dpsload,
  type EmulatorProgram,
  type Started,
  startDpsload,
  startEmulatorProgram,
} from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { onlyRunFolder, readLines } from '../support/results.ts';
import { fleetRunArgs, resultsOf } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const AGENTS = 3;
const ROWS = 600;
const OPTIONS = ['--rate', '30/s', '--concurrency', '90', '--expect', 'new', '--max-surprises', '0'];

/** The service takes its time on purpose, so that what else the machine does is little beside it. */
const SERVICE = { retryAfter: '1s', answerDelay: '400ms' };
/** Of what a busy machine adds to two answers, a handshake and a poll, at the median. */
const NOISE_SHARE = 0.2;
/** Measured on one machine each. */
const METRICS = ['accepted', 'assigned', 'allocation', 'service'] as const satisfies readonly LatencyMetric[];

const folder = temporaryFolder();

type Ran = {
  readonly summary: Summary;
  readonly folder: string;
  /** Of each device, in the results. */
  readonly hubs: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, RecordLine>;
};

/** The same fleet at an emulator of its own. */
async function run(kind: 'threads' | 'agents', options: readonly string[], env: Record<string, string>): Promise<Ran> {
  const records = join(folder, `${kind}.ndjson`);
  const config = join(folder, 'emulator.yaml');
  const symmetricKey = { primaryKeyVariable: Object.keys(GROUP_KEY_ENV)[0] };
  const instance = {
    idScope: '0ne00111111',
    enrollmentGroups: [{ enrollmentGroupId: 'all', attestation: { symmetricKey } }],
  };
  writeFileSync(config, JSON.stringify({ version: 1, behavior: SERVICE, instances: [instance] }));
  const emulator: EmulatorProgram = await startEmulatorProgram(['-c', config, '--records', records], GROUP_KEY_ENV);
  const { args } = fleetRunArgs(folder, emulator, 'dev', ROWS, [...OPTIONS, ...options]);
  const out = join(folder, `${kind}-out`);
  const { code, stderr } = await dpsload([...args, '--out', out], { env: { ...GROUP_KEY_ENV, ...env } });
  await emulator.stop();
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  const ran = onlyRunFolder(out);
  const lines = readLines<RecordLine>(records).filter((line) => line.kind === 'registration');
  return {
    folder: ran,
    summary: JSON.parse(readFileSync(join(ran, 'summary.json'), 'utf8')) as Summary,
    hubs: new Map(resultsOf(ran).map((row) => [row['registration_id'] ?? '', row['assigned_hub'] ?? ''])),
    records: new Map(lines.map((line) => [line.registrationId, line])),
  };
}

describe.skipIf(!HAS_REDIS)('the same run on threads and on agents (needs redis-server)', () => {
  let redis: RedisServer;
  let agents: readonly Started[] = [];
  let onThreads: Ran;
  let onAgents: Ran;
  beforeAll(async () => {
    onThreads = await run('threads', ['--workers', String(AGENTS)], {});
    redis = await startRedisServer();
    const place = { DPSLOAD_REDIS: redis.url() };
    agents = Array.from({ length: AGENTS }, (_, number) =>
      startDpsload(['agent', '--name', `agent-${number}`, '--slots', '1'], { env: { ...GROUP_KEY_ENV, ...place } }),
    );
    await Promise.all(agents.map((agent) => agent.until(({ stdout }) => stdout.includes('\n'))));
    onAgents = await run('agents', ['--agents', String(AGENTS)], place);
  }, 300_000);
  afterAll(async () => {
    for (const { child } of agents) child.kill('SIGTERM');
    await Promise.all(agents.map(({ ended }) => ended));
    await redis.stop();
  });

  it('has the same counts', () => {
    const countsOf = ({ summary: { account, requests, verdict } }: Ran) => ({ account, verdict, ...requests });
    expect(onThreads.summary.account.assigned).toBe(ROWS);
    expect(countsOf(onAgents)).toEqual(countsOf(onThreads));
  });

  it('has the same hub for each device, as the service knows', () => {
    expect(onAgents.hubs).toEqual(onThreads.hubs);
    for (const { hubs, records } of [onThreads, onAgents]) {
      expect(new Map([...records].map(([id, { assignedHub }]) => [id, assignedHub]))).toEqual(hubs);
    }
    expect(onAgents.summary.hubs.map(({ hub, count }) => [hub, count])).toEqual(
      onThreads.summary.hubs.map(({ hub, count }) => [hub, count]),
    );
  });

  it.each(METRICS)('has the same latencies, within noise: %s', (metric) => {
    const [threads, agents] = [onThreads, onAgents].map(({ summary }) => summary.latency[metric]);
    const [threadsMs, agentsMs] = [threads?.p50Ms ?? Number.NaN, agents?.p50Ms ?? Number.NaN];
    process.stdout.write(
      `${metric}: p50 ${threadsMs} ms, p95 ${threads?.p95Ms} ms on threads; p50 ${agentsMs} ms, p95 ${agents?.p95Ms} ms on agents\n`,
    );
    expect(Math.abs(agentsMs - threadsMs)).toBeLessThanOrEqual(NOISE_SHARE * threadsMs);
  });

  it('has histograms that are the fold of all outcomes', async () => {
    const fold = new LatencyHistograms();
    await readJournal(join(onAgents.folder, 'journal.ndjson'), (record) => {
      if (record.kind === 'outcome') fold.add(record);
    });
    const written = histogramsOf(readFileSync(join(onAgents.folder, 'latency.hlog'), 'utf8'));
    expect(written.size).toBeGreaterThan(METRICS.length);
    expect(written).toEqual(histogramsOf(latencyHlog(fold, 0, 0)));
    expect(written.get('service')?.count).toBe(ROWS);
  });
});

/** Each count of each value, by an independent reader. */
function histogramsOf(log: string) {
  const reader = new HistogramLogReader(log);
  const found = new Map<LatencyMetric, { readonly count: number; readonly percentiles: string }>();
  for (let one = reader.nextIntervalHistogram(); one !== null; one = reader.nextIntervalHistogram()) {
    const metric = LATENCY_METRICS.find((name) => name === one?.tag);
    if (metric === undefined) throw new Error(`${one.tag} is no metric`);
    found.set(metric, { count: one.totalCount, percentiles: one.outputPercentileDistribution(100) });
  }
  return found;
}
