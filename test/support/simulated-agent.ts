import type { HostParts } from '../../src/agents/agent-host.ts';
import { serveAgent } from '../../src/agents/serve-agent.ts';
import { deferred } from '../../src/worker/deferred.ts';
import { fencedConversations, newFence } from '../../src/worker/fence.ts';
import { RegistrationWorker } from '../../src/worker/registration-worker.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';
import { GROUP_KEYS } from './group-key.ts';
import { NO_AGENTS } from './local-pool.ts';
import { SimulatedAgentBus } from './simulated-bus.ts';
import { type ClockError, SimulatedLoop } from './simulated-loop.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import { RedisLink, type SimulatedRedis } from './simulated-redis.ts';
import type { SimulatedTarget } from './simulated-target.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const SIMULATED_VERSION = '1.0.0';

const THREAD_START_MS = { min: 20, max: 300 } as const;

export type SimulatedWorld = {
  readonly clock: VirtualClock;
  readonly redis: SimulatedRedis;
  readonly target: SimulatedTarget;
  readonly random: SimulatedRandom;
  readonly latencyMaxMs: number;
  readonly isFenced: boolean;
  readonly log: (text: string) => void;
};

/** One process of `dpsload agent`, with threads, clocks and connections of its own. */
export class SimulatedAgent {
  readonly name: string;
  readonly #world: SimulatedWorld;
  readonly #error: ClockError;
  readonly #main: SimulatedLoop;
  readonly #links: readonly RedisLink[];
  readonly #threads: SimulatedLoop[] = [];
  readonly #workers: RegistrationWorker[] = [];
  #requestStop: () => void = () => {};

  constructor(world: SimulatedWorld, [name, instance]: readonly [string, string], error: ClockError) {
    const { redis, random, latencyMaxMs } = world;
    this.name = name;
    this.#world = world;
    this.#error = error;
    this.#main = new SimulatedLoop(world.clock, error);
    const [commands, reads] = [0, 1].map(() => new RedisLink(redis, this.#main, random, latencyMaxMs)) as [
      RedisLink,
      RedisLink,
    ];
    this.#links = [commands, reads];
    const bus = new SimulatedAgentBus([name, instance], { commands, reads }, this.#main.clock);
    void serveAgent({
      bus,
      agent: { name, labels: {}, slots: 1, version: SIMULATED_VERSION },
      host: this.#hostParts(),
      stops: {
        onRequest: (listener) => {
          this.#requestStop = () => listener({ urgency: 'finish-in-flight' });
        },
      },
      onReady: () => {},
      log: (text) => world.log(`${name}: ${text}`),
      // As a process that cannot reach Redis when it starts.
    }).catch(() => this.kill());
  }

  get isAlive(): boolean {
    return this.#main.isAlive;
  }

  /** Everything stands still, as after SIGSTOP, until SIGCONT. */
  pause(durationMs: number): void {
    for (const loop of [this.#main, ...this.#threads]) loop.standStill(durationMs);
  }

  blockMainLoop(durationMs: number): void {
    this.#main.standStill(durationMs);
  }

  blockThreads(durationMs: number): void {
    for (const loop of this.#threads) loop.standStill(durationMs);
  }

  cut(direction: 'to' | 'from', durationMs: number): void {
    for (const link of this.#links) link.cut(direction, this.#world.clock.nowMs() + durationMs);
  }

  kill(): void {
    for (const loop of [this.#main, ...this.#threads]) loop.die();
    // Their watches over event loops are real.
    for (const worker of this.#workers.splice(0)) {
      worker.receive({ type: 'cancelAll' });
      worker.receive({ type: 'noMoreLaunches' });
    }
  }

  drain(): void {
    this.#main.run(() => this.#requestStop());
  }

  #hostParts(): HostParts {
    return {
      clock: this.#main.clock,
      clockOriginMs: 0,
      version: SIMULATED_VERSION,
      startPool: (request, events) => this.#startThread(request, events),
      prepare: async () => ({ keys: GROUP_KEYS, deviceKeyOf: () => null }),
      addressesOf: () => ({ current: null, refresh: async () => true, keepFresh: () => {}, stop: () => {} }),
      takeVitals: () => ({ cpuShare: 0, loopDelayMaxMs: 0, rssBytes: 0, fileDescriptors: null }),
    };
  }

  #startThread(...[{ setup, concurrencyShares, fence = newFence() }, events]: Parameters<StartWorkerPool>) {
    const { clock, isFenced, random, target } = this.#world;
    const loop = new SimulatedLoop(clock, this.#error);
    this.#threads.push(loop);
    const [ready, ended] = [deferred<void>(), deferred<void>()];
    const sequences = new Map<string, number>();
    const open = target.openFrom({ loop, sequenceOf: (registrationId) => sequences.get(registrationId) ?? -1 });
    const worker = new RegistrationWorker({
      setup,
      concurrency: concurrencyShares[0] ?? 0,
      clock: loop.clock,
      open: isFenced ? fencedConversations(open, fence, loop.clock) : open,
      send: (message) =>
        this.#toMain(loop, () => {
          if (message.type === 'ready') ready.resolve();
          if (message.type === 'ended') ended.resolve();
          else events.message(0, message);
        }),
    });
    this.#workers.push(worker);
    const startMs = random.whole(THREAD_START_MS.min, THREAD_START_MS.max);
    clock.wakeAt(clock.nowMs() + startMs, () => loop.run(() => worker.begin()));
    const send: ReturnType<StartWorkerPool>['send'] = (_, message) => {
      if (message.type === 'addresses') return;
      if (message.type === 'launch') {
        for (const { registrationId, sequence } of message.launches) sequences.set(registrationId, sequence);
      }
      clock.wakeAt(clock.nowMs(), () => loop.run(() => worker.receive(message)));
    };
    return {
      ...NO_AGENTS,
      ready: ready.promise,
      ended: ended.promise,
      send,
      sendAll: (message: Parameters<typeof send>[1]) => send(0, message),
      kill: (_: number, reason: Error) => {
        loop.die();
        this.#toMain(null, () => events.lost(0, reason, []));
      },
      replace: () => {},
      giveUp: () => {},
      destroy: async () => loop.die(),
    };
  }

  /** As between threads, a message does not arrive before the sender is done; what a thread sent before it died arrives. */
  #toMain(from: SimulatedLoop | null, work: () => void): void {
    if (from !== null && !from.isAlive) return;
    const { clock } = this.#world;
    clock.wakeAt(clock.nowMs(), () => this.#main.run(work));
  }
}
