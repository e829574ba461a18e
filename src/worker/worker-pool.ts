import type { Clock } from '../time/clock.ts';
import type { Fence } from './fence.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-messages.ts';

/** Starts one worker per share of the concurrency. */
export type StartWorkerPool = (request: WorkerPoolRequest, events: WorkerPoolEvents) => WorkerPool;

export type WorkerPoolRequest = {
  readonly setup: WorkerSetup;
  /** Registrations in flight on each worker. */
  readonly concurrencyShares: readonly number[];
  readonly clock: Clock;
  /** Where workers must stop by themselves; absent for workers of the process that runs the session. */
  readonly fence?: Fence;
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
  /** The journal is about to be synced. Call the result once it is: what this pool's messages up to now led to is on disk then. */
  journalSyncing(): () => void;
  /** Most workers that may be replaced in one session; a further loss is not an accident. */
  readonly replacementsMax: number;
  /** The agent that hosts a worker; `null` = this process, or no agent at present. */
  agentOf(worker: number): string | null;
  /** All agents of the run, lost ones included; none where the workers are threads of this process. */
  agents(): readonly AgentState[];
};

/** An agent as last heard of. */
export type AgentState = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly slots: number;
  readonly version: string;
  /** The workers that it hosts now. */
  readonly workers: readonly number[];
  /** CPU time of its process as a share of one core, and the largest delay of its main event loop, since the last beat. */
  readonly cpuShare: number;
  readonly loopDelayMaxMs: number;
  readonly rssBytes: number;
  /** `null` = its system does not say. */
  readonly fileDescriptors: number | null;
  /** Its clock relative to the run's, and how far that may be wrong either way. */
  readonly offsetMs: number;
  readonly offsetUncertaintyMs: number;
  readonly isLost: boolean;
};

export type WorkerPoolEvents = {
  readonly message: (worker: number, message: FromWorker) => void;
  /**
   * The worker is gone, with all launches it held; it must be replaced or given up.
   *
   * @param neverSent launch numbers of those that surely never reached it
   */
  readonly lost: (worker: number, reason: Error, neverSent: readonly number[]) => void;
  /** Nothing has been heard of the worker for a moment, or it is heard again: a silent one should get no rows. */
  readonly silent: (worker: number, isSilent: boolean) => void;
  /** Too few workers have been left for too long; why, as a sentence. */
  readonly starved: (message: string) => void;
};
