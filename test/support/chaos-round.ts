import { type GatheredAgents, gatherAgents } from '../../src/agents/gather-agents.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { PERMIT_LAPSE_MS, REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { RunSession } from '../../src/run/session.ts';
import type { SessionEnd } from '../../src/run/session-ending.ts';
import { type Clock, pause } from '../../src/time/clock.ts';
import type { StartWorkerPool, WorkerPool } from '../../src/worker/worker-pool.ts';
import { GROUP_KEYS } from './group-key.ts';
import { SETUP, waveOf } from './session-bench.ts';
import { SIMULATED_VERSION, SimulatedAgent, type SimulatedWorld } from './simulated-agent.ts';
import { SimulatedRunBus } from './simulated-bus.ts';
import { type ClockError, SimulatedLoop } from './simulated-loop.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { type Kept, RedisLink, SimulatedRedis } from './simulated-redis.ts';
import { SimulatedTarget } from './simulated-target.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Virtual time passes in these steps; what promises do happens at their ends. */
const STEP_MS = 5;
const ROUND_MAX_MS = 600_000;
export const AGENTS = ['a', 'b', 'c'] as const;
const HOUR_MS = 3_600_000;
const NTP_DRIFT = 200e-6;

export type ChaosOptions = {
  readonly seed: number;
  readonly devices: number;
  readonly ratePerSecond: number;
  readonly sharePerMinute: number | null;
  readonly concurrency: number;
  readonly faults: number;
  readonly kinds: readonly FaultKind[];
  /** Without fences, agents go on after their lease: to see that it would be noticed. */
  readonly isFenced: boolean;
};

/** A round of 20 s, or of more than a minute within a quota: everything about it follows from the seed. */
export function chaosOptions(seed: number, kinds: readonly FaultKind[] = FAULT_KINDS): ChaosOptions {
  const isMetered = seed % 8 === 0;
  return {
    seed,
    kinds,
    devices: isMetered ? 800 : 300,
    ratePerSecond: 15,
    sharePerMinute: isMetered ? 600 : null,
    concurrency: 90,
    faults: 1 + (seed % 4),
    isFenced: true,
  };
}

/** One launch, as the session saw it. */
export type DealtLaunch = {
  readonly worker: number;
  readonly dealtAtMs: number;
  /** When the session gave it up, and whether as one that may have been sent. */
  lost: { readonly atMs: number; readonly possiblySent: boolean } | null;
};

export type SettledOutcome = {
  readonly outcome: RegistrationOutcome;
  /** Of the agent that sent it, as last told. */
  readonly uncertaintyMs: number;
  readonly atMs: number;
};

export type ChaosResult = {
  readonly options: ChaosOptions;
  readonly faults: readonly string[];
  readonly end: SessionEnd | null;
  readonly error: unknown;
  readonly notices: readonly string[];
  readonly settled: readonly SettledOutcome[];
  readonly dealt: ReadonlyMap<number, DealtLaunch>;
  readonly target: SimulatedTarget;
  readonly durationMs: number;
  readonly outcomesTooLate: number;
};

export type CoordinatorDeath = {
  readonly diedAtMs: number;
  readonly lastRegisterAtMs: number;
  /** A minute later. */
  readonly freeAgents: number;
};

/** A session on three agents whose coordinator dies. */
export async function coordinatorDeath(options: ChaosOptions): Promise<CoordinatorDeath> {
  return await new ChaosRound(options).runUntilCoordinatorDies();
}

/** What to know of a round that went wrong. */
export function chaosStory({ options, faults, notices }: ChaosResult): string {
  return [`seed ${options.seed}`, ...faults, ...notices].join('\n');
}

/** A whole session on three agents over a simulated Redis, with seeded faults at random moments. */
export async function chaosRound(options: ChaosOptions): Promise<ChaosResult> {
  return await new ChaosRound(options).run();
}

