import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ServerReady } from './dps-server.ts';

/** In the server's process: tells where it listens; then, to each message, the CPU that the process has used, in milliseconds. */
export function reportCpu(ready: ServerReady): void {
  process.send?.(ready);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1000);
  });
  process.on('disconnect', () => process.exit());
}

/** A server of a benchmark, from outside. */
export type MeasuredServer = { readonly process: ChildProcess; readonly ready: ServerReady };

export async function startMeasured(script: string, args: readonly string[]): Promise<MeasuredServer> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args);
  const [ready] = (await once(child, 'message')) as [ServerReady];
  return { process: child, ready };
}

/** The last connections close a little later than their clients think. */
const CLOSING_MS = 200;

/** CPU of the server while `work` is done, in milliseconds. */
export async function serverCpuMs(server: MeasuredServer, work: () => Promise<void>): Promise<number> {
  const before = await cpuMs(server);
  await work();
  await pauseMs(CLOSING_MS);
  return (await cpuMs(server)) - before;
}

async function cpuMs(server: MeasuredServer): Promise<number> {
  server.process.send('cpu');
  const [ms] = (await once(server.process, 'message')) as [number];
  return ms;
}
