// Runs one contender of the client benchmarks in a process of its own, and tells its parent what CPU each unit takes once the first units
// have warmed it up. Its argument is a `ContenderTask` in JSON.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bareHandshake, plainMqttJs } from './client-contenders.ts';
import type { ServerReady } from './dps-server.ts';
import { cpuPerUnitMs } from './interleaved-rounds.ts';

type ContenderTask = {
  readonly contender: 'bare' | 'mqttJs';
  readonly ready: ServerReady;
  /** A file with the server's root in PEM. */
  readonly caFile: string;
  readonly window: UnitWindow;
  /** Certificates to present, as `ClientCertificate`s in JSON; `null` = none. */
  readonly certificatesFile: string | null;
};

/** The units that count: from the `first` to the `last`. */
export type UnitWindow = { readonly first: number; readonly last: number; readonly concurrency: number };

/** CPU for each unit of the window, in milliseconds. */
export async function contenderCpuMs(task: ContenderTask): Promise<number> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: task.caFile };
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(task)], { env, execArgv: [] });
  const [cpuMs] = (await once(child, 'message')) as [number];
  return cpuMs;
}

async function measure({ contender, ready, window, certificatesFile }: ContenderTask): Promise<number> {
  const certificates = certificatesFile === null ? [] : JSON.parse(readFileSync(certificatesFile, 'utf8'));
  const { run } = contender === 'bare' ? bareHandshake(ready, certificates) : plainMqttJs(ready);
  const { first, last, concurrency } = window;
  await cpuPerUnitMs(run, { rounds: 1, unitsPerRound: first, concurrency });
  return await cpuPerUnitMs(run, { rounds: 1, unitsPerRound: last - first, concurrency });
}

const [, , task] = process.argv;
if (process.send !== undefined && task !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.send(await measure(JSON.parse(task) as ContenderTask));
  process.disconnect();
}
