import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServerReady } from './dps-server.ts';

export type ContenderTask = {
  readonly contender: 'bare' | 'packets' | 'mqttJs';
  readonly ready: ServerReady;
  /** A file with the server's root in PEM. */
  readonly caFile: string;
  readonly concurrency: number;
  /** Certificates to present, as `ClientCertificate`s in JSON; `null` = none. */
  readonly certificatesFile: string | null;
};

/** A contender in a process of its own, which works only when it is asked to. */
export class RunningContender {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Resolves when it is warm. */
  static async start(task: ContenderTask, warmUpUnits: number): Promise<RunningContender> {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: task.caFile };
    const script = fileURLToPath(new URL('./contender-process.js', import.meta.url));
    const contender = new RunningContender(fork(script, [JSON.stringify(task)], { env, execArgv: [] }));
    await contender.cpuPerUnitMs(warmUpUnits);
    return contender;
  }

  /** CPU of the process for each of this many units. */
  async cpuPerUnitMs(units: number): Promise<number> {
    this.#process.send(units);
    const [cpuMs] = (await once(this.#process, 'message')) as [number];
    return cpuMs;
  }

  end(): void {
    this.#process.disconnect();
  }
}
