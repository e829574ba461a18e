import type { Timer } from '../../time/clock.ts';
import type { FaultRule } from '../service/fault-rule.ts';
import type { SessionContext } from './mqtt-session.ts';

/** Lets each outage cut the open connections when it begins; connections during the outage are refused one by one. */
export class OutageTimers {
  readonly #context: SessionContext;
  #timers: readonly Timer[] = [];

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Times of the rules count from now. Outages of earlier rules that have not begun are cancelled. */
  set(rules: readonly FaultRule[]): void {
    this.cancel();
    const { serviceClock, serviceTimeMs, faults, openSessions } = this.#context;
    const cutStruck = (): void =>
      openSessions.cutWhere((registrationId) => faults.next('open', registrationId, serviceTimeMs()) !== null);
    this.#timers = rules
      .filter(({ fault }) => fault.kind === 'outage')
      .map(({ fromMs }) => serviceClock.wakeAt(serviceClock.nowMs() + fromMs, cutStruck));
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}
