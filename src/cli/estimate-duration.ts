import { REGISTRATION_SECONDS, slotRounds } from '../load/capacity.ts';
import { paceOf } from '../load/load-shape.ts';
import { meteredPerMinute } from '../scenario/load-risks.ts';
import type { Scenario } from '../scenario/scenario.ts';

/** How long a run takes to launch its registrations; a guess where only the service's speed bounds it. */
export function estimateDuration(
  registrations: number,
  scenario: Pick<Scenario, 'target' | 'load'>,
): { readonly durationMs: number; readonly isGuess: boolean } {
  const { load } = scenario;
  const metered = meteredPerMinute(scenario);
  const meteredMs = metered === null ? 0 : (registrations / metered) * 60_000;
  const pace = paceOf(load.shape, 0);
  const last = Math.min(registrations, pace.total) - 1;
  const lastStartMs = last < 0 ? 0 : pace.intendedAtMs(last);
  const slotsMs = slotRounds(registrations / load.rounds, load.rounds, load.concurrency) * REGISTRATION_SECONDS * 1_000;
  const longest = Math.max(meteredMs, lastStartMs ?? slotsMs);
  const durationMs = Math.min(longest, load.durationMs ?? Number.POSITIVE_INFINITY);
  return { durationMs, isGuess: lastStartMs === null && longest === slotsMs };
}
