import { type ChildProcess, fork } from 'node:child_process';
import { processCpuMs } from '../../src/files/process-stat.ts';
import type { ServerReady } from './dps-server.ts';

/** Benchmarks run in the folder of the project. */
const SCRIPT = 'test/support/sdk-devices.cjs';
const DEVICE_KEY = Buffer.alloc(32, 7).toString('base64');

/** Microsoft's Node SDK, in a process of its own. */
export class SdkContender {
  readonly #process: ChildProcess;
  readonly #host: string;
  #registered = 0;

  /** @param caFile with the server's root in PEM */
  constructor({ port }: ServerReady, caFile: string) {
    this.#process = fork(SCRIPT, { env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile }, execArgv: [] });
    this.#host = `localhost:${port}`;
  }

  /** CPU of the process per registration, for this many at once: the SDK pauses for 2 s before it polls. */
  async cpuPerUnitMs(units: number): Promise<number> {
    const beforeMs = this.#cpuMs();
    await Promise.all(Array.from({ length: units }, () => this.#register()));
    return (this.#cpuMs() - beforeMs) / units;
  }

  end(): void {
    this.#process.disconnect();
  }

  #register(): Promise<void> {
    const task = this.#registered++;
    return new Promise((resolve, reject) => {
      const listen = (answer: { readonly task: number; readonly error?: string; readonly message?: string }): void => {
        if (answer.task !== task) return;
        this.#process.off('message', listen);
        if (answer.error === undefined) resolve();
        else reject(new Error(`${answer.error}: ${answer.message}`));
      };
      this.#process.setMaxListeners(0);
      this.#process.on('message', listen);
      const device = { registrationId: `sdk-${task}`, key: DEVICE_KEY, idScope: '0ne00111111' };
      this.#process.send({ task, host: this.#host, websocketPort: null, ...device });
    });
  }

  #cpuMs(): number {
    return processCpuMs(this.#process.pid ?? 0) ?? Number.NaN;
  }
}
