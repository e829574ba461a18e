import { pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { packageFile } from '../files/package-files.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { WorkerTask } from './registration-worker.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import type { AgentState, StartWorkerPool, WorkerPool, WorkerPoolEvents, WorkerPoolRequest } from './worker-pool.ts';

const THREAD_ENTRY = packageFile('dist/worker/thread-entry.cjs');
/** The module whose `runRegistrationWorker` each thread runs. */
const REGISTRATION_WORKER = packageFile('dist/worker/registration-worker.js');

/** Threads of this process that load their module while the run prepares. */
export type WarmThreads = {
  /** Gives each thread its one long task. The number of workers must be that of the threads. */
  readonly startPool: StartWorkerPool;
  /** Ends the threads. Safe to call also after the pool has ended them. */
  end(): Promise<void>;
};

export function warmThreads(workers: number, workerFile: string = REGISTRATION_WORKER): WarmThreads {
  const piscina = new Piscina({
    filename: THREAD_ENTRY,
    argv: [pathToFileURL(workerFile).href],
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    // An idle worker would block its event loop in Atomics.wait and receive no messages.
    atomics: 'disabled',
  });
  // A thread that cannot load its module is started again for its task, and fails again where the pool hears of it.
  piscina.on('error', () => {});
  return {
    startPool: (request, events) => new ThreadPool(piscina, request, events),
    end: () => piscina.destroy(),
  };
}

/** Workers as threads of this process. */
export function threadPool(workerFile: string = REGISTRATION_WORKER): StartWorkerPool {
  return (request, events) => warmThreads(request.concurrencyShares.length, workerFile).startPool(request, events);
}

type WorkerThread = { readonly port: MessagePort; readonly abort: AbortController };

/** A thread that is lost once or twice had an accident; after several, something else is wrong. */
const THREADS_REPLACED_MAX = 5;

class ThreadPool implements WorkerPool {
  readonly replacementsMax = THREADS_REPLACED_MAX;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #request: WorkerPoolRequest;
  readonly #events: WorkerPoolEvents;
  readonly #piscina: Piscina;
  readonly #readies: readonly Deferred<void>[];
  readonly #ends: readonly Deferred<void>[];
  readonly #startWatch: StartWatch;
  readonly #threads: WorkerThread[];
  #destroyed = false;

  constructor(piscina: Piscina, request: WorkerPoolRequest, events: WorkerPoolEvents) {
    const { concurrencyShares, clock } = request;
    this.#request = request;
    this.#events = events;
    this.#readies = concurrencyShares.map(() => deferred<void>());
    this.#ends = concurrencyShares.map(() => deferred<void>());
    this.ready = allOf(this.#readies);
    this.ended = allOf(this.#ends);
    this.#piscina = piscina;
    this.#startWatch = new StartWatch(clock);
    // Reports a thread that ended before it got its task: it cannot load its module, and neither can the others.
    this.#piscina.on('error', (error: Error) => this.#startWatch.abortAll(error));
    this.#threads = concurrencyShares.map((_, worker) => this.#start(worker));
  }

  send(worker: number, message: ToWorker): void {
    this.#threads[worker]?.port.postMessage(message);
  }

  sendAll(message: ToWorker): void {
    for (const { port } of this.#threads) port.postMessage(message);
  }

  kill(worker: number, reason: Error): void {
    this.#threads[worker]?.abort.abort(reason);
  }

  replace(worker: number): void {
    this.#threads[worker] = this.#start(worker);
  }

  giveUp(worker: number): void {
    this.#readies[worker]?.resolve();
    this.#ends[worker]?.resolve();
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    for (const { port } of this.#threads) port.close();
    await this.#piscina.destroy();
  }

  journalSyncing(): () => void {
    return () => {};
  }

  agentOf(): null {
    return null;
  }

  agents(): readonly AgentState[] {
    return [];
  }

  #start(worker: number): WorkerThread {
    const { setup, concurrencyShares, fence = null } = this.#request;
    const { port1: port, port2 } = new MessageChannel();
    const abort = new AbortController();
    this.#startWatch.begin(abort);
    const receive = (message: FromWorker): void => {
      if (message.type === 'ready') {
        this.#startWatch.end(abort);
        this.#readies[worker]?.resolve();
      }
      // The task's own promise does not do: it settles over another channel, and can overtake the last outcomes.
      if (message.type === 'ended') this.#ends[worker]?.resolve();
      else this.#events.message(worker, message);
    };
    port.on('message', receive);
    const task: WorkerTask = { setup, concurrency: concurrencyShares[worker] ?? 0, port: port2, fence };
    const options = { name: 'runRegistrationWorker', transferList: [port2], signal: abort.signal };
    this.#piscina.run(task, options).catch((error: unknown) => {
      this.#startWatch.end(abort);
      if (this.#destroyed) return;
      receiveRest(port, receive);
      // Otherwise it closes only with its thread, which may live on.
      port.close();
      const reason = abort.signal.aborted ? abort.signal.reason : error;
      this.#events.lost(worker, reason instanceof Error ? reason : new Error(String(reason)), []);
    });
    return { port, abort };
  }
}

/** Messages that the thread sent before its task ended have arrived by now, but may still be queued. */
function receiveRest(port: MessagePort, receive: (message: FromWorker) => void): void {
  for (let rest = receiveMessageOnPort(port); rest; rest = receiveMessageOnPort(port)) receive(rest.message);
}

function allOf(deferreds: readonly Deferred<void>[]): Promise<void> {
  return Promise.all(deferreds.map(({ promise }) => promise)).then(() => undefined);
}

/** From starting a thread until it listens: about a second, and many times that on a machine with far more threads than cores. */
const START_TIMEOUT_MS = 60_000;

/** Aborts workers that take too long to start. */
class StartWatch {
  readonly #clock: Clock;
  readonly #timers = new Map<AbortController, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(abort: AbortController): void {
    const reason = new Error(`it was not ready within ${START_TIMEOUT_MS / 1_000} s`);
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + START_TIMEOUT_MS, () => abort.abort(reason));
    this.#timers.set(abort, timer);
  }

  /** The worker listens, or is gone. */
  end(abort: AbortController): void {
    this.#timers.get(abort)?.cancel();
    this.#timers.delete(abort);
  }

  abortAll(reason: Error): void {
    for (const abort of this.#timers.keys()) abort.abort(reason);
  }
}
