import { REGISTRATION_SECONDS } from '../load/capacity.ts';
import type { RunEstimate } from '../load/run-estimate.ts';
import type { SlotChoice } from '../load/slots.ts';
import { formatCount, formatDuration, formatNoun } from '../report/format.ts';
import { slotsText } from './choose-slots.ts';
import { type Finding, ok, warning } from './finding.ts';

const SUBJECT = 'slots';

/** Launches that start this much later than intended affect what the run measures. */
const LAG_NOTICED_MS = 1_000;

/** What the slots make of the load. @param choice `null` = the operator has said how many */
export function slotFindings(
  choice: SlotChoice | null,
  concurrency: number,
  { slotLagMs }: Pick<RunEstimate, 'slotLagMs'>,
): readonly Finding[] {
  if (choice?.cut) return [warning(SUBJECT, cutText(choice, slotLagMs), choice.cut.remedy)];
  const found = choice === null ? [] : [ok(SUBJECT, slotsText(choice))];
  if (slotLagMs < LAG_NOTICED_MS) return found;
  const evidence = `${formatNoun(concurrency, 'slot')} ${concurrency === 1 ? 'is' : 'are'} fewer than the load fills: ${lagText(slotLagMs)}`;
  return [warning(SUBJECT, evidence, 'Raise --concurrency, or leave it out: auto is as many as the load fills')];
}

/** `2,000 in flight wanted (every device at once), 900 possible: ulimit -n is 964, …; launches start up to 6.0 s late if …` */
function cutText({ slots, wanted, reason, cut }: SlotChoice, slotLagMs: number): string {
  const asked = `${formatCount(wanted)} in flight wanted (${reason}), ${formatCount(slots)} possible`;
  const lag = slotLagMs < LAG_NOTICED_MS ? '' : `; ${lagText(slotLagMs)}`;
  return `${asked}: ${cut?.evidence ?? ''}${lag}`;
}

/** `launches start up to 57 s late if a registration takes 3 s` */
function lagText(slotLagMs: number): string {
  return `launches start up to ${formatDuration(slotLagMs)} late if a registration takes ${REGISTRATION_SECONDS} s`;
}
