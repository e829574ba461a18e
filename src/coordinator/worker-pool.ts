import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { WorkerTask } from '../worker/registration-worker.ts';
import type { FromWorker, ToWorker, WorkerSetup } from '../worker/worker-messages.ts';
import { type Deferred, deferred } from './deferred.ts';

export type WorkerPool = {
  /** Resolves when every worker has its TLS context and listens, or was given up. */
  readonly ready: Promise<void>;
  /** Resolves when every worker has settled all and ended, or was given up. */
  readonly ended: Promise<void>;
  send(worker: number, message: ToWorker): void;
  sendAll(message: ToWorker): void;
  /** Ends a thread that does not answer; it is lost then. Without effect on one that has ended. */
  kill(worker: number, reason: Error): void;
  /** Starts a new thread in the place of one that was lost. */
  replace(worker: number): void;
  /** Goes without one that was lost. */
  giveUp(worker: number): void;
  /** Ends the threads, whatever they are doing. */
  destroy(): Promise<void>;
};

export type WorkerPoolEvents = {
  readonly message: (worker: number, message: FromWorker) => void;
  /** The thread is gone, with all that it held; it must be replaced or given up. */
  readonly lost: (worker: number, reason: Error) => void;
};

/** The module whose `runRegistrationWorker` a thread of a run runs. */
export const REGISTRATION_WORKER = fileURLToPath(new URL('../worker/registration-worker.js', import.meta.url));

type Slot = { readonly port: MessagePort; readonly abort: AbortController };

/** Starts one long task on each of as many threads as there are shares of the concurrency. */
export function startWorkerPool(
  setup: WorkerSetup,
  concurrencyShares: readonly number[],
  workerFile: string,
  events: WorkerPoolEvents,
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
  const readies = concurrencyShares.map(() => deferred<void>());
  const endeds = concurrencyShares.map(() => deferred<void>());
  const slots = concurrencyShares.map((_, worker) => start(worker));
  let destroyed = false;

  function start(worker: number): Slot {
    const { port1: port, port2 } = new MessageChannel();
    port.on('message', (message: FromWorker) => {
      if (message.type === 'ready') readies[worker]?.resolve();
      // Not the end of the task: that comes by another way, and can overtake the last outcomes.
      else if (message.type === 'ended') endeds[worker]?.resolve();
      else events.message(worker, message);
    });
    // After the last message of a thread that is gone.
    const closed = new Promise<void>((resolve) => port.once('close', resolve));
    const abort = new AbortController();
    const task: WorkerTask = { setup, concurrency: concurrencyShares[worker] ?? 0, port: port2 };
    const options = { name: 'runRegistrationWorker', transferList: [port2], signal: abort.signal };
    pool.run(task, options).catch(async (error: unknown) => {
      await closed;
      if (destroyed) return;
      const reason = abort.signal.aborted ? abort.signal.reason : error;
      events.lost(worker, reason instanceof Error ? reason : new Error(String(reason)));
    });
    return { port, abort };
  }

  return {
    ready: allOf(readies),
    ended: allOf(endeds),
    send: (worker, message) => slots[worker]?.port.postMessage(message),
    sendAll: (message) => {
      for (const { port } of slots) port.postMessage(message);
    },
    kill: (worker, reason) => slots[worker]?.abort.abort(reason),
    replace: (worker) => {
      slots[worker] = start(worker);
    },
    giveUp: (worker) => {
      readies[worker]?.resolve();
      endeds[worker]?.resolve();
    },
    async destroy() {
      destroyed = true;
      for (const { port } of slots) port.close();
      await pool.destroy();
    },
  };
}

function allOf(deferreds: readonly Deferred<void>[]): Promise<void> {
  return Promise.all(deferreds.map(({ promise }) => promise)).then(() => undefined);
}
