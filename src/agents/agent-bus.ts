import type { AgentPresence, FromAgent, Placement, ToAgent } from './agent-messages.ts';

/**
 * What runs on many machines need of Redis: who is there, who has which place in a run, for how long, and messages in order. Times are
 * durations, never moments on another machine's clock. A call rejects when Redis cannot be reached or refuses it; no error holds a secret.
 */

export type ListedAgent = AgentPresence & {
  /** Its wall clock relative to this machine's, and how far that may be wrong either way. */
  readonly offsetMs: number;
  readonly offsetUncertaintyMs: number;
};

/** What a coordinator sees of one run. */
export interface RunBus {
  readonly runId: string;
  /** Agents that announced themselves a moment ago. */
  listAgents(): Promise<readonly ListedAgent[]>;
  /** Offers an agent a place; it takes it as soon as it is free. */
  place(agent: string, placement: Placement): Promise<void>;
  /** Renews the coordinator's own lease. @returns which Redis process has it */
  renew(leaseMs: number): Promise<RedisIdentity>;
  /** How long the agents' locks on these placements are still held, in the same order; `null` = not held. */
  locksLeftMs(places: readonly AgentPlace[]): Promise<RedisIdentity & { readonly leftMs: readonly (number | null)[] }>;
  /** Sends in order, again and again until Redis has it or the placement is revoked. */
  send(place: AgentPlace, message: ToAgent): void;
  /** Called for each message of an agent, in order, none twice. Set it before the first placement. */
  onMessage(listener: (epoch: number, message: FromAgent) => void): void;
  /** Ends a placement: Redis hands out no message of it from now on. @returns those that it surely never handed out */
  revoke(place: AgentPlace): Promise<readonly ToAgent[]>;
  /** Call the result once the messages handled up to now are not needed any more. */
  handled(): () => void;
  /** Removes everything of the run from Redis, as far as it can be reached. */
  close(): Promise<void>;
}

export type AgentPlace = { readonly agent: string; readonly epoch: number };

export type RedisIdentity = {
  /** Changes whenever Redis starts anew: it may then have lost what it had confirmed. */
  readonly redisRunId: string;
};

/** What an agent sees. */
export interface AgentBus {
  /** Says for a while that the agent is there. @returns whether its name is its own: `false` = another process has it */
  announce(presence: AgentPresence, forMs: number): Promise<boolean>;
  withdraw(): Promise<void>;
  /** Waits for a placement; `null` once the bus is closed. */
  nextPlacement(): Promise<PlacedRun | null>;
  close(): Promise<void>;
}

/** A placement that an agent has taken; its lock counts from then on, and must be renewed. */
export interface PlacedRun {
  readonly placement: Placement;
  /** Renews the lock. */
  renew(leaseMs: number): Promise<Renewal>;
  /** Sends in order, again and again until Redis has it or the placement is finished. */
  send(message: FromAgent): void;
  /** Called for each message of the coordinator, in order, none twice. */
  onMessage(listener: (message: ToAgent) => void): void;
  /** Resolves when Redis has all messages sent so far. */
  flushed(): Promise<void>;
  /** Gives the lock back and stops sending and receiving. Never rejects. */
  finish(): Promise<void>;
}

export type Renewal = RedisIdentity & {
  /** Whether the lock was still this agent's, and is renewed. */
  readonly isHeld: boolean;
  /** What is left of the coordinator's lease; `null` = it is over. */
  readonly coordinatorLeftMs: number | null;
};
