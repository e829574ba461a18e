import type { Clock } from '../time/clock.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-messages.ts';

/** Starts one worker for each share of the concurrency. */
export type StartWorkerPool = (request: WorkerPoolRequest, events: WorkerPoolEvents) => WorkerPool;

export type WorkerPoolRequest = {
  readonly setup: WorkerSetup;
  /** Registrations in flight on each worker. */
  readonly concurrencyShares: readonly number[];
  readonly clock: Clock;
};

/** The workers of a run, wherever they live. */
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
