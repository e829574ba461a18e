import type {
  AgentBus,
  AgentPlace,
  ListedAgent,
  PlacedRun,
  RedisIdentity,
  Renewal,
  RunBus,
} from '../../src/agents/agent-bus.ts';
import type { AgentPresence, FromAgent, Placement, ToAgent } from '../../src/agents/agent-messages.ts';
import { LEASE_MS } from '../../src/agents/lease.ts';
import { InboundMessages, OutboundMessages, type StreamEntry } from '../../src/agents/message-stream.ts';
import { type Clock, pause } from '../../src/time/clock.ts';
import type { RedisLink, SimulatedEntry, SimulatedRedis } from './simulated-redis.ts';

/** The connection for commands, and the one for reads that wait. */
export type BusLinks = { readonly commands: RedisLink; readonly reads: RedisLink };

const READ_RETRY_MS = 200;

const lockKey = (runId: string, epoch: number): string => `lock:${runId}-${epoch}`;
const coordinatorKey = (runId: string): string => `coordinator:${runId}`;
const inboundKey = (runId: string): string => `in:${runId}`;
const outboundKey = (runId: string, epoch: number): string => `out:${runId}-${epoch}`;

function appending<Message>({ commands }: BusLinks, key: string, epoch: number) {
  return ({ first, messages }: StreamEntry<Message>): Promise<void> => {
    const json = JSON.stringify(messages);
    return commands.command(() => commands.redis.append(key, { epoch, first, json }));
  };
}

function entryOf<Message>({ first, json }: SimulatedEntry): StreamEntry<Message> {
  return { first, messages: JSON.parse(json) as Message[] };
}

type Outbound = {
  readonly place: AgentPlace;
  readonly redisRunId: string;
  readonly messages: OutboundMessages<ToAgent>;
};

/** The coordinator's side; does what `RedisRunBus` does. */
export class SimulatedRunBus implements RunBus {
  readonly runId: string;
  readonly #links: BusLinks;
  readonly #redis: SimulatedRedis;
  readonly #clock: Clock;
  readonly #outbound = new Map<number, Outbound>();
  readonly #inbound = new Map<number, InboundMessages<FromAgent>>();
  #lastId = 0;
  #redisRunId = '';
  #isClosed = false;

  constructor(runId: string, links: BusLinks, clock: Clock) {
    this.runId = runId;
    this.#links = links;
    this.#redis = links.commands.redis;
    this.#clock = clock;
  }

  listAgents(): Promise<readonly ListedAgent[]> {
    const known = { offsetMs: 0, offsetUncertaintyMs: 0 };
    return this.#links.commands.command(() => this.#redis.presences().map((presence) => ({ ...presence, ...known })));
  }

