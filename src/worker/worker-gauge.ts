import type { Launch } from '../registration/launch.ts';
import type { WorkerHealth } from './worker-messages.ts';

/** Counts what a worker tells of itself; `take` closes one period and begins the next. */
export class WorkerGauge {
  #inFlight = 0;
  #launched = 0;
  #startLagMaxMs: number | null = null;
  #signsOfLife = 0;
  #connectionsLost = 0;

  started(launch: Launch, nowMs: number): void {
    this.#inFlight += 1;
    this.#launched += 1;
    if (launch.intendedAtMs === null) return;
    const lagMs = nowMs - launch.intendedAtMs - launch.heldMs;
    this.#startLagMaxMs = Math.max(this.#startLagMaxMs ?? 0, lagMs);
  }

  ended(): void {
    this.#inFlight -= 1;
  }

  saw(sign: 'alive' | 'lost'): void {
    if (sign === 'alive') this.#signsOfLife += 1;
    else this.#connectionsLost += 1;
  }

  take(): Omit<WorkerHealth, 'loopDelayMaxMs'> {
    const taken = {
      inFlight: this.#inFlight,
      launched: this.#launched,
      startLagMaxMs: this.#startLagMaxMs,
      signsOfLife: this.#signsOfLife,
      connectionsLost: this.#connectionsLost,
    };
    this.#launched = 0;
    this.#startLagMaxMs = null;
    this.#signsOfLife = 0;
    this.#connectionsLost = 0;
    return taken;
  }
}
