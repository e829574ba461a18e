import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { WorkerTask } from '../worker/registration-worker.ts';
import type { FromWorker, ToWorker, WorkerSetup } from '../worker/worker-messages.ts';
import { deferred } from './deferred.ts';

export type WorkerPool = {
  /** Resolves when every worker has its TLS context and listens. */
  readonly ready: Promise<void>;
  /** Resolves when every worker has settled all and ended; rejects when one died. */
  readonly ended: Promise<void>;
  send(worker: number, message: ToWorker): void;
  sendAll(message: ToWorker): void;
  /** Ends the threads, whatever they are doing. */
  destroy(): Promise<void>;
};

/** The module whose `runRegistrationWorker` a thread of a run runs. */
export const REGISTRATION_WORKER = fileURLToPath(new URL('../worker/registration-worker.js', import.meta.url));

/** Starts one long task on each of as many threads as there are shares of the concurrency. */
export function startWorkerPool(
  setup: WorkerSetup,
  concurrencyShares: readonly number[],
  workerFile: string,
  onMessage: (worker: number, message: FromWorker) => void,
): WorkerPool {
  const size = concurrencyShares.length;
  const pool = new Piscina({
    filename: workerFile,
    minThreads: size,
    maxThreads: size,
    concurrentTasksPerWorker: 1,
    // An idle worker would block its event loop in Atomics.wait, and hear no message.
    atomics: 'disabled',
  });
  const ports: MessagePort[] = [];
  const workers = concurrencyShares.map((concurrency, worker) => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    const ready = deferred<void>();
    const ended = deferred<void>();
    port1.on('message', (message: FromWorker) => {
      if (message.type === 'ready') ready.resolve();
      // Not the end of the task: that comes by another way, and can overtake the last outcomes.
      else if (message.type === 'ended') ended.resolve();
      else onMessage(worker, message);
    });
    const task: WorkerTask = { setup, concurrency, port: port2 };
    pool.run(task, { name: 'runRegistrationWorker', transferList: [port2] }).catch((error: unknown) => {
      ready.reject(error);
      ended.reject(error);
    });
    return { ready: ready.promise, ended: ended.promise };
  });
  const all = (what: 'ready' | 'ended'): Promise<void> =>
    Promise.all(workers.map((worker) => worker[what])).then(() => undefined);
  const ended = all('ended');
  // Whoever waits for `ended` hears of a death; until then it must not count as unhandled.
  ended.catch(() => undefined);
  return {
    ready: all('ready'),
    ended,
    send: (worker, message) => ports[worker]?.postMessage(message),
    sendAll: (message) => {
      for (const port of ports) port.postMessage(message);
    },
    async destroy() {
      for (const port of ports) port.close();
      await pool.destroy();
    },
  };
}
