import { OperatorError, problem } from '../problem/operator-error.ts';
import { pause, repeat } from '../time/clock.ts';
import type { AgentBus } from './agent-bus.ts';
import { AgentHost, type HostParts } from './agent-host.ts';
import type { AgentPresence } from './agent-messages.ts';

/** An agent is there as long as it has said so within this time. */
const PRESENCE_MS = 3_000;
const ANNOUNCE_INTERVAL_MS = 1_000;
/** Until a process of the same name that was killed is forgotten, and a Redis that started anew answers. */
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
 * @throws OperatorError `usage` when another process has its name, `unreachable` when Redis does not answer
 */
export async function serveAgent(parts: ServeParts): Promise<void> {
  const { bus } = parts;
  try {
    await claimName(parts);
    await serveNamed(parts);
  } finally {
    await bus.withdraw().catch(() => {});
    await bus.close();
  }
}

async function serveNamed(parts: ServeParts): Promise<void> {
  const agent = new ServingAgent(parts);
  const announcing = repeat(parts.host.clock, ANNOUNCE_INTERVAL_MS, () => agent.announce());
  try {
    parts.onReady();
    await agent.serve();
  } finally {
    announcing.cancel();
  }
}

async function claimName({ bus, agent, host: { clock } }: ServeParts): Promise<void> {
  const untilMs = clock.nowMs() + NAME_TAKEN_MAX_MS;
  for (;;) {
    // `null` = no answer.
    const isOwn = await bus.announce({ ...agent, run: null }, PRESENCE_MS).catch(() => null);
    if (isOwn) return;
    if (clock.nowMs() >= untilMs) throw isOwn === null ? noAnswer() : nameTaken(agent.name);
    await pause(clock, ANNOUNCE_INTERVAL_MS);
  }
}

function nameTaken(name: string): OperatorError {
  const remedy = 'Give each agent a name of its own with --name';
  return new OperatorError('usage', [problem(`an agent named ${name} is there already`, remedy)]);
}

function noAnswer(): OperatorError {
  const remedy = 'Check that Redis or Valkey runs, and has memory left';
  return new OperatorError('unreachable', [problem('Redis does not answer', remedy)]);
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
      log(`run ${this.#run}: ${end instanceof OperatorError ? `refused: ${end.message}` : end}`);
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
