import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Summary } from '../../src/report/summary.ts';
import { type CpuQuota, makeCpuQuota } from './cpu-quota.ts';
import { dpsScript } from './dps-script.ts';
import { type Started, startDpsload } from './dpsload-program.ts';
import { onlyRunFolder } from './results.ts';
import { type Script, startScriptedMqttServer } from './scripted-mqtt-server.ts';
import { nearestRank } from './server-log.ts';
import { targetArgs } from './target-args.ts';
import { createTestCa } from './test-certificates.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');

/** What happens to the load generator while it launches. */
export const DISTURBANCES = [
  'none',
  'suspended', // stopped once, for four seconds
  'throttled', // stopped and continued ten times a second, as by cpulimit
  'quota', // a control group's quota of CPU time that does not suffice
  'blocked', // its event loops stand still now and then
] as const;

export type Disturbance = (typeof DISTURBANCES)[number];

export type DisturbedRun = {
  readonly folder: string;
  /** Unique in the folder. */
  readonly name: string;
  readonly devices: number;
  readonly ratePerSecond: number;
  /** From each register request to its answer, at the server. */
  readonly serverDelayMs: number;
  readonly disturbance: Disturbance;
  /** Where they are `blocked`: how often, and for how long; a quarter of each second by default. */
  readonly blocked?: { readonly everyMs: number; readonly forMs: number };
  readonly args?: readonly string[];
};

/** Of the histogram of the server's own delays, whose values include it. */
const LOOP_RESOLUTION_MS = 1;

/** Lets the server notice connections before it is busy with the handshakes of others. */
const HANDSHAKE_DELAY_MS = 20;

/** What a server saw of a run by its own clock. */
export type ServerLog = {
  /** From each register request to its answer. */
  readonly delaysMs: readonly number[];
  /** When each device that sent CONNECT had made its TCP connection: handshakes take work of this server, too. */
  readonly connectsAtMs: readonly number[];
  /** The p99 of the delay of its own event loop: by so much it may have noticed connections and requests late. */
  readonly loopDelayMs: number;
};

export type Witnessed = {
  readonly summary: Summary;
  readonly log: ServerLog;
  readonly code: number | null;
  readonly stdout: string;
};

/** Runs the built program against a server that keeps its own log. `null` = this machine cannot disturb it in that way. */
export async function disturbedRun(run: DisturbedRun): Promise<Witnessed | null> {
  const quota = run.disturbance === 'quota' ? makeCpuQuota(`dpsload-test-${process.pid}`, 0.05) : null;
  if (run.disturbance === 'quota' && quota === null) return null;
  const ca = await createTestCa();
  const certificate = await ca.issue({ hosts: ['127.0.0.1'] });
  const log = { delaysMs: [] as number[], connectsAtMs: [] as number[] };
  const answer = dpsScript({
    answerDelayMs: () => run.serverDelayMs,
    onDelayed: (delayMs) => log.delaysMs.push(delayMs),
    polls: 0,
  });
  const script: Script = (peer) => {
    const receive = answer(peer);
    return (packet) => {
      if (packet.cmd === 'connect') log.connectsAtMs.push(Number(peer.tcpAtNs) / 1e6);
      receive(packet);
    };
  };
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const server = await startScriptedMqttServer({
    certificate,
    script,
    record: false,
    handshakeDelayMs: HANDSHAKE_DELAY_MS,
  });
  const file = (suffix: string): string => join(run.folder, `${run.name}${suffix}`);
  writeFileSync(
    file('.csv'),
    `registration_id\n${Array.from({ length: run.devices }, (_, n) => `d${n}`).join('\n')}\n`,
  );
  writeFileSync(file('.pem'), ca.certPem);
  const { everyMs, forMs } = run.blocked ?? { everyMs: 1_000, forMs: 250 };
  const program = startDpsload(
    [
      ...['run', file('.csv'), ...targetArgs({ port: server.port, idScope: '0ne00000001', caFile: file('.pem') })],
      ...['--rate', `${run.ratePerSecond}/s`, '-c', '1000', '-w', '1', '--quota', 'off', '--yes'],
      ...['--out', file('-out'), '--quiet', ...(run.args ?? [])],
    ],
    {
      env: { DPSLOAD_GROUP_KEY: KEY },
      preload: run.disturbance === 'blocked' ? [`blocked-loop.mjs?everyMs=${everyMs}&forMs=${forMs}`] : [],
    },
  );
  await disturb(program, run, quota, () => log.connectsAtMs.length).catch((error: unknown) => {
    program.child.kill('SIGKILL');
    throw error;
  });
  const { code, stdout, stderr } = await program.ended;
  quota?.remove();
  await server.close();
  loop.disable();
  if (log.delaysMs.length < run.devices) throw new Error(`the run ended with ${code}: ${stdout}${stderr}`);
  const summary = JSON.parse(readFileSync(join(onlyRunFolder(file('-out')), 'summary.json'), 'utf8')) as Summary;
  const loopDelayMs = loop.percentile(99) / 1e6 - LOOP_RESOLUTION_MS;
  return { summary, log: { ...log, loopDelayMs }, code, stdout };
}

