import { type Clock, pause, repeat, type Timer } from '../time/clock.ts';
import type { ListedAgent, RedisIdentity, RunBus } from './agent-bus.ts';
import type { FromAgent, PlacementNeeds, ToAgent } from './agent-messages.ts';
import { Hosting } from './hosting.ts';
import { LEASE_MS, RENEW_INTERVAL_MS } from './lease.ts';

/** How often the agents' locks are looked at, and how often it is noticed that one is silent. */
const LOOK_INTERVAL_MS = 250;
/** Four beats: an agent that is silent for longer gets no more rows. */
const AGENT_SILENT_MS = 1_000;
/** From an offer to the answer of a free agent, which reads its keys and a fleet file first. */
const ANSWER_MAX_MS = 30_000;
/** How often it is noticed that agents have said goodbye. */
const FAREWELL_LOOK_MS = 20;

export type RosterParts = {
  readonly bus: RunBus;
  readonly clock: Clock;
  readonly needs: PlacementNeeds;
};

/** What happens to the agents that have a place. */
export type RosterListener = {
  /** All but beats. */
  readonly heard: (hosting: Hosting, message: FromAgent) => void;
  readonly silent: (hosting: Hosting, isSilent: boolean) => void;
  /** It surely sends nothing more. @param neverSent messages that surely never reached it */
  readonly lost: (hosting: Hosting, reason: string, neverSent: readonly ToAgent[]) => void;
};

const NOBODY: RosterListener = { heard: () => {}, silent: () => {}, lost: () => {} };

/** The agents of one run: offers places, answers beats, and decides who is lost. */
export class AgentRoster {
  readonly #parts: RosterParts;
  readonly #hostings = new Map<number, Hosting>();
  readonly #timers: readonly Timer[];
  #listener = NOBODY;
  #redisRunId: string | null = null;
  #epoch = 0;
  #isLooking = false;
  /** All places are to be left. */
  #isEnding = false;
  /** Outcomes of agents that were given up: they came too late to count. */
  #outcomesTooLate = 0;

