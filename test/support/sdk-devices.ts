import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Emulator } from '../../src/emulator/emulator.ts';

const SCRIPT = fileURLToPath(new URL('sdk-devices.cjs', import.meta.url));

export type SdkTask = {
  readonly registrationId: string;
  /** base64, or a certificate instead. */
  readonly key?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly payload?: unknown;
  readonly transport?: 'mqtt' | 'websocket';
  readonly idScope?: string;
};

export type SdkResult = {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly message?: string;
};

type Settled = { readonly resolve: (result: SdkResult) => void; readonly reject: (error: Error) => void };

/** Devices that run Microsoft's Node SDK against one emulator, all in one process: it takes a second to load. */
export class SdkDevices {
  readonly #emulator: Emulator;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Settled>();
  #tasks = 0;

  /** @param settings further environment of the SDK's process */
  constructor(emulator: Emulator, settings: NodeJS.ProcessEnv = {}) {
    this.#emulator = emulator;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: emulator.caFile, ...settings };
    this.#process = fork(SCRIPT, { env, execArgv: [] });
    this.#process.on('message', ({ task, ...result }: SdkResult & { readonly task: number }) => {
      this.#waiting.get(task)?.resolve(result);
      this.#waiting.delete(task);
    });
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the SDK's process ended with ${code}`));
    });
  }

  /** Lets a device register; resolves with what the SDK says. */
  register({ transport, ...device }: SdkTask): Promise<SdkResult> {
    const { port, websocketPort, idScope } = this.#emulator;
    const task = this.#tasks++;
    const answer = new Promise<SdkResult>((resolve, reject) => this.#waiting.set(task, { resolve, reject }));
    const address = { host: `localhost:${port}`, websocketPort: transport === 'websocket' ? websocketPort : null };
    this.#process.send({ task, ...address, idScope, ...device });
    return answer;
  }

  async end(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}
