import type { AgentRecord } from '../journal/agent-record.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { AgentFold, type AgentMeasures } from './agent-fold.ts';
import type { Period } from './limited-periods.ts';
import { type HealthSummary, isSaturated } from './load-generator-health.ts';
import { roundToThousandth } from './round.ts';

/** By what an agent limited the run. */
export const AGENT_LIMITS = [
  'delays', // its own delays are among the largest, and they may have changed figures of the run
  'saturation', // one of its workers had almost no idle time for long
  'slots', // launches waited for its slots more often than for those of others, the slots did not suffice, and no agent was lost
] as const;

export type AgentLimit = (typeof AGENT_LIMITS)[number];

/** An agent that contributed at least this part of what the worst one did is as much to blame. */
const BLAME_SHARE = 0.5;

/** Shorter delays change no figure, whoever has the longest of them. */
const DELAY_MIN_MS = 5;

export type AgentHealth = AgentRecord &
  AgentMeasures & {
    /** Of the delays of all agents; `null` = there were none. */
    readonly delayShare: number | null;
    readonly limitedBy: readonly AgentLimit[];
    /** When it delayed registrations; empty if it did not limit the run. */
    readonly limitedPeriods: readonly Period[];
  };

/** Folds samples and outcomes into measurements of each agent, and says which of them limited the run. */
export class AgentsFold {
  readonly #records = new Map<string, AgentRecord>();
  readonly #folds = new Map<string, AgentFold>();
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastSampleMs = 0;

  /** The last record of a name counts. Outcomes of an agent may come before it. */
  introduce(records: readonly AgentRecord[]): void {
    for (const record of records) this.#records.set(record.name, record);
  }

  /** @param clockOffsetMs by which the sample's clock is behind that of the first session */
  add({ agents, atMs }: SampleRecord, clockOffsetMs: number): void {
    this.#lastSampleMs = Math.max(this.#lastSampleMs, clockOffsetMs + atMs);
    for (const sample of agents) this.#foldOf(sample.name).add(sample, clockOffsetMs + atMs);
  }

  addOutcome(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { agent, startedAtMs, finishedAtMs } = outcome;
    if (agent === null || startedAtMs === null || finishedAtMs === null) return;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    this.#foldOf(agent).addOutcome(outcome, clockOffsetMs + finishedAtMs);
  }

  /** Names of the agents; empty where the workers were threads. */
  get names(): readonly string[] {
    return [...this.#records.keys()];
  }

  /** Names of their labels. */
  get labels(): readonly string[] {
    return [...new Set([...this.#records.values()].flatMap((record) => Object.keys(record.labels)))].sort();
  }

  /** @param health of the whole load generator */
  result({ limits, outOfSlots }: Pick<HealthSummary, 'limits' | 'outOfSlots'>): readonly AgentHealth[] {
    const measured = [...this.#records.values()].map((record) => {
      const fold = this.#foldOf(record.name);
      return { ...record, ...fold.measures(), fold };
    });
    const delayedMs = measured.reduce((sum, agent) => sum + agent.delayedMs, 0);
    const most = (of: (agent: AgentMeasures) => number): number => Math.max(0, ...measured.map(of));
    const [worstMs, mostWaits] = [most((agent) => agent.delayedMs), most(waitShare)];
    // While an agent is lost, its slots are missing, and launches wait for those of the others.
    const isShortOfSlots = outOfSlots !== null && measured.every(({ losses }) => losses === 0);
    const exceeded = limits.filter((limit) => limit.exceeded).map(({ name }) => name);
    const isDelayed = exceeded.includes('timeShare') || exceeded.includes('launchRateShare');
    const applies: Readonly<Record<AgentLimit, (agent: AgentMeasures) => boolean>> = {
      delays: (agent) => isDelayed && agent.delayMaxMs > DELAY_MIN_MS && agent.delayedMs >= BLAME_SHARE * worstMs,
      saturation: ({ saturatedMs }) => isSaturated(saturatedMs, this.#elapsedMs),
      slots: (agent) => isShortOfSlots && mostWaits > 0 && waitShare(agent) >= BLAME_SHARE * mostWaits,
    };
    return measured.map(({ fold, ...agent }) => {
      const limitedBy = AGENT_LIMITS.filter((limit) => applies[limit](agent));
      const delayShare = delayedMs === 0 ? null : roundToThousandth(agent.delayedMs / delayedMs);
      const limitedPeriods = limitedBy.length === 0 ? [] : fold.periods(this.#firstStartMs);
      return { ...agent, delayShare, limitedBy, limitedPeriods };
    });
  }

  #foldOf(agent: string): AgentFold {
    const fold = this.#folds.get(agent) ?? new AgentFold();
    this.#folds.set(agent, fold);
    return fold;
  }

  get #elapsedMs(): number {
    return Math.max(0, this.#lastSampleMs - Math.min(this.#firstStartMs, this.#lastSampleMs));
  }
}

/** Part of its launches that waited for a slot. */
function waitShare({ slotWaits, launched }: AgentMeasures): number {
  return launched === 0 ? 0 : slotWaits / launched;
}
