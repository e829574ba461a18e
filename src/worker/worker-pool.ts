import type { Clock } from '../time/clock.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-messages.ts';

/** Starts one worker per share of the concurrency. */
export type StartWorkerPool = (request: WorkerPoolRequest, events: WorkerPoolEvents) => WorkerPool;

export type WorkerPoolRequest = {
  readonly setup: WorkerSetup;
  /** Registrations in flight on each worker. */
  readonly concurrencyShares: readonly number[];
  readonly clock: Clock;
};

/** The workers of a run, wherever they run. */
export type WorkerPool = {
  /** Resolves when every worker has its TLS context and listens, or was given up. */
  readonly ready: Promise<void>;
  /** Resolves when every worker has settled its launches and ended, or was given up. */
  readonly ended: Promise<void>;
  send(worker: number, message: ToWorker): void;
  sendAll(message: ToWorker): void;
  /** Ends a worker that does not answer; it is then lost. Without effect on one that has ended. */
  kill(worker: number, reason: Error): void;
  /** Starts a new worker in place of a lost one. */
  replace(worker: number): void;
  /** Continues without a lost worker. */
  giveUp(worker: number): void;
  /** Ends all workers, whatever they are doing. */
  destroy(): Promise<void>;
};

export type WorkerPoolEvents = {
  readonly message: (worker: number, message: FromWorker) => void;
  /** The worker is gone, with all launches it held; it must be replaced or given up. */
  readonly lost: (worker: number, reason: Error) => void;
};
