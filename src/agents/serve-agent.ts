import { OperatorError, problem } from '../problem/operator-error.ts';
import { repeat } from '../time/clock.ts';
import type { AgentBus } from './agent-bus.ts';
import { AgentHost, type HostParts } from './agent-host.ts';
import type { AgentPresence } from './agent-messages.ts';

/** An agent is there as long as it has said so within this time. */
const PRESENCE_MS = 3_000;
const ANNOUNCE_INTERVAL_MS = 1_000;
/** Until a process of the same name that was killed is forgotten. */
const NAME_TAKEN_MAX_MS = 2 * PRESENCE_MS;

export type AgentStop = { readonly urgency: 'finish-in-flight' | 'at-once' };

export type ServeParts = {
  readonly bus: AgentBus;
  readonly agent: Omit<AgentPresence, 'run'>;
  readonly host: HostParts;
  /** The first request drains, a further one stops. */
  readonly stops: { onRequest(listener: (stop: AgentStop) => void): void };
  /** It can be placed from now on. */
  readonly onReady: () => void;
  readonly log: (text: string) => void;
};

/**
 * Serves one run after the other, until it is asked to stop.
 *
 * @throws OperatorError `usage` when another process has its name
 */
export async function serveAgent(parts: ServeParts): Promise<void> {
  const { bus, host, onReady } = parts;
  await claimName(parts);
  const agent = new ServingAgent(parts);
  const announcing = repeat(host.clock, ANNOUNCE_INTERVAL_MS, () => agent.announce());
  try {
    onReady();
    await agent.serve();
  } finally {
    announcing.cancel();
    await bus.withdraw().catch(() => {});
    await bus.close();
  }
}

async function claimName({ bus, agent, host: { clock } }: ServeParts): Promise<void> {
  const untilMs = clock.nowMs() + NAME_TAKEN_MAX_MS;
  while (!(await bus.announce({ ...agent, run: null }, PRESENCE_MS))) {
    if (clock.nowMs() >= untilMs) {
      const remedy = 'Give each agent a name of its own with --name';
      throw new OperatorError('usage', [problem(`an agent named ${agent.name} is there already`, remedy)]);
    }
    await new Promise<void>((resolve) => {
      clock.wakeAt(clock.nowMs() + ANNOUNCE_INTERVAL_MS, resolve);
    });
  }
}

class ServingAgent {
  readonly #parts: ServeParts;
  #host: AgentHost | null = null;
  #run: string | null = null;
  #isStopping = false;

  constructor(parts: ServeParts) {
    this.#parts = parts;
    parts.stops.onRequest((stop) => this.#stop(stop));
  }

  announce(): void {
    const { agent, bus } = this.#parts;
    if (this.#isStopping) return;
    // It is announced again in a moment.
    bus.announce({ ...agent, run: this.#run }, PRESENCE_MS).catch(() => {});
  }

  async serve(): Promise<void> {
    const { bus, host, log } = this.#parts;
    while (!this.#isStopping) {
      const placed = await bus.nextPlacement();
      if (placed === null) return;
      this.#run = placed.placement.runId;
      this.#host = new AgentHost(placed, host);
      this.announce();
      log(`serves run ${this.#run}`);
      if (this.#isStopping) this.#host.drain();
      const end = await this.#host.ended;
      log(`run ${this.#run}: ${end}`);
      this.#host = null;
      this.#run = null;
      this.announce();
    }
  }

  #stop({ urgency }: AgentStop): void {
    this.#isStopping = true;
    const { bus } = this.#parts;
    void bus.withdraw().catch(() => {});
    if (this.#host === null) void bus.close();
    else if (urgency === 'at-once') this.#host.stop();
    else this.#host.drain();
  }
}
