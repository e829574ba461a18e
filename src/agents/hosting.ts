import type { Problem } from '../problem/operator-error.ts';
import type { AgentState } from '../worker/worker-pool.ts';
import type { AgentPlace, ListedAgent } from './agent-bus.ts';
import type { AgentBeat, ToAgent } from './agent-messages.ts';
import { LEASE_AT_RISK_MS, LEASE_MS, LeaseWatch } from './lease.ts';

/**
 * `offered`: no answer yet; `prepared`: it can host workers; `draining`: it finishes what it has; `refused`, `lost` and `left` are over.
 */
export type HostingState = 'offered' | 'prepared' | 'draining' | 'refused' | 'lost' | 'left';

/** One agent's place in the run, as the coordinator sees it. */
export class Hosting {
  readonly agent: ListedAgent;
  readonly place: AgentPlace;
  readonly offeredAtMs: number;
  readonly lease = new LeaseWatch();
  /** Workers that it hosts. */
  readonly workers = new Set<number>();
  state: HostingState = 'offered';
  isSilent = false;
  /** Sent to it after it was given up. */
  readonly tooLate: ToAgent[] = [];
  /** When the last message was sent to it that it surely got. */
  heardAtMs: number;
  /** It refused for want of keys, files or permission. */
  lacks = false;
  /** Why it refused. */
  problems: readonly Problem[] = [];
  #beat: AgentBeat | null = null;

  constructor(agent: ListedAgent, epoch: number, nowMs: number) {
    this.agent = agent;
    this.place = { agent: agent.name, epoch };
    this.offeredAtMs = nowMs;
    this.heardAtMs = nowMs;
  }

  get isOver(): boolean {
    return this.state === 'refused' || this.state === 'lost' || this.state === 'left';
  }

  get isLeaseAtRisk(): boolean {
    return this.lease.overAtMs !== null || (this.#beat?.leaseLeftMs ?? LEASE_MS) < LEASE_AT_RISK_MS;
  }

  get freeSlots(): number {
    return this.state === 'prepared' ? this.agent.slots - this.workers.size : 0;
  }

  beat(beat: AgentBeat): void {
    this.#beat = beat;
    this.heardAtMs = beat.pongAtMs ?? this.heardAtMs;
  }

  get shown(): AgentState {
    const { name, labels, slots, version, offsetMs, offsetUncertaintyMs } = this.agent;
    const { cpuShare = 0, loopDelayMaxMs = 0, rssBytes = 0, fileDescriptors = null } = this.#beat ?? {};
    return {
      name,
      labels,
      slots,
      version,
      workers: [...this.workers],
      cpuShare,
      loopDelayMaxMs,
      rssBytes,
      fileDescriptors,
      offsetMs: this.#beat?.offsetMs ?? offsetMs,
      offsetUncertaintyMs: this.#beat?.offsetUncertaintyMs ?? offsetUncertaintyMs,
      isLost: this.state === 'lost',
    };
  }
}
