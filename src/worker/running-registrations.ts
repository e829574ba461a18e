import type { Launch } from '../registration/launch.ts';
import type { RunningRegistration } from '../registration/run-registration.ts';

/** The registrations in flight on a worker, by launch number, and what an outage of the target means to them. */
export class RunningRegistrations {
  readonly #onProbeEnded: () => void;
  readonly #running = new Map<number, RunningRegistration>();
  /** In the order in which they were held. */
  readonly #held = new Set<number>();
  /** Launched or released during the outage. */
  readonly #probes = new Set<number>();
  #outageSinceMs: number | null = null;

  constructor(onProbeEnded: () => void) {
    this.#onProbeEnded = onProbeEnded;
  }

  get held(): number {
    return this.#held.size;
  }

  get isOutage(): boolean {
    return this.#outageSinceMs !== null;
  }

  get(sequence: number): RunningRegistration | undefined {
    return this.#running.get(sequence);
  }

  /** These launches have arrived: during an outage they are probes. */
  expect(launches: readonly Launch[]): void {
    if (this.isOutage) for (const { sequence } of launches) this.#probes.add(sequence);
  }

  /** Whether a launch that is about to connect came before the outage, and must not. */
  isHeldBack({ sequence }: Launch): boolean {
    return this.isOutage && !this.#probes.has(sequence);
  }

  add(sequence: number, registration: RunningRegistration): void {
    this.#running.set(sequence, registration);
    if (this.#outageSinceMs !== null) registration.outageBegan(this.#outageSinceMs);
  }

  remove(sequence: number): void {
    this.#running.delete(sequence);
    this.#endProbe(sequence);
  }

  holds(sequence: number, held: boolean): void {
    if (!held) {
      this.#held.delete(sequence);
      return;
    }
    this.#held.add(sequence);
    this.#endProbe(sequence);
  }

  outageBegan(sinceMs: number): void {
    this.#outageSinceMs = sinceMs;
    for (const registration of this.#running.values()) registration.outageBegan(sinceMs);
  }

  outageEnded(): void {
    this.#outageSinceMs = null;
    this.#probes.clear();
    for (const registration of this.#running.values()) registration.outageEnded();
  }

  release(count: number): void {
    for (const sequence of [...this.#held].slice(0, count)) {
      if (this.isOutage) this.#probes.add(sequence);
      this.#running.get(sequence)?.release();
    }
  }

  cancelAll(): void {
    for (const registration of this.#running.values()) registration.cancel();
  }

  #endProbe(sequence: number): void {
    if (this.#probes.delete(sequence)) this.#onProbeEnded();
  }
}
