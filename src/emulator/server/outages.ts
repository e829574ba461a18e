import type { FaultRule } from '../service/fault-rule.ts';
import type { SessionContext } from './mqtt-session.ts';

/** An outage cuts what is open when it begins; what comes while it lasts is refused one by one. */
export function scheduleOutages(rules: readonly FaultRule[], context: SessionContext): () => void {
  const { clock, openSessions, faults, serviceTimeMs } = context;
  const timers = rules
    .filter(({ fault }) => fault.kind === 'outage')
    .map(({ fromMs }) =>
      clock.wakeAt(clock.nowMs() + fromMs, () => {
        openSessions.cutWhere((registrationId) => faults.next('open', registrationId, serviceTimeMs()) !== null);
      }),
    );
  return () => {
    for (const timer of timers) timer.cancel();
  };
}
