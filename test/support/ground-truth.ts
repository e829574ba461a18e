import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '../../src/report/summary.ts';
import type { DelayingServer } from './delaying-server.ts';
import { dpsload } from './dpsload-program.ts';
import { GROUP_KEY_ENV } from './group-key.ts';
import { onlyRunFolder } from './results.ts';
import { nearestRank, readServerLog, type ServerLogLine, TRUE_TIMES, trueTimes } from './server-log.ts';
import { targetArgs } from './target-args.ts';

export type TruthRun = {
  readonly folder: string;
  /** Unique in the folder. */
  readonly name: string;
  readonly devices: number;
  /** `null` = the closed model. */
  readonly ratePerSecond: number | null;
  readonly concurrency: number;
  /** Writes its log to `logFile` when it is closed. */
  readonly startServer: (logFile: string) => Promise<DelayingServer>;
};

export const PERCENTILES = ['p50', 'p95', 'p99', 'max'] as const;

/** One figure of `summary.json`, and what it truly was. */
export type JudgedTime = {
  readonly time: (typeof TRUE_TIMES)[number];
  readonly percentile: (typeof PERCENTILES)[number];
  readonly trueMs: number;
  readonly reportedMs: number;
};

export type TruthVerdict = {
  readonly times: readonly JudgedTime[];
  readonly summary: Summary;
  readonly log: readonly ServerLogLine[];
};

/** Runs the built program against a server, and compares its `summary.json` with the log of that server. */
export async function runAgainstTruth(run: TruthRun): Promise<TruthVerdict> {
  const { folder, name, devices, ratePerSecond, concurrency } = run;
  const file = (suffix: string): string => join(folder, `${name}${suffix}`);
  const server = await run.startServer(file('-server.ndjson'));
  const ids = Array.from({ length: devices }, (_, place) => `d${place}`);
  writeFileSync(file('.csv'), `registration_id\n${ids.join('\n')}\n`);
  writeFileSync(file('.pem'), server.caPem);
  const args = [
    ...['run', file('.csv'), ...targetArgs({ port: server.port, idScope: '0ne00000001', caFile: file('.pem') })],
    ...(ratePerSecond === null ? [] : ['--rate', `${ratePerSecond}/s`]),
    ...['-c', String(concurrency), '-w', '1', '--quota', 'off', '--yes'],
    ...['--out', file('-out'), '--quiet'],
  ];
  const { code, stderr } = await dpsload(args, { env: GROUP_KEY_ENV });
  await server.close();
  if (code !== 0) throw new Error(`the run ended with ${code}: ${stderr}`);
  const summary = JSON.parse(readFileSync(join(onlyRunFolder(file('-out')), 'summary.json'), 'utf8')) as Summary;
  const log = readServerLog(file('-server.ndjson'));
  const truth = trueTimes(log, ratePerSecond);
  const times = TRUE_TIMES.flatMap((time) => {
    const reported = summary.latency[time];
    if (reported?.count !== devices || truth[time].length !== devices)
      throw new Error(`${reported?.count} devices were assigned, ${truth[time].length} by the server's log`);
    return PERCENTILES.map((percentile) => ({
      time,
      percentile,
      trueMs: nearestRank(truth[time], percentile === 'max' ? 100 : Number(percentile.slice(1))),
      reportedMs: reported[`${percentile}Ms`],
    }));
  });
  return { times, summary, log };
}
