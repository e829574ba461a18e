import type { Timer } from '../../time/clock.ts';
import type { FaultPoint, FaultRule } from '../service/fault-rule.ts';
import type { SessionContext } from './mqtt-session.ts';
import type { OpenSessions } from './open-sessions.ts';

/** Lets each outage cut the open connections when it begins; connections during the outage are refused one by one. */
export class OutageTimers {
  readonly #context: SessionContext;
  readonly #hubSessions: OpenSessions;
  #timers: readonly Timer[] = [];

  constructor(context: SessionContext, hubSessions: OpenSessions) {
    this.#context = context;
    this.#hubSessions = hubSessions;
  }

  /** Times of the rules count from now. Outages of earlier rules that have not begun are cancelled. */
  set(rules: readonly FaultRule[]): void {
    this.cancel();
    const { serviceClock, serviceTimeMs, faults, openSessions } = this.#context;
    const cut = (sessions: OpenSessions, point: FaultPoint): void =>
      sessions.cutWhere((id) => faults.next(point, id, serviceTimeMs()) !== null);
    const cutStruck = (): void => {
      cut(openSessions, 'open');
      cut(this.#hubSessions, 'hub-open');
    };
    this.#timers = rules
      .filter(({ fault }) => fault.kind === 'outage')
      .map(({ fromMs }) => serviceClock.wakeAt(serviceClock.nowMs() + fromMs, cutStruck));
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}
