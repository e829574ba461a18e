import type { DpsInstance } from './dps-instance.ts';
import { InstanceState } from './instance-state.ts';
import type { StateLine } from './state-kind.ts';

/** Instances by ID scope. */
export class InstanceTable {
  /** Those that are configured, in that order: devices can reach them. */
  readonly open = new Map<string, InstanceState>();
  /** Those that no longer are: their records can still be read, and go on if the ID scope comes back. */
  readonly #closed = new Map<string, InstanceState>();
  readonly #changes: StateLine[] | null;

  /** @param changes gets what changes from now on; `null` = nobody keeps it */
  constructor(instances: readonly DpsInstance[], nowMs: number, changes: StateLine[] | null) {
    this.#changes = changes;
    for (const instance of instances) this.open.set(instance.idScope, new InstanceState(instance, nowMs, changes));
  }

  /** The configured ones first. */
  get all(): readonly InstanceState[] {
    return [...this.open.values(), ...this.#closed.values()];
  }

  /** Open or closed. */
  get(idScope: string): InstanceState | null {
    return this.open.get(idScope) ?? this.#closed.get(idScope) ?? null;
  }

  configure(instances: readonly DpsInstance[], nowMs: number): void {
    const known = new Map(this.all.map((state) => [state.idScope, state]));
    this.open.clear();
    this.#closed.clear();
    for (const instance of instances) {
      const state = known.get(instance.idScope) ?? this.#empty(instance, nowMs);
      known.delete(instance.idScope);
      state.configure(instance, nowMs);
      this.open.set(instance.idScope, state);
    }
    for (const [idScope, state] of known) {
      state.close(nowMs);
      this.#closed.set(idScope, state);
    }
  }

  /** Its enrollments are changes that are yet to come. */
  #empty(instance: DpsInstance, nowMs: number): InstanceState {
    const empty = { ...instance, individualEnrollments: [], enrollmentGroups: [] };
    return new InstanceState(empty, nowMs, this.#changes);
  }

  /** Forgets all devices, and the closed instances with them. */
  reset(nowMs: number): void {
    this.#closed.clear();
    for (const state of this.open.values()) state.reset(nowMs);
  }
}
