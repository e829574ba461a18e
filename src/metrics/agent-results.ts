import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type BrokenDownRow, byLabel, type ColumnBreakdown, type ColumnCounts } from './column-breakdown.ts';
import { FAILED_RESULTS, OutcomeCounts } from './outcome-counts.ts';

/** Folds the outcomes that count by agent, and the rows of the fleet by the labels of the agents that registered them. */
export class AgentResults {
  readonly #counts = new Map<string, OutcomeCounts>();
  readonly #byLabel: readonly ColumnBreakdown[];

  /** @param labels of the run's agents, by name */
  constructor(labels: readonly string[]) {
    this.#byLabel = labels.map(byLabel);
  }

  add(outcome: RegistrationOutcome): void {
    const { agent } = outcome;
    if (agent === null) return;
    const counts = this.#counts.get(agent) ?? new OutcomeCounts();
    this.#counts.set(agent, counts);
    counts.add(outcome);
  }

  /** @param row that an agent registered */
  addRow(row: BrokenDownRow): void {
    for (const breakdown of this.#byLabel) breakdown.add(row);
  }

  countsOf(agent: string): { readonly assigned: number; readonly failed: number } {
    const counts = this.#counts.get(agent);
    return { assigned: counts?.of('assigned') ?? 0, failed: counts?.of(...FAILED_RESULTS) ?? 0 };
  }

  byLabel(): readonly ColumnCounts[] {
    return this.#byLabel.map((breakdown) => breakdown.result());
  }
}