  constructor(parts: RosterParts) {
    this.#parts = parts;
    const { bus, clock } = parts;
    bus.onMessage((epoch, message) => this.#receive(epoch, message));
    this.#timers = [
      repeat(clock, RENEW_INTERVAL_MS, () => void this.renew().catch(() => {})),
      repeat(clock, LOOK_INTERVAL_MS, () => this.#look()),
    ];
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Of dpsload. */
  get version(): string {
    return this.#parts.needs.version;
  }

  get outcomesTooLate(): number {
    return this.#outcomesTooLate;
  }

  /** In the order of their places, those included that are over. */
  get hostings(): readonly Hosting[] {
    return [...this.#hostings.values()];
  }

  listen(listener: RosterListener): void {
    this.#listener = listener;
  }

  /** Agents that are free for a place, and have the right version. */
  async free(): Promise<readonly ListedAgent[]> {
    const taken = new Set(this.hostings.filter(({ isOver }) => !isOver).map(({ agent }) => agent.name));
    const agents = await this.#parts.bus.listAgents();
    const { version } = this.#parts.needs;
    return agents.filter((agent) => agent.run === null && agent.version === version && !taken.has(agent.name));
  }

  async offer(agent: ListedAgent): Promise<void> {
    const { bus, clock, needs } = this.#parts;
    if (this.#redisRunId === null) await this.renew();
    const hosting = new Hosting(agent, ++this.#epoch, clock.nowMs());
    this.#hostings.set(hosting.place.epoch, hosting);
    const epochAtZeroMs = clock.epochMs() - clock.nowMs();
    const { runId } = bus;
    const redisRunId = this.#redisRunId ?? '';
    try {
      await bus.place(agent.name, { ...needs, runId, epoch: hosting.place.epoch, redisRunId, epochAtZeroMs });
    } catch (error) {
      await this.#lose(hosting, 'Redis cannot be reached');
      throw error;
    }
  }

  send(hosting: Hosting, message: ToAgent): void {
    if (hosting.isOver) hosting.tooLate.push(message);
    else this.#parts.bus.send(hosting.place, message);
  }

  /** Renews the coordinator's own lease, without which the agents stop. */
  async renew(): Promise<void> {
    this.#saw(await this.#parts.bus.renew(LEASE_MS));
  }

  handled(): () => void {
    return this.#parts.bus.handled();
  }

  /** Ends every place, and waits for the agents to say so, `withinMs` at most. */
  async end(withinMs: number): Promise<void> {
    this.#isEnding = true;
    for (const hosting of this.hostings) this.send(hosting, { type: 'end' });
    const untilMs = this.clock.nowMs() + withinMs;
    while (this.clock.nowMs() < untilMs && this.hostings.some(({ isOver }) => !isOver))
      await pause(this.clock, FAREWELL_LOOK_MS);
    for (const timer of this.#timers) timer.cancel();
  }

  #receive(epoch: number, message: FromAgent): void {
    const hosting = this.#hostings.get(epoch);
    if (hosting === undefined || hosting.isOver) {
      this.#countTooLate(message);
      return;
    }
    const nowMs = this.clock.nowMs();
    hosting.lease.taken(nowMs);
    if (message.type === 'beat') {
      hosting.beat(message);
      this.#judgeSilence(hosting);
      if (message.isFenced) void this.#lose(hosting, 'its lease ended');
      else this.send(hosting, { type: 'pong', sentAtMs: message.sentAtMs, atMs: nowMs });
      return;
    }
    if (message.type === 'prepared') hosting.state = 'prepared';
    if (message.type === 'draining') hosting.state = 'draining';
    if (message.type === 'left') {
      // It had its reasons, but no message of them came through.
      if (hosting.workers.size > 0 && !this.#isEnding) void this.#lose(hosting, 'it left');
      else hosting.state = 'left';
    }
    if (message.type === 'refused') {
      hosting.state = 'refused';
      hosting.problems = message.problems;
      hosting.lacks = message.cause === 'lacks';
    }
    this.#listener.heard(hosting, message);
  }

  #countTooLate(message: FromAgent): void {
    if (message.type !== 'fromWorker' || message.message.type !== 'outcomes') return;
    this.#outcomesTooLate += message.message.outcomes.length;
  }

  #look(): void {
    const nowMs = this.clock.nowMs();
    for (const hosting of this.hostings) {
      if (hosting.isOver) continue;
      this.#judgeSilence(hosting);
      const { overAtMs } = hosting.lease;
      const isUnanswered = hosting.state === 'offered' && nowMs - hosting.offeredAtMs >= ANSWER_MAX_MS;
      if (isUnanswered) void this.#lose(hosting, `it did not answer within ${ANSWER_MAX_MS / 1_000} s`);
      else if (overAtMs !== null && nowMs >= overAtMs) void this.#lose(hosting, 'its lease ended');
    }
    if (!this.#isLooking) void this.#lookAtLocks();
  }

  async #lookAtLocks(): Promise<void> {
    const hostings = this.hostings.filter(({ isOver }) => !isOver);
    if (hostings.length === 0) return;
    this.#isLooking = true;
    const sentAtMs = this.clock.nowMs();
    try {
      const seen = await this.#parts.bus.locksLeftMs(hostings.map(({ place }) => place));
      const receivedAtMs = this.clock.nowMs();
      if (this.#saw(seen)) {
        for (const [index, hosting] of hostings.entries()) {
          hosting.lease.looked({ sentAtMs, receivedAtMs, leftMs: seen.leftMs[index] ?? null });
          this.#judgeSilence(hosting);
        }
      }
    } catch {
      // Only Redis can say that an agent's lease is over: a renewal may be carried out although its answer is lost. Until then, the agents are
      // silent, and get nothing.
    } finally {
      this.#isLooking = false;
    }
  }

  /** @returns whether it still is the Redis process that has the leases */
  #saw({ redisRunId }: RedisIdentity): boolean {
    const isSame = this.#redisRunId === null || this.#redisRunId === redisRunId;
    this.#redisRunId = redisRunId;
    if (isSame) return true;
    for (const hosting of this.hostings) {
      hosting.lease.blind(this.clock.nowMs());
      this.#judgeSilence(hosting);
    }
    return false;
  }

  /**
   * Not when a message arrives counts, but when the pong was sent that its sender had got: what waited somewhere says nothing of the present, and an
   * agent that hears nothing is as good as silent. So is one whose lease may be over soon.
   */
  #judgeSilence(hosting: Hosting): void {
    const nowMs = this.clock.nowMs();
    const isSilent = hosting.isLeaseAtRisk || nowMs - hosting.heardAtMs >= AGENT_SILENT_MS;
    if (hosting.isSilent === isSilent) return;
    hosting.isSilent = isSilent;
    this.#listener.silent(hosting, isSilent);
  }

  async #lose(hosting: Hosting, reason: string): Promise<void> {
    hosting.state = 'lost';
    // Where Redis cannot say, every launch may have been sent.
    const revoked = await this.#parts.bus.revoke(hosting.place).catch(() => []);
    this.#listener.lost(hosting, reason, [...revoked, ...hosting.tooLate.splice(0)]);
  }
}
