import type { MqttConnection, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';
import type { Clock, Timer } from '../../src/time/clock.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Something that happens to a worker. */
export type WorkerFault = {
  readonly worker: number;
  readonly atMs: number;
  readonly durationMs: number;
  /** `stands-still`: nothing runs meanwhile; what was due follows at once. `is-lost`: it dies at once, and another takes its place at the end. */
  readonly kind: 'stands-still' | 'is-lost';
};

/** Where the registrations of one worker run: they stand still with it, and die with it. */
export class SimulatedWorker {
  readonly clock: Clock;
  readonly #clock: VirtualClock;
  readonly #random: SimulatedRandom;
  readonly #delayMaxMs: number;
  #stillUntilMs = 0;
  #queue: (() => void)[] = [];
  #isAlive = true;
  readonly #connections: MqttConnection[] = [];
  #lastToMs = 0;
  #lastFromMs = 0;

  /** @param delayMaxMs of a message, in either direction; messages do not overtake each other */
  constructor(clock: VirtualClock, random: SimulatedRandom, delayMaxMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.#delayMaxMs = delayMaxMs;
    this.clock = {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      cpuMs: () => 0,
      wakeAt: (atMs, wake): Timer => clock.wakeAt(atMs, () => this.run(wake)),
    };
  }

  /** Runs it on this worker, as soon as that does not stand still. */
  run(work: () => void): void {
    if (!this.#isAlive) return;
    if (this.#clock.nowMs() < this.#stillUntilMs) this.#queue.push(work);
    else work();
  }

  standStill(durationMs: number): void {
    this.#stillUntilMs = Math.max(this.#stillUntilMs, this.#clock.nowMs() + durationMs);
    this.#clock.wakeAt(this.#stillUntilMs, () => this.#goOn());
  }

  die(): void {
    this.#isAlive = false;
    for (const connection of this.#connections) connection.close();
  }

  /** What comes from the network waits while the worker stands still. */
  connecting(open: OpenMqttConnection): OpenMqttConnection {
    return (identity, onEvent) => {
      const connection = open(identity, (event) => this.run(() => onEvent(event)));
      this.#connections.push(connection);
      return connection;
    };
  }

  /** A message from the coordinator. */
  tell(work: () => void): void {
    this.#lastToMs = this.#arrivalAfter(this.#lastToMs);
    this.#clock.wakeAt(this.#lastToMs, () => this.run(work));
  }

  /** A message to the coordinator: what was sent before the worker died still arrives, unless the coordinator has given it up. */
  report(work: () => void): void {
    this.#lastFromMs = this.#arrivalAfter(this.#lastFromMs);
    this.#clock.wakeAt(this.#lastFromMs, () => {
      if (this.#isAlive) work();
    });
  }

  #goOn(): void {
    if (this.#clock.nowMs() < this.#stillUntilMs) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const work of queue) this.run(work);
  }

  #arrivalAfter(lastMs: number): number {
    const delayMs = this.#delayMaxMs === 0 ? 0 : this.#random.whole(0, this.#delayMaxMs);
    return Math.max(lastMs, this.#clock.nowMs() + delayMs);
  }
}
