import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServerReady } from './dps-server.ts';

export type ContenderTask = {
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

/** CPU for each unit of the window, in milliseconds, of a contender in a process of its own. */
export async function contenderCpuMs(task: ContenderTask): Promise<number> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: task.caFile };
  const script = fileURLToPath(new URL('./contender-process.js', import.meta.url));
  const child = fork(script, [JSON.stringify(task)], { env, execArgv: [] });
  const [cpuMs] = (await once(child, 'message')) as [number];
  return cpuMs;
}
