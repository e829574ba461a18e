import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { packageFile } from '../files/package-files.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { WorkerTask } from './registration-worker.ts';
import type { FromWorker } from './worker-messages.ts';
import type { StartWorkerPool, WorkerPool, WorkerPoolEvents, WorkerPoolRequest } from './worker-pool.ts';

/** The module whose `runRegistrationWorker` a thread of a run runs. */
const REGISTRATION_WORKER = packageFile('dist/worker/registration-worker.js');

type Slot = { readonly port: MessagePort; readonly abort: AbortController };

/** Workers as threads of this process: one long task on each. */
export function threadPool(workerFile: string = REGISTRATION_WORKER): StartWorkerPool {
  return (request, events) => startThreads(workerFile, request, events);
}

function startThreads(
  workerFile: string,
  { setup, concurrencyShares, clock }: WorkerPoolRequest,
  events: WorkerPoolEvents,
): WorkerPool {
  const pool = threads(workerFile, concurrencyShares.length);
  const readies = concurrencyShares.map(() => deferred<void>());
  const endeds = concurrencyShares.map(() => deferred<void>());
  const watch = new ReadyWatch(clock);
  // A thread that ends before it has its task has nobody to tell: it cannot load its module, and nor can the others.
  pool.on('error', (error: Error) => watch.abortAll(error));
  const slots = concurrencyShares.map((_, worker) => start(worker));
  let destroyed = false;

  function start(worker: number): Slot {
    const { port1: port, port2 } = new MessageChannel();
    const abort = new AbortController();
    watch.begin(abort);
    const receive = (message: FromWorker): void => {
      if (message.type === 'ready') {
        watch.end(abort);
        readies[worker]?.resolve();
      }
      // Not the end of the task: that comes by another way, and can overtake the last outcomes.
      else if (message.type === 'ended') endeds[worker]?.resolve();
      else events.message(worker, message);
    };
    port.on('message', receive);
    const task: WorkerTask = { setup, concurrency: concurrencyShares[worker] ?? 0, port: port2 };
    const options = { name: 'runRegistrationWorker', transferList: [port2], signal: abort.signal };
    pool.run(task, options).catch((error: unknown) => {
      watch.end(abort);
      if (destroyed) return;
      handOver(port, receive);
      // By itself it would close with the thread alone, which may live on.
      port.close();
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

function threads(workerFile: string, count: number): Piscina {
  return new Piscina({
    filename: workerFile,
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    // An idle worker would block its event loop in Atomics.wait, and hear no message.
    atomics: 'disabled',
  });
}

/** What a thread has sent is here when the end of its task is told, and may wait for its turn. */
function handOver(port: MessagePort, receive: (message: FromWorker) => void): void {
  for (let left = receiveMessageOnPort(port); left; left = receiveMessageOnPort(port)) receive(left.message);
}

function allOf(deferreds: readonly Deferred<void>[]): Promise<void> {
  return Promise.all(deferreds.map(({ promise }) => promise)).then(() => undefined);
}

/** From the start of a thread until it listens: a second or so, many times that where a machine has many more threads than cores. */
const WORKER_READY_MAX_MS = 60_000;

/** Workers that do not listen yet, by what ends them. */
export class ReadyWatch {
  readonly #clock: Clock;
  readonly #timers = new Map<AbortController, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the worker when it takes too long. */
  begin(abort: AbortController): void {
    const reason = new Error(`it was not ready within ${WORKER_READY_MAX_MS / 1_000} s`);
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + WORKER_READY_MAX_MS, () => abort.abort(reason));
    this.#timers.set(abort, timer);
  }

  /** It listens, or is gone. */
  end(abort: AbortController): void {
    this.#timers.get(abort)?.cancel();
    this.#timers.delete(abort);
  }

  /** Ends all that are waited for. */
  abortAll(reason: Error): void {
    for (const abort of this.#timers.keys()) abort.abort(reason);
  }
}