class ChaosRound {
  readonly #options: ChaosOptions;
  readonly #random: SimulatedRandom;
  readonly #world: SimulatedWorld;
  readonly #coordinator: SimulatedLoop;
  readonly #links: { readonly commands: RedisLink; readonly reads: RedisLink };
  readonly #agents: SimulatedAgent[] = [];
  readonly #faults: string[] = [];
  readonly #notices: string[] = [];
  readonly #settled: SettledOutcome[] = [];
  readonly #dealt = new Map<number, DealtLaunch>();
  /** Launches whose outcomes have come. */
  readonly #ended = new Set<number>();
  #pool: WorkerPool | null = null;
  #instances = 0;

  constructor(options: ChaosOptions) {
    const clock = new VirtualClock();
    this.#options = options;
    this.#random = new SimulatedRandom(options.seed);
    const redis = new SimulatedRedis(clock);
    const latencyMaxMs = this.#random.pick([0.5, 5, 40]);
    const target = new SimulatedTarget(clock, this.#random);
    const log = (text: string): number => this.#notices.push(`${clock.nowMs()}: ${text}`);
    const { isFenced } = options;
    this.#world = { clock, redis, target, random: this.#random, latencyMaxMs, isFenced, log };
    this.#coordinator = new SimulatedLoop(clock, { originMs: 0, drift: 0, wallAheadMs: 0 });
    const link = (): RedisLink => new RedisLink(redis, this.#coordinator, this.#random, latencyMaxMs);
    this.#links = { commands: link(), reads: link() };
  }

  async run(): Promise<ChaosResult> {
    const { clock, target } = this.#world;
    const gathered = await this.#gather();
    const begunAtMs = clock.nowMs();
    const session = this.#session(gathered.startPool);
    this.#planFaults();
    let end: SessionEnd | null = null;
    let error: unknown = null;
    try {
      end = await this.#until(session.run());
      await this.#until(gathered.end());
    } catch (caught) {
      error = caught;
    }
    await this.#killAll();
    return {
      options: this.#options,
      faults: this.#faults,
      end,
      error,
      notices: this.#notices,
      settled: this.#settled,
      dealt: this.#dealt,
      target,
      durationMs: clock.nowMs() - begunAtMs,
      outcomesTooLate: gathered.outcomesTooLate(),
    };
  }

  async runUntilCoordinatorDies(): Promise<CoordinatorDeath> {
    const { clock, redis, target } = this.#world;
    const gathered = await this.#gather();
    void this.#session(gathered.startPool).run();
    await this.#pass(5_000 + this.#random.whole(0, 5_000));
    this.#coordinator.die();
    const diedAtMs = clock.nowMs();
    await this.#pass(60_000);
    const freeAgents = redis.presences().filter(({ run }) => run === null).length;
    await this.#killAll();
    return { diedAtMs, freeAgents, lastRegisterAtMs: Math.max(...target.registersAtMs) };
  }

  async #killAll(): Promise<void> {
    for (const agent of this.#agents) agent.kill();
    await turn();
  }

  #gather(): Promise<GatheredAgents> {
    for (const name of AGENTS) this.#startAgent(name);
    const bus = new SimulatedRunBus('run', this.#links, this.#coordinator.clock);
    return this.#until(
      gatherAgents({
        bus,
        // Before the run begins there is another axis.
        clock: laterBy(this.#coordinator.clock, 7_000),
        needs: {
          version: SIMULATED_VERSION,
          target: { host: SETUP.host, port: SETUP.port, idScope: SETUP.idScope },
          serverName: null,
          nameResolution: { cacheMs: null, pinned: [] },
          secrets: { attestation: { kind: 'device-key' }, fleet: null },
        },
        agents: AGENTS.length,
        agentsMin: 1,
        withinMs: 120_000,
        pinLabel: null,
        onWaiting: () => {},
        calledOff: new Promise(() => {}),
      }),
    );
  }

  async #pass(durationMs: number): Promise<void> {
    const { clock } = this.#world;
    const untilMs = clock.nowMs() + durationMs;
    while (clock.nowMs() < untilMs) {
      await turn();
      clock.advanceTo(clock.nowMs() + STEP_MS);
    }
    await turn();
  }

  /** Lets time pass until it settles. */
  async #until<Value>(promise: Promise<Value>): Promise<Value> {
    const { clock } = this.#world;
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await turn();
    while (!isSettled) {
      if (clock.nowMs() > ROUND_MAX_MS) throw new Error('the round does not end');
      clock.advanceTo(clock.nowMs() + STEP_MS);
      await turn();
    }
    return await promise;
  }

