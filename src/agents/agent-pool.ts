import { labelValue } from '../fleet/pin-column.ts';
import type { Launch } from '../registration/launch.ts';
import { notStartedOutcome } from '../registration/unsent-outcomes.ts';
import { type Clock, repeat, type Timer } from '../time/clock.ts';
import { AgentGone } from '../worker/agent-gone.ts';
import { type Deferred, deferred } from '../worker/deferred.ts';
import type { FromWorker, ToWorker } from '../worker/worker-messages.ts';
import type { AgentState, WorkerPool, WorkerPoolEvents, WorkerPoolRequest } from '../worker/worker-pool.ts';
import type { ListedAgent } from './agent-bus.ts';
import type { FromAgent, HostedWorker, ToAgent, TravellingSetup, TravellingToWorker } from './agent-messages.ts';
import type { AgentRoster } from './agent-roster.ts';
import type { Hosting } from './hosting.ts';
import { setupWithoutSecrets, withoutSecrets } from './travelling.ts';

/** How often workers without a place look for an agent that came late, or came back. */
const PLACE_INTERVAL_MS = 1_000;
/** For agents to end their workers, before they are left to find out themselves. */
const END_MAX_MS = 2_000;

export type AgentPoolParts = {
  readonly roster: AgentRoster;
  /** With fewer agents than this for longer than `withinMs`, the run cannot go on. */
  readonly agentsMin: number;
  readonly withinMs: number;
  /** Label of the agents by which rows are pinned; `null` = they are not. */
  readonly pinLabel: string | null;
};

/** One worker of the run, and where it lives. */
type Slot = HostedWorker & {
  /** `null` = nowhere at present. */
  hosting: Hosting | null;
  /** Value of the pinning label where it first lived: elsewhere, another one would miss its rows. `null` = it may live anywhere. */
  home: string | null;
  isGivenUp: boolean;
  readonly ready: Deferred<void>;
  readonly ended: Deferred<void>;
  /** What a worker without a place must hear first; never a launch. */
  readonly waiting: TravellingToWorker[];
};

/** Workers on agents. One without a place gets no rows, until an agent is free for it. */
export class AgentPool implements WorkerPool {
  /** Agents may come and go all night; `agentsMin` bounds what is lost. */
  readonly replacementsMax = Number.POSITIVE_INFINITY;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #parts: AgentPoolParts;
  readonly #events: WorkerPoolEvents;
  readonly #clock: Clock;
  readonly #setup: TravellingSetup;
  readonly #slots: readonly Slot[];
  readonly #timer: Timer;
  #isPlacing = false;
  #noMoreLaunches = false;
  #tooFewSinceMs: number | null = null;

