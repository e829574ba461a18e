import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '../../src/report/summary.ts';
import { dpsScript } from './dps-script.ts';
import { dpsload } from './dpsload-program.ts';
import { onlyRunFolder } from './results.ts';
import { startScriptedMqttServer } from './scripted-mqtt-server.ts';
import { nearestRank } from './server-log.ts';
import { targetArgs } from './target-args.ts';
import { createTestCa } from './test-certificates.ts';

/** What is reported may differ from the truth by this share of it and this constant. */
const TOLERANCE_SHARE = 0.03;
const TOLERANCE_MS = 5;

export type Percentiles = { readonly p50: number; readonly p90: number; readonly p99: number };

export function isTrue(reportedMs: number, delayMs: number): boolean {
  return Math.abs(reportedMs - delayMs) <= delayMs * TOLERANCE_SHARE + TOLERANCE_MS;
}

export type DelayedRun = {
  readonly folder: string;
  readonly devices: number;
  /** On average. */
  readonly concurrency: number;
  /** From each register request to its answer, at the server. */
  readonly serverDelayMs: number;
};

/** Percentiles of the accepted phase, as the built program reports them of a server that answers after a known delay, and as that server saw them. */
export async function reportedAcceptance(
  run: DelayedRun,
): Promise<{ readonly reported: Percentiles; readonly served: Percentiles }> {
  const { folder, devices, concurrency, serverDelayMs } = run;
  const ca = await createTestCa();
  const certificate = await ca.issue({ hosts: ['127.0.0.1'] });
  const delaysMs: number[] = [];
  const script = dpsScript({ answerDelayMs: () => serverDelayMs, onDelayed: (ms) => delaysMs.push(ms), polls: 0 });
  const server = await startScriptedMqttServer({ certificate, script, record: false });
  const name = `${concurrency}-${serverDelayMs}`;
  const file = (suffix: string): string => join(folder, `${name}${suffix}`);
  writeFileSync(file('.csv'), `registration_id\n${Array.from({ length: devices }, (_, n) => `d${n}`).join('\n')}\n`);
  writeFileSync(file('.pem'), ca.certPem);
  const args = [
    ...['run', file('.csv'), ...targetArgs({ port: server.port, idScope: '0ne00000001', caFile: file('.pem') })],
    // Spread evenly: in the closed model all that are in flight end and start at the same moments, and wait for each other's handshakes.
    ...['--rate', `${Math.ceil((1000 * concurrency) / serverDelayMs)}/s`, '-c', String(2 * concurrency), '-w', '1'],
    ...['--out', file('-out'), '--quiet', '--json'],
  ];
  const { code, stderr } = await dpsload(args, { env: { DPSLOAD_GROUP_KEY: Buffer.alloc(32, 1).toString('base64') } });
  await server.close();
  if (code !== 0) throw new Error(`the run ended with ${code}: ${stderr}`);
  const summary = JSON.parse(readFileSync(join(onlyRunFolder(file('-out')), 'summary.json'), 'utf8')) as Summary;
  const { accepted } = summary.latency;
  if (accepted === null || accepted.count !== devices) throw new Error('the run measured nothing');
  const reported = { p50: accepted.p50Ms, p90: accepted.p90Ms, p99: accepted.p99Ms };
  const sortedMs = delaysMs.toSorted((a, b) => a - b);
  const served = (percentile: number): number => nearestRank(sortedMs, percentile);
  return { reported, served: { p50: served(50), p90: served(90), p99: served(99) } };
}
