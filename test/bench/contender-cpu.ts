import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServerReady } from './dps-server.ts';

export type ContenderTask = {
  readonly contender: 'bare' | 'packets' | 'mqttJs';
  readonly ready: ServerReady;
  /** A file with the server's root in PEM. */
  readonly caFile: string;
  readonly warmUpUnits: number;
  /** Of each thread. */
  readonly concurrency: number;
  /** Of the same work, all in one process. */
  readonly threads: number;
  /** Certificates to present, as `ClientCertificate`s in JSON; `null` = none. */
  readonly certificatesFile: string | null;
};

/** What a contender has done so far, and the CPU that it took. */
export type CostSoFar = { readonly units: number; readonly cpuMs: number };

/** A contender in a process of its own, which continues until it is stopped. */
export class RunningContender {
  readonly process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.process = process;
  }

  /** Resolves when it is warm. */
  static async start(task: ContenderTask): Promise<RunningContender> {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: task.caFile };
    const script = fileURLToPath(new URL('./contender-process.js', import.meta.url));
    const child = fork(script, [JSON.stringify(task)], { env, execArgv: [] });
    await once(child, 'message');
    return new RunningContender(child);
  }

  async cost(): Promise<CostSoFar> {
    this.process.send('cost');
    const [cost] = (await once(this.process, 'message')) as [CostSoFar];
    return cost;
  }

  end(): void {
    this.process.kill('SIGKILL');
  }
}
