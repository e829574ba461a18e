import { estimateRun } from '../../load/run-estimate.ts';
import { burstOf, type SlotChoice } from '../../load/slots.ts';
import { slotFindings } from '../../preflight/slot-findings.ts';
import type { Scenario } from '../../scenario/scenario.ts';

/** What is said before a run starts about its slots. */
export type SlotNotices = {
  /** Why the load will not be the one that was asked for. */
  readonly warnings: readonly string[];
  /** How many there are, and why. */
  readonly notices: readonly string[];
};

/**
 * A number that the operator gave draws a warning only if a burst is larger, however long a registration takes; `check` and `--dry-run` also
 * say what happens if it takes 3 s.
 *
 * @param choice `null` = the operator has said how many
 */
export function slotNotices(load: Scenario['load'], choice: SlotChoice | null, devices: number): SlotNotices {
  const isCertain = choice !== null || burstOf(load.shape, devices) > load.concurrency;
  const findings = isCertain ? slotFindings(choice, load.concurrency, estimateRun(load, devices)) : [];
  const isWarning = ({ level }: { readonly level: string }): boolean => level === 'warning';
  return {
    warnings: findings.filter(isWarning).map(({ evidence, remedy }) => `${evidence}. ${remedy}.`),
    notices: findings.filter((found) => !isWarning(found)).map(({ evidence }) => `in flight at most ${evidence}`),
  };
}