  constructor(parts: AgentPoolParts, { setup, concurrencyShares, clock }: WorkerPoolRequest, events: WorkerPoolEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#clock = clock;
    this.#setup = setupWithoutSecrets(setup);
    this.#slots = concurrencyShares.map((concurrency, worker) => ({
      worker,
      concurrency,
      hosting: null,
      home: null,
      isGivenUp: false,
      ready: deferred<void>(),
      ended: deferred<void>(),
      waiting: [],
    }));
    this.ready = allOf(this.#slots.map(({ ready }) => ready));
    this.ended = allOf(this.#slots.map(({ ended }) => ended));
    parts.roster.listen({
      heard: (hosting, message) => this.#heard(hosting, message),
      silent: (hosting, isSilent) => this.#silent(hosting, isSilent),
      lost: (hosting, reason, neverSent) => this.#lost(hosting, reason, neverSent),
    });
    this.#assign();
    this.#timer = repeat(clock, PLACE_INTERVAL_MS, () => this.#look());
  }

  send(worker: number, message: ToWorker): void {
    const slot = this.#slots[worker];
    const travelling = withoutKeys(message);
    if (slot === undefined || travelling === null) return;
    if (slot.hosting !== null) this.#parts.roster.send(slot.hosting, { type: 'toWorker', worker, message: travelling });
    else if (message.type === 'launch') this.#handBack(worker, message.launches);
    else slot.waiting.push(travelling);
  }

  sendAll(message: ToWorker): void {
    if (message.type === 'noMoreLaunches') this.#noMoreLaunches = true;
    for (const { worker } of this.#slots) this.send(worker, message);
    this.#endHomeless();
  }

  kill(worker: number, { message: reason }: Error): void {
    const hosting = this.#slots[worker]?.hosting ?? null;
    if (hosting !== null) this.#parts.roster.send(hosting, { type: 'kill', worker, reason });
  }

  replace(worker: number): void {
    // Nobody waits for a worker that may have no place for long.
    this.#slots[worker]?.ready.resolve();
    this.#assign();
    this.#endHomeless();
  }

  giveUp(worker: number): void {
    const slot = this.#slots[worker];
    if (slot === undefined) return;
    slot.isGivenUp = true;
    slot.ready.resolve();
    slot.ended.resolve();
  }

  async destroy(): Promise<void> {
    this.#timer.cancel();
    for (const slot of this.#slots) slot.isGivenUp = true;
    await this.#parts.roster.end(END_MAX_MS);
  }

  journalSyncing(): () => void {
    return this.#parts.roster.handled();
  }

  agentOf(worker: number): string | null {
    return this.#slots[worker]?.hosting?.agent.name ?? null;
  }

  agents(): readonly AgentState[] {
    // An agent that came back has several places, of which the last counts.
    const latest = new Map(this.#parts.roster.hostings.filter(isPart).map((one) => [one.agent.name, one.shown]));
    return [...latest.values()];
  }

  #heard(hosting: Hosting, message: FromAgent): void {
    switch (message.type) {
      case 'prepared':
        this.#assign();
        break;
      case 'fromWorker':
        this.#relay(hosting, message.worker, message.message);
        break;
      case 'workerLost':
        this.#leave(hosting, message.worker, new Error(`on agent ${hosting.agent.name}: ${message.reason}`), []);
        break;
      case 'draining':
        this.#drain(hosting);
        break;
    }
  }

  #relay(hosting: Hosting, worker: number, message: FromWorker): void {
    const slot = this.#slots[worker];
    if (slot?.hosting !== hosting) return;
    if (message.type === 'ended' && !this.#noMoreLaunches) {
      this.#leave(hosting, worker, goneWith(hosting, 'it leaves', true), []);
      this.#endDrained(hosting);
      return;
    }
    this.#events.message(worker, message);
    if (message.type === 'ready') slot.ready.resolve();
    if (message.type === 'ended') slot.ended.resolve();
  }

  /** Launches for a worker that has lost its place meanwhile. */
  #handBack(worker: number, launches: readonly Launch[]): void {
    const outcomes = launches.map(notStartedOutcome);
    const hand = (): void => this.#events.message(worker, { type: 'outcomes', outcomes, events: null });
    this.#clock.wakeAt(this.#clock.nowMs(), hand);
  }

  #silent(hosting: Hosting, isSilent: boolean): void {
    if (hosting.state !== 'prepared') return;
    for (const worker of hosting.workers) this.#events.silent(worker, isSilent);
  }

  #lost(hosting: Hosting, reason: string, neverSent: readonly ToAgent[]): void {
    for (const worker of [...hosting.workers]) {
      this.#leave(hosting, worker, goneWith(hosting, reason, false), sequencesOf(neverSent, worker));
    }
  }

  #leave(hosting: Hosting, worker: number, reason: Error, neverSent: readonly number[]): void {
    const slot = this.#slots[worker];
    if (slot?.hosting !== hosting) return;
    slot.hosting = null;
    slot.waiting.length = 0;
    hosting.workers.delete(worker);
    this.#events.lost(worker, reason, neverSent);
  }

  /** Its workers hand back what has not started, finish what is in flight, and end. */
  #drain(hosting: Hosting): void {
    for (const worker of hosting.workers) {
      this.#events.silent(worker, true);
      this.send(worker, { type: 'dropWaiting' });
      this.send(worker, { type: 'noMoreLaunches' });
    }
    this.#endDrained(hosting);
  }

  #endDrained(hosting: Hosting): void {
    if (hosting.state === 'draining' && hosting.workers.size === 0) this.#parts.roster.send(hosting, { type: 'end' });
  }

  #look(): void {
    this.#assign();
    if (this.#homeless.length > 0 && !this.#isPlacing) void this.#placeLateAgents();
    this.#noticeTooFew();
  }

  get #homeless(): readonly Slot[] {
    return this.#slots.filter(({ hosting, isGivenUp }) => hosting === null && !isGivenUp);
  }

  /** Gives each worker without a place a free slot where it may live. */
  #assign(): void {
    const starts = new Map<Hosting, Slot[]>();
    for (const slot of this.#noMoreLaunches ? [] : this.#homeless) {
      const possible = this.#parts.roster.hostings.filter(({ agent }) => this.#isHome(slot, agent));
      const hosting = possible.reduce<Hosting | null>(freer, null);
      if (hosting === null) continue;
      slot.hosting = hosting;
      slot.home = this.#pinValueOf(hosting.agent);
      hosting.workers.add(slot.worker);
      starts.set(hosting, [...(starts.get(hosting) ?? []), slot]);
    }
    for (const [hosting, slots] of starts) this.#start(hosting, slots);
  }

  #isHome({ home }: Slot, agent: Pick<ListedAgent, 'labels'>): boolean {
    return home === null || home === this.#pinValueOf(agent);
  }

  #pinValueOf({ labels }: Pick<ListedAgent, 'labels'>): string | null {
    const { pinLabel } = this.#parts;
    return pinLabel === null ? null : labelValue(labels, pinLabel);
  }

  #start(hosting: Hosting, slots: readonly Slot[]): void {
    const { roster } = this.#parts;
    const axisShiftMs = this.#clock.nowMs() - roster.clock.nowMs();
    const workers = slots.map(({ worker, concurrency }) => ({ worker, concurrency }));
    roster.send(hosting, { type: 'start', setup: this.#setup, axisShiftMs, workers });
    for (const { worker, waiting } of slots) {
      for (const message of waiting.splice(0)) roster.send(hosting, { type: 'toWorker', worker, message });
    }
  }

  async #placeLateAgents(): Promise<void> {
    const { roster } = this.#parts;
    this.#isPlacing = true;
    try {
      const homeless = [...this.#homeless];
      // Each agent that is on its way, or is asked to come, takes in as many as it has slots.
      const takeIn = (agent: ListedAgent): number => {
        const taken = homeless.filter((slot) => this.#isHome(slot, agent)).slice(0, agent.slots);
        for (const slot of taken) homeless.splice(homeless.indexOf(slot), 1);
        return taken.length;
      };
      for (const { agent, state } of roster.hostings) if (state === 'offered') takeIn(agent);
      for (const agent of homeless.length > 0 ? await roster.free() : []) {
        if (takeIn(agent) > 0) await roster.offer(agent);
      }
    } catch {
      // Redis cannot be reached: later, perhaps.
    } finally {
      this.#isPlacing = false;
    }
  }

  #noticeTooFew(): void {
    const { agentsMin, roster, withinMs } = this.#parts;
    const heard = roster.hostings.filter(({ isOver, isSilent }) => !isOver && !isSilent);
    const left = heard.filter(({ state }) => state === 'prepared' || this.#noMoreLaunches).length;
    if (left >= (this.#noMoreLaunches ? 1 : agentsMin)) {
      this.#tooFewSinceMs = null;
      return;
    }
    const nowMs = this.#clock.nowMs();
    this.#tooFewSinceMs ??= nowMs;
    if (nowMs - this.#tooFewSinceMs < withinMs) return;
    const agents = agentsMin === 1 ? 'agent' : 'agents';
    this.#events.starved(`fewer than ${agentsMin} ${agents} have been there for ${withinMs / 1_000} s`);
    this.#tooFewSinceMs = Number.POSITIVE_INFINITY;
  }

  /** A worker without a place holds no launches. */
  #endHomeless(): void {
    if (this.#noMoreLaunches) for (const { ended } of this.#homeless) ended.resolve();
  }
}

function allOf(deferreds: readonly Deferred<void>[]): Promise<void> {
  return Promise.all(deferreds.map(({ promise }) => promise)).then(() => undefined);
}

/** For one worker of an agent that is gone. */
function goneWith({ agent, workers }: Hosting, reason: string, isWanted: boolean): AgentGone {
  return new AgentGone(agent.name, reason, { isLast: workers.size === 1, isWanted });
}

function isPart({ state, workers }: Hosting): boolean {
  return state !== 'offered' && (state !== 'refused' || workers.size > 0);
}

/** The one with the larger share of its slots free, so that each agent gets workers; `null` = neither has any. */
function freer(best: Hosting | null, other: Hosting): Hosting | null {
  return freeShare(other) > (best === null ? 0 : freeShare(best)) ? other : best;
}

function freeShare({ agent, freeSlots }: Hosting): number {
  return freeSlots / agent.slots;
}

/** What may travel of a message; `null` = it means nothing elsewhere. */
function withoutKeys(message: ToWorker): TravellingToWorker | null {
  if (message.type === 'addresses') return null;
  if (message.type !== 'launch') return message;
  return { type: 'launch', launches: message.launches.map(withoutSecrets) };
}

function sequencesOf(messages: readonly ToAgent[], worker: number): readonly Launch['sequence'][] {
  return messages.flatMap((one) => {
    if (one.type !== 'toWorker' || one.worker !== worker || one.message.type !== 'launch') return [];
    return one.message.launches.map(({ sequence }) => sequence);
  });
}
