import type { FleetRow } from '../fleet/fleet-row.ts';
import { labelValue } from '../fleet/pin-column.ts';
import type { Credits } from '../load/credits.ts';
import type { AgentsAwaited } from '../metrics/progress.ts';
import { formatNoun } from '../report/format.ts';
import type { AgentState } from '../worker/worker-pool.ts';

/** What decides where a row may go. */
export type PinnedRow = Pick<FleetRow, 'group' | 'expectedHub' | 'otherValues'>;

/** The label of agents that a row's value must match. */
export type PinChoice = {
  readonly label: string;
  readonly valueIn: (row: PinnedRow) => string;
  /** How long the run waits for an agent when nothing is left but rows that have none. */
  readonly withinMs: number;
};

/** What to tell the operator, and whether the run goes on. */
type PinNews = {
  readonly notices: readonly string[];
  /** Agents without which nothing can be launched; `null` = something can be, or is in flight. */
  readonly awaited: AgentsAwaited | null;
  /** Why the run cannot go on; `null` = it can. */
  readonly starved: string | null;
};

type LabelledAgent = Pick<AgentState, 'labels' | 'workers' | 'isLost'>;

/** Sends rows only to workers of agents with the right label, which may come and go. */
export class RowPins {
  readonly #choice: PinChoice;
  readonly #credits: Credits;
  readonly #agents: () => readonly LabelledAgent[];
  /** Values whose rows wait without an agent. */
  #missing: ReadonlySet<string> = new Set();
  /** Nothing but such rows has been left since then; `null` = the run goes on. */
  #stuckSinceMs: number | null = null;

  constructor(choice: PinChoice, credits: Credits, agents: () => readonly LabelledAgent[]) {
    this.#choice = choice;
    this.#credits = credits;
    this.#agents = agents;
  }

  valueOf(row: PinnedRow): string {
    return this.#choice.valueIn(row);
  }

  /** The workers as their agents are labelled now. */
  look(): PinnedWorkers {
    const { label, valueIn } = this.#choice;
    const valueAt = new Map<number, string>();
    for (const { isLost, labels, workers } of this.#agents()) {
      const value = isLost ? null : labelValue(labels, label);
      if (value !== null) for (const worker of workers) valueAt.set(worker, value);
    }
    return new PinnedWorkers(valueIn, valueAt, this.#credits);
  }

  /**
   * Call now and then.
   *
   * @param waiting rows that wait for a worker, by their values
   */
  watch(nowMs: number, waiting: ReadonlyMap<string, number>): PinNews {
    const there = this.look().values;
    const missing = new Set([...waiting.keys()].filter((value) => !there.has(value)));
    const name = (value: string): string => `${this.#choice.label}=${value}`;
    const gone = [...missing].filter((value) => !this.#missing.has(value));
    const back = [...this.#missing].filter((value) => there.has(value));
    this.#missing = missing;
    const isStuck = waiting.size > 0 && missing.size === waiting.size && this.#credits.outstanding === 0;
    this.#stuckSinceMs = isStuck ? (this.#stuckSinceMs ?? nowMs) : null;
    const rows = [...waiting.values()].reduce((sum, count) => sum + count, 0);
    const giveUpAtMs = this.#stuckSinceMs === null ? null : this.#stuckSinceMs + this.#choice.withinMs;
    return {
      notices: [
        ...gone.map((value) => `No agent with ${name(value)} is left. Its rows wait until one joins.`),
        ...back.map((value) => `An agent with ${name(value)} is there again, and gets the rows that waited for it.`),
      ],
      awaited: giveUpAtMs === null ? null : { labels: [...missing].map(name), giveUpAtMs },
      starved:
        giveUpAtMs !== null && nowMs >= giveUpAtMs
          ? `no agent with ${[...missing].map(name).join(' or ')} for ${this.#choice.withinMs / 1_000} s, and nothing is left but its rows (${formatNoun(rows, 'row')} read so far)`
          : null,
    };
  }
}

/** What the workers can take at one moment, by value of the label. */
class PinnedWorkers {
  readonly #valueIn: PinChoice['valueIn'];
  readonly #valueAt: ReadonlyMap<number, string>;
  readonly #credits: Credits;
  readonly #left = new Map<string, number>();

  constructor(valueIn: PinChoice['valueIn'], valueAt: ReadonlyMap<number, string>, credits: Credits) {
    this.#valueIn = valueIn;
    this.#valueAt = valueAt;
    this.#credits = credits;
  }

  /** Those of the agents that are there. */
  get values(): ReadonlySet<string> {
    return new Set(this.#valueAt.values());
  }

  /** How many more rows with this value can be dealt. */
  leftFor(value: string): number {
    const known = this.#left.get(value);
    if (known !== undefined) return known;
    const left = this.#credits.availableTo((worker) => this.#valueAt.get(worker) === value);
    this.#left.set(value, left);
    return left;
  }

  /** Counts a row, if it can be dealt. */
  take(row: PinnedRow): boolean {
    const value = this.#valueIn(row);
    const left = this.leftFor(value);
    if (left > 0) this.#left.set(value, left - 1);
    return left > 0;
  }

  /** Whether the row finds a free slot, and so starts without waiting for another registration to end. */
  hasFreeSlotFor(row: PinnedRow): boolean {
    return this.#credits.hasFreeSlotAt(this.mayHave(row));
  }

  mayHave(row: PinnedRow): (worker: number) => boolean {
    const value = this.#valueIn(row);
    return (worker) => this.#valueAt.get(worker) === value;
  }
}