  #session(startPool: StartWorkerPool): RunSession {
    const { concurrency, devices, ratePerSecond, seed, sharePerMinute } = this.#options;
    const permitLapseMs = sharePerMinute === null ? null : PERMIT_LAPSE_MS;
    return new RunSession({
      clock: this.#coordinator.clock,
      waves: [waveOf(devices, { shape: { kind: 'rate', ratePerSecond } })],
      mark: (outcome) => outcome,
      rules: [],
      pins: null,
      journal: {
        append: (record) => {
          if (record.kind === 'outcome') this.#settle(record);
        },
        flush: async () => {},
        sync: () => this.#sync(),
      },
      startPool: this.#observed(startPool),
      setup: {
        ...SETUP,
        keys: GROUP_KEYS,
        seed,
        policy: { ...REGISTRATION_POLICY_DEFAULT, permitLapseMs },
      },
      load: {
        workers: AGENTS.length,
        concurrency,
        durationMs: null,
        sharePerMinute,
        governor: false,
        onOutage: 'hold',
        outageMaxMs: ROUND_MAX_MS,
      },
      limited: false,
      emulatorPid: null,
      stopRequests: { onRequest: () => {} },
      listener: {
        counted: () => {},
        settled: () => {},
        sampled: () => {},
        entered: () => {},
        outage: () => {},
        awaiting: () => {},
        notice: (message) => this.#notices.push(`${this.#world.clock.nowMs()}: ${message}`),
        stopping: () => {},
      },
    });
  }

  #sync(): Promise<void> {
    return pause(this.#coordinator.clock, this.#random.whole(1, 10));
  }

  #settle(outcome: RegistrationOutcome): void {
    const worker = this.#dealt.get(outcome.sequence ?? -1)?.worker ?? -1;
    const name = this.#pool?.agentOf(worker) ?? null;
    const agent = this.#pool?.agents().find((one) => one.name === name);
    this.#settled.push({
      outcome,
      uncertaintyMs: agent?.offsetUncertaintyMs ?? Number.POSITIVE_INFINITY,
      atMs: this.#world.clock.nowMs(),
    });
  }

  /** Notes what is dealt, and what is given up. */
  #observed(startPool: StartWorkerPool): StartWorkerPool {
    return (request, events) => {
      const nowMs = (): number => this.#world.clock.nowMs();
      const pool = startPool(request, {
        ...events,
        lost: (worker, reason, neverSent) => {
          for (const [sequence, launch] of this.#dealt) {
            if (launch.worker !== worker || launch.lost !== null || this.#ended.has(sequence)) continue;
            launch.lost = { atMs: nowMs(), possiblySent: !neverSent.includes(sequence) };
          }
          events.lost(worker, reason, neverSent);
        },
        message: (worker, message) => {
          // What has ended cannot be lost any more.
          if (message.type === 'outcomes') for (const { sequence } of message.outcomes) this.#ended.add(sequence ?? -1);
          events.message(worker, message);
        },
      });
      const send = pool.send.bind(pool);
      pool.send = (worker, message) => {
        if (message.type === 'launch') {
          for (const { sequence } of message.launches) {
            this.#dealt.set(sequence, { worker, dealtAtMs: nowMs(), lost: null });
          }
        }
        send(worker, message);
      };
      this.#pool = pool;
      return pool;
    };
  }

  #startAgent(name: string): void {
    this.#agents.push(new SimulatedAgent(this.#world, [name, `${name}-${++this.#instances}`], this.#clockError()));
  }

  #clockError(): ClockError {
    const random = this.#random;
    return {
      originMs: random.whole(-1_000_000, 0),
      drift: (2 * random.next() - 1) * NTP_DRIFT,
      wallAheadMs: random.whole(-12 * HOUR_MS, 12 * HOUR_MS),
    };
  }

  #planFaults(): void {
    const { devices, faults, kinds, ratePerSecond } = this.#options;
    const { clock } = this.#world;
    const lastMs = (devices / ratePerSecond) * 1_000;
    for (let fault = 0; fault < faults; fault += 1) {
      const kind = this.#random.pick(kinds as [FaultKind, ...FaultKind[]]);
      clock.wakeAt(clock.nowMs() + this.#random.whole(500, Math.floor(lastMs)), () => this.#happen(kind));
    }
  }

  #happen(kind: FaultKind): void {
    const { clock, redis } = this.#world;
    const alive = this.#agents.filter(({ isAlive }) => isAlive);
    const [first, ...rest] = alive;
    if (first === undefined) return;
    const agent = this.#random.pick([first, ...rest]);
    const ms = (min: number, max: number): number => this.#random.whole(min, max);
    const note = (durationMs: number): number => {
      const where = kind.startsWith('redis') || kind.startsWith('coordinator') ? '' : ` ${agent.name}`;
      this.#faults.push(`${Math.round(clock.nowMs())}: ${kind}${where} ${durationMs} ms`);
      return durationMs;
    };
    switch (kind) {
      case 'kill': {
        agent.kill();
        const { name } = agent;
        clock.wakeAt(clock.nowMs() + note(ms(500, 15_000)), () => this.#startAgent(name));
        break;
      }
      case 'drain': {
        agent.drain();
        const { name } = agent;
        clock.wakeAt(clock.nowMs() + note(ms(5_000, 15_000)), () => this.#startAgent(`${name}'`));
        break;
      }
      case 'late-agent':
        note(0);
        this.#startAgent(`late-${this.#instances}`);
        break;
      case 'pause-past-lease':
        agent.pause(note(ms(5_000, 20_000)));
        break;
      case 'pause-within-lease':
        agent.pause(note(ms(100, 4_900)));
        break;
      case 'cut-to':
        agent.cut('to', note(ms(500, 15_000)));
        break;
      case 'cut-from':
        agent.cut('from', note(ms(500, 15_000)));
        break;
      case 'block-main-loop':
        agent.blockMainLoop(note(ms(200, 9_000)));
        break;
      case 'block-threads':
        agent.blockThreads(note(ms(200, 9_000)));
        break;
      case 'redis-restart':
        redis.restart(
          note(ms(50, 8_000)),
          this.#random.pick<Kept>(['everything', 'all-but-the-last-second', 'nothing']),
        );
        break;
      case 'redis-full':
        redis.isFull = true;
        clock.wakeAt(clock.nowMs() + note(ms(500, 10_000)), () => {
          redis.isFull = false;
        });
        break;
      case 'coordinator-cut': {
        const untilMs = clock.nowMs() + note(ms(500, 10_000));
        const direction = this.#random.pick(['to', 'from'] as const);
        for (const link of Object.values(this.#links)) link.cut(direction, untilMs);
        break;
      }
      case 'coordinator-pause':
        this.#coordinator.standStill(note(ms(200, 9_000)));
        break;
    }
  }
}

export const FAULT_KINDS = [
  'kill',
  'drain',
  'late-agent',
  'pause-past-lease',
  'pause-within-lease',
  'cut-to',
  'cut-from',
  'block-main-loop',
  'block-threads',
  'redis-restart',
  'redis-full',
  'coordinator-cut',
  'coordinator-pause',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

function laterBy(clock: Clock, byMs: number): Clock {
  return {
    nowMs: () => clock.nowMs() + byMs,
    epochMs: () => clock.epochMs(),
    cpuMs: () => clock.cpuMs(),
    wakeAt: (atMs, wake) => clock.wakeAt(atMs - byMs, wake),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