  async place(agent: string, placement: Placement): Promise<void> {
    const { epoch, redisRunId } = placement;
    const { commands } = this.#links;
    for (const key of [outboundKey(this.runId, epoch), inboundKey(this.runId)]) {
      await commands.command(() => this.#redis.createStream(key));
    }
    const append = appending<ToAgent>(this.#links, outboundKey(this.runId, epoch), epoch);
    const messages = new OutboundMessages<ToAgent>(this.#clock, append);
    this.#outbound.set(epoch, { place: { agent, epoch }, redisRunId, messages });
    this.#inbound.set(epoch, new InboundMessages());
    await commands.command(() => this.#redis.enqueue(agent, placement));
  }

  async renew(leaseMs: number): Promise<RedisIdentity> {
    const renewed = await this.#links.commands.command(() => {
      this.#redis.set(coordinatorKey(this.runId), '1', leaseMs);
      return this.#redis.runId;
    });
    return this.#identity(renewed);
  }

  async locksLeftMs(places: readonly AgentPlace[]): Promise<RedisIdentity & { leftMs: (number | null)[] }> {
    const { runId, leftMs } = await this.#links.commands.command(() => ({
      runId: this.#redis.runId,
      leftMs: places.map(({ epoch }) => this.#redis.leftMs(lockKey(this.runId, epoch))),
    }));
    return { ...this.#identity(runId), leftMs };
  }

  send({ epoch }: AgentPlace, message: ToAgent): void {
    this.#outbound.get(epoch)?.messages.send(message);
  }

  onMessage(listener: (epoch: number, message: FromAgent) => void): void {
    void this.#read(listener);
  }

  async revoke({ agent, epoch }: AgentPlace): Promise<readonly ToAgent[]> {
    const outbound = this.#outbound.get(epoch);
    if (outbound === undefined) return [];
    this.#outbound.delete(epoch);
    const unsent = outbound.messages.stop();
    const { commands } = this.#links;
    await commands.command(() => this.#redis.removeJob(agent, epoch)).catch(() => 0);
    const isSame = (await commands.command(() => this.#redis.runId)) === outbound.redisRunId;
    const rest = await commands.command(() => this.#redis.takeRest(outboundKey(this.runId, epoch)));
    return isSame ? [...outbound.messages.neverArrived(rest.map(entryOf<ToAgent>)), ...unsent] : [];
  }

  handled(): () => void {
    const id = this.#lastId;
    return () => {
      void this.#links.commands.command(() => this.#redis.trimTo(inboundKey(this.runId), id)).catch(() => 0);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const places = [...this.#outbound.values()].map(({ place }) => place);
    await Promise.all(places.map((place) => this.revoke(place).catch(() => [])));
    for (const key of [coordinatorKey(this.runId), inboundKey(this.runId)]) {
      await this.#links.commands.command(() => this.#redis.delete(key)).catch(() => 0);
    }
  }

  #identity(redisRunId: string): RedisIdentity {
    if (this.#redisRunId !== '' && this.#redisRunId !== redisRunId) this.#lastId = 0;
    this.#redisRunId = redisRunId;
    return { redisRunId };
  }

  async #read(listener: (epoch: number, message: FromAgent) => void): Promise<void> {
    while (!this.#isClosed) {
      try {
        const from = this.#lastId;
        const entries = await this.#links.reads.read(() => this.#redis.after(inboundKey(this.runId), from) ?? []);
        for (const entry of entries) {
          this.#lastId = entry.id;
          const messages = this.#inbound.get(entry.epoch)?.take(entryOf<FromAgent>(entry)) ?? [];
          for (const message of messages) listener(entry.epoch, message);
        }
      } catch {
        await pause(this.#clock, READ_RETRY_MS);
      }
    }
  }
}

/** An agent's side; does what `RedisAgentBus` does. */
export class SimulatedAgentBus implements AgentBus {
  readonly #name: string;
  /** Of the process. */
  readonly #instance: string;
  readonly #links: BusLinks;
  readonly #clock: Clock;
  #placements = 0;
  #isClosed = false;

  constructor([name, instance]: readonly [name: string, instance: string], links: BusLinks, clock: Clock) {
    this.#name = name;
    this.#instance = instance;
    this.#links = links;
    this.#clock = clock;
  }

  announce(presence: AgentPresence, forMs: number): Promise<boolean> {
    const { redis } = this.#links.commands;
    const key = `presence:${this.#name}`;
    return this.#links.commands.command(() => {
      const there = redis.get<{ instance: string }>(key);
      if (there !== null && there.instance !== this.#instance) return false;
      redis.set(key, { presence, instance: this.#instance }, forMs);
      return true;
    });
  }

  withdraw(): Promise<void> {
    return this.#links.commands.command(() => this.#links.commands.redis.delete(`presence:${this.#name}`));
  }

  async nextPlacement(): Promise<PlacedRun | null> {
    const { redis } = this.#links.commands;
    while (!this.#isClosed) {
      const token = `${this.#instance}-${++this.#placements}`;
      try {
        const [placement] = await this.#links.reads.read(() => {
          const next = redis.dequeue(this.#name);
          if (next !== null) redis.set(lockKey(next.runId, next.epoch), token, LEASE_MS);
          return next === null ? [] : [next];
        });
        if (placement !== undefined)
          return new SimulatedPlacedRun(placement, { token, links: this.#links, clock: this.#clock });
      } catch {
        await pause(this.#clock, 500);
      }
    }
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

type PlacedParts = { readonly token: string; readonly links: BusLinks; readonly clock: Clock };

class SimulatedPlacedRun implements PlacedRun {
  readonly placement: Placement;
  readonly #parts: PlacedParts;
  readonly #redis: SimulatedRedis;
  readonly #outbound: OutboundMessages<FromAgent>;
  readonly #inbound = new InboundMessages<ToAgent>();
  #lastId = 0;
  #mayHaveMissed = false;
  #isFinished = false;

  constructor(placement: Placement, parts: PlacedParts) {
    this.placement = placement;
    this.#parts = parts;
    this.#redis = parts.links.commands.redis;
    const { epoch, runId } = placement;
    this.#outbound = new OutboundMessages(parts.clock, appending<FromAgent>(parts.links, inboundKey(runId), epoch));
  }

  async renew(leaseMs: number): Promise<Renewal> {
    const { epoch, runId } = this.placement;
    const { links, token } = this.#parts;
    const key = lockKey(runId, epoch);
    return await links.commands.command(() => {
      const isHeld = this.#redis.get<string>(key) === token;
      if (isHeld) this.#redis.set(key, token, leaseMs);
      return {
        isHeld,
        coordinatorLeftMs: this.#redis.leftMs(coordinatorKey(runId)),
        redisRunId: this.#redis.runId,
      };
    });
  }

  send(message: FromAgent): void {
    this.#outbound.send(message);
  }

  onMessage(listener: (message: ToAgent) => void): void {
    void this.#read(listener);
  }

  flushed(): Promise<void> {
    return this.#outbound.flushed();
  }

  async finish(): Promise<void> {
    this.#isFinished = true;
    this.#outbound.stop();
    const { epoch, runId } = this.placement;
    await this.#parts.links.commands.command(() => this.#redis.delete(lockKey(runId, epoch))).catch(() => {});
  }

  async #read(listener: (message: ToAgent) => void): Promise<void> {
    const { epoch, runId } = this.placement;
    const { links, clock } = this.#parts;
    const key = outboundKey(runId, epoch);
    while (!this.#isFinished) {
      try {
        const since = this.#mayHaveMissed ? this.#lastId : null;
        const entries = await links.reads.read(() => {
          const found = this.#redis.handOut(key, since);
          if (found === null) throw new Error('NOGROUP');
          return found;
        });
        if (entries.length === 0) this.#mayHaveMissed = false;
        for (const entry of entries) {
          this.#lastId = entry.id;
          for (const message of this.#inbound.take(entryOf<ToAgent>(entry))) listener(message);
        }
        if (entries.length > 0) this.#acknowledge(key, this.#lastId);
      } catch {
        this.#mayHaveMissed = true;
        await pause(clock, READ_RETRY_MS);
      }
    }
  }

  #acknowledge(key: string, id: number): void {
    void this.#parts.links.commands.command(() => this.#redis.trimTo(key, id)).catch(() => {});
  }
}
