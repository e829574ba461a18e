import { chooseSlots, type SlotChoice } from '../load/slots.ts';
import { formatCount } from '../report/format.ts';
import { type ResolvedScenario, withSlots } from '../scenario/read/resolve-scenario.ts';
import { readLocalLimits } from './local-limits.ts';

/** A scenario whose load has its slots. */
export type Slotted = {
  readonly resolved: ResolvedScenario;
  /** `null` = the operator has said how many. */
  readonly choice: SlotChoice | null;
};

/** @param devices that the run has, or the most that are worth a slot each */
export function slotted(resolved: ResolvedScenario, devices: number): Slotted {
  const { values, scenario } = resolved;
  if (values.concurrency !== 'auto') return { resolved, choice: null };
  const sourceAddresses = Math.max(1, scenario.tls.localAddresses.length);
  const choice = chooseSlots(scenario.load.shape, devices, { ...readLocalLimits(), sourceAddresses });
  return { resolved: withSlots(resolved, choice.slots, slotsText(choice)), choice };
}

/** `500: the rate × 10 s`; `900 of 2,000 (every device at once): ulimit -n is 964, of which 64 are for other files` */
export function slotsText({ slots, wanted, reason, cut }: SlotChoice): string {
  if (cut === null) return `${formatCount(slots)}: ${reason}`;
  return `${formatCount(slots)} of ${formatCount(wanted)} (${reason}): ${cut.evidence}`;
}