async function disturb(
  { child, ended }: Started,
  { disturbance, devices }: DisturbedRun,
  quota: CpuQuota | null,
  connected: () => number,
): Promise<void> {
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  const launching = (from: number): boolean => !isOver && connected() < from;
  while (launching(devices / 4)) await Promise.race([sleep(5), over]);
  if (disturbance === 'suspended') {
    child.kill('SIGSTOP');
    await sleep(4_000);
    child.kill('SIGCONT');
  }
  if (quota !== null) quota.apply(child.pid ?? 0);
  while (disturbance === 'throttled' && launching(devices)) {
    child.kill('SIGSTOP');
    await sleep(80);
    child.kill('SIGCONT');
    await sleep(20);
  }
}

/** A part by which a figure may differ without making a difference, and milliseconds that a client may take for its own work. */
const SHARE = 0.05;
const WORK_MS = 5;

/** Where the run's figures differ from the server's log: the time of an answer, late connections, the launch rate; empty = nowhere. */
export function differencesFrom(
  log: ServerLog,
  { summary, ratePerSecond }: { readonly summary: Summary; readonly ratePerSecond: number },
): readonly string[] {
  const { accepted, response } = summary.latency;
  if (accepted === null || response === null) throw new Error('the run measured nothing');
  const delayed = judgedPercentiles(log.delaysMs).flatMap(([percentile, servedMs]) => {
    const measuredMs = accepted[`p${percentile}Ms`];
    return isMore(measuredMs, servedMs + log.loopDelayMs, measuredMs)
      ? [`p${percentile} ${round(measuredMs)} of ${round(servedMs)} ms`]
      : [];
  });
  const connectsAtMs = log.connectsAtMs.toSorted((a, b) => a - b);
  const [firstAtMs = 0, lastAtMs = 0] = [connectsAtMs[0], connectsAtMs.at(-1)];
  const latenessMs = connectsAtMs.map((atMs, launch) => atMs - firstAtMs - (launch * 1_000) / ratePerSecond);
  // The first device connects alone, before the schedule begins.
  const usualMs = latenessMs.toSorted((a, b) => a - b)[Math.floor(latenessMs.length * 0.05)] ?? 0;
  const late = judgedPercentiles(latenessMs).flatMap(([percentile, lateMs]) =>
    isMore(lateMs, usualMs + log.loopDelayMs, response[`p${percentile}Ms`])
      ? [`p${percentile} ${round(lateMs - usualMs)} ms late`]
      : [],
  );
  const perSecond = ((connectsAtMs.length - 1) * 1_000) / (lastAtMs - firstAtMs);
  const isSlow = perSecond < ratePerSecond * (1 - SHARE);
  return [...delayed, ...late, ...(isSlow ? [`${round(perSecond)}/s of ${ratePerSecond}/s`] : [])];
}

function isMore(measuredMs: number, trueMs: number, ofMs: number): boolean {
  return measuredMs - trueMs > Math.max(WORK_MS, SHARE * ofMs);
}

/** Those with at least ten values beyond them. */
function judgedPercentiles(values: readonly number[]): readonly (readonly [percentile: 50 | 95 | 99, value: number])[] {
  const sorted = values.toSorted((a, b) => a - b);
  return ([50, 95, 99] as const)
    .filter((percentile) => sorted.length * (1 - percentile / 100) >= 10)
    .map((percentile) => [percentile, nearestRank(sorted, percentile)]);
}

function round(value: number): string {
  return value.toFixed(1);
}
