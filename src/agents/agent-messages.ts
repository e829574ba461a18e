import type { Problem } from '../problem/operator-error.ts';
import type { Launch } from '../registration/launch.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { FromWorker, ToWorker, WorkerSetup } from '../worker/worker-messages.ts';
import type { AgentState } from '../worker/worker-pool.ts';
import type { SecretNames } from './resolve-secrets.ts';

/** An agent, as it announces itself. */
export type AgentPresence = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Workers that it can host. */
  readonly slots: number;
  /** Of dpsload. */
  readonly version: string;
  /** ID of the run that it serves; `null` = it is free. */
  readonly run: string | null;
};

/** One place of an agent in a run: what an agent must know to say whether it can take part. Holds the names of keys, never a key. */
export type Placement = PlacementNeeds & {
  readonly runId: string;
  /** Counts the placements of the run: a message of any other epoch comes from an agent that was given up. */
  readonly epoch: number;
  /** Of the Redis process that the lease is in: another one may have forgotten renewals and messages. */
  readonly redisRunId: string;
  /** Wall clock of the coordinator at time 0 of the axis on which it answers beats. */
  readonly epochAtZeroMs: number;
};

export type PlacementNeeds = {
  /** Of dpsload: the messages of two versions may differ. */
  readonly version: string;
  readonly target: { readonly host: string; readonly port: number; readonly idScope: string };
  /** Expected in the target's certificate; `null` = its host. */
  readonly serverName: string | null;
  readonly nameResolution: Scenario['nameResolution'];
  readonly secrets: SecretNames;
};

/** A launch without the device key, which the agent finds in its own copy of the fleet. */
export type TravellingLaunch = Omit<Launch, 'deviceKey'>;

/** What all workers need, without what each machine resolves for itself. */
export type TravellingSetup = Omit<WorkerSetup, 'keys' | 'clockOriginMs' | 'addresses'>;

/** Addresses of the target stay where they were looked up: a name may have others elsewhere. */
export type TravellingToWorker =
  | Exclude<ToWorker, { readonly type: 'launch' | 'addresses' }>
  | { readonly type: 'launch'; readonly launches: readonly TravellingLaunch[] };

export type ToAgent =
  /**
   * Host these workers; also one in place of a worker that was lost. The run's axis is ahead of that of the pongs by `axisShiftMs`.
   */
  | {
      readonly type: 'start';
      readonly setup: TravellingSetup;
      readonly axisShiftMs: number;
      readonly workers: readonly HostedWorker[];
    }
  | { readonly type: 'toWorker'; readonly worker: number; readonly message: TravellingToWorker }
  | { readonly type: 'kill'; readonly worker: number; readonly reason: string }
  /** The answer to a beat. */
  | { readonly type: 'pong'; readonly sentAtMs: number; readonly atMs: number }
  /** The run is over, or this agent's part in it: end all workers. */
  | { readonly type: 'end' };

export type HostedWorker = { readonly worker: number; readonly concurrency: number };

export type FromAgent =
  /** It has what the placement needs, and knows the coordinator's clock. */
  | { readonly type: 'prepared' }
  | { readonly type: 'refused'; readonly cause: 'version' | 'lacks'; readonly problems: readonly Problem[] }
  | { readonly type: 'fromWorker'; readonly worker: number; readonly message: FromWorker }
  | { readonly type: 'workerLost'; readonly worker: number; readonly reason: string }
  | ({ readonly type: 'beat' } & AgentBeat)
  /** It finishes what is in flight and wants no more; its workers end when they are told that no launches follow. */
  | { readonly type: 'draining' }
  /** The last message: its workers have ended. */
  | { readonly type: 'left' };

/** Its clock is relative to the coordinator's. */
export type AgentBeat = Pick<
  AgentState,
  'cpuShare' | 'loopDelayMaxMs' | 'rssBytes' | 'fileDescriptors' | 'offsetMs' | 'offsetUncertaintyMs'
> & {
  /** On the agent's axis; comes back in the pong. */
  readonly sentAtMs: number;
  /** When the last pong that it got was sent, on the coordinator's axis; `null` = it got none yet. */
  readonly pongAtMs: number | null;
  /** What is left of its lease by its own view, which the coordinator's bounds. */
  readonly leaseLeftMs: number;
  /** By its own view its lease is over: it sends nothing to the target any more. */
  readonly isFenced: boolean;
};
