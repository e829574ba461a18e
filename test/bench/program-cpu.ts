import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { targetArgs } from '../support/target-args.ts';
import type { ServerReady } from './dps-server.ts';

/** The built program; benchmarks run in the folder of the project. */
const MAIN = 'dist/cli/main.js';

/**
 * Writes the CPU of the process, and that of its main thread, to file descriptor 3 when it ends. Fields 14 and 15 of /proc/…/stat are user and
 * system time in ticks of 10 ms (proc(5)); the name in field 2 may have spaces.
 */
const REPORT_CPU = `data:text/javascript,${encodeURIComponent(`
import { readFileSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/task/' + process.pid + '/stat', 'utf8').split(') ')[1].split(' ');
  writeSync(3, JSON.stringify({ cpuMs: (user + system) / 1000, mainThreadMs: (Number(fields[11]) + Number(fields[12])) * 10 }));
});`)}`;

/** Of a process, its threads included, and of its main thread alone: the coordinator. */
export type ProgramCpu = { readonly cpuMs: number; readonly mainThreadMs: number };

export type ProgramFleet = {
  readonly folder: string;
  readonly ready: ServerReady;
  readonly concurrency: number;
  readonly workers: number;
  /** Flags for the attestation; none = a group key. */
  readonly attestation: readonly string[];
};

/** Runs the built program for this many devices: CSV, journal, metrics, progress and results. */
export async function programCpu(
  devices: number,
  { folder, ready, concurrency, workers, attestation }: ProgramFleet,
): Promise<ProgramCpu> {
  const place = mkdtempSync(join(folder, 'run-'));
  const fleet = join(place, 'fleet.csv');
  const ca = join(place, 'ca.pem');
  const ids = Array.from({ length: devices }, (_, index) => `dev-${index}`);
  writeFileSync(fleet, `registration_id\n${ids.join('\n')}\n`);
  writeFileSync(ca, ready.caPem);
  const args = [
    ...['run', fleet, ...targetArgs({ port: ready.port, idScope: '0ne00111111', caFile: ca })],
    ...['-c', String(concurrency), '-w', String(workers), '--canary', '0', '--out', join(place, 'out'), ...attestation],
  ];
  const child = spawn(process.execPath, ['--import', REPORT_CPU, MAIN, ...args], {
    // No contender pauses before it polls.
    env: {
      ...withoutSettings(process.env),
      ...GROUP_KEY_ENV,
      DPSLOAD_POLL_DELAY: '0s',
      DPSLOAD_POLL_DELAY_MIN: '0s',
    },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let report = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  child.stdio[3]?.on('data', (text) => {
    report += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the program ended with ${code}:\n${said}`);
  return JSON.parse(report) as ProgramCpu;
}

/** The variables of a benchmark are not those of the program. */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DPSLOAD_')));
}
