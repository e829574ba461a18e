import type { Clock } from '../../time/clock.ts';
import type { FaultPlan } from '../service/fault-plan.ts';
import type { FaultRule } from '../service/fault-rule.ts';

/** A connection that can be ended from outside. */
export type OpenSession = {
  /** `null` before CONNECT. */
  readonly registrationId: string | null;
  /** Ends it after everything that was written has been sent. */
  close(reason: string): void;
  /** Ends it at once. */
  cut(): void;
};

/** All open connections; at most one per device. */
export class OpenSessions {
  readonly #all = new Set<OpenSession>();
  readonly #byDevice = new Map<string, OpenSession>();

  add(session: OpenSession): void {
    this.#all.add(session);
  }

  /** A second connection with the same client ID closes the first, as at the hubs. */
  claim(deviceKey: string, session: OpenSession): void {
    const previous = this.#byDevice.get(deviceKey);
    this.#byDevice.set(deviceKey, session);
    previous?.close('another connection with the same client ID took over');
  }

  remove(deviceKey: string | null, session: OpenSession): void {
    this.#all.delete(session);
    if (deviceKey !== null && this.#byDevice.get(deviceKey) === session) this.#byDevice.delete(deviceKey);
  }

  get size(): number {
    return this.#all.size;
  }

  closeAll(reason: string): void {
    for (const session of [...this.#all]) session.close(reason);
  }

  cutWhere(isStruck: (registrationId: string | null) => boolean): void {
    for (const session of [...this.#all]) if (isStruck(session.registrationId)) session.cut();
  }
}

type OutageContext = {
  readonly clock: Clock;
  readonly serviceTimeMs: () => number;
  readonly faults: FaultPlan;
  readonly openSessions: OpenSessions;
};

/**
 * Lets each outage cut the open connections when it begins; connections during the outage are refused one by one.
 *
 * @returns cancels the outages that have not begun.
 */
export function scheduleOutages(
  rules: readonly FaultRule[],
  { clock, serviceTimeMs, faults, openSessions }: OutageContext,
): () => void {
  const cutStruck = (): void =>
    openSessions.cutWhere((registrationId) => faults.next('open', registrationId, serviceTimeMs()) !== null);
  const timers = rules
    .filter(({ fault }) => fault.kind === 'outage')
    .map(({ fromMs }) => clock.wakeAt(clock.nowMs() + fromMs, cutStruck));
  return () => {
    for (const timer of timers) timer.cancel();
  };
}
