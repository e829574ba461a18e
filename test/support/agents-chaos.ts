import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { drawFaults, type Fault } from './agent-faults.ts';
import { type ChaosTally, reconcileChaos } from './agents-chaos-verdict.ts';
import {
  type EmulatorProgram,
  type Ended,
  type Started,
  startDpsload,
  startEmulatorProgram,
} from './dpsload-program.ts';
import { DroppingProxy } from './dropping-proxy.ts';
import { GROUP_KEY_ENV } from './group-key.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { onlyRunFolder } from './results.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { fleetRunArgs, untilJournal } from './survival-runs.ts';

export const LAUNCHES_PER_SECOND = 40;
const AGENTS = 3;
const CONCURRENCY = 60;
/** With everything that may happen to it, on a busy machine. */
const ROUND_MAX_MS = 240_000;
/** Exit code: Redis, or as many agents as are wanted, were not there. */
const UNREACHABLE = 4;
/** Until what did not start for want of Redis is started again, as a service manager would. */
const RETRY_MS = 1_000;

/** At a moment of this process. */
export type Said = { readonly atMs: number; readonly line: string };

export type ChaosPlan = {
  readonly seed: number;
  readonly rows: number;
  readonly faults: readonly Fault[];
  /** What the emulator asks for before the first poll. */
  readonly retryAfterSeconds: number;
};

/** What was seen of one round. */
export type ChaosRecord = {
  readonly plan: ChaosPlan;
  /** Of the run. */
  readonly folder: string;
  /** Of the emulator. */
  readonly records: string;
  /** Of the last session. */
  readonly ended: Ended;
  readonly coordinator: readonly Said[];
  readonly coordinatorKills: readonly number[];
  readonly agents: ReadonlyMap<string, { readonly address: string; readonly said: readonly Said[] }>;
  /** At the emulator's door. */
  readonly connections: readonly { readonly atMs: number; readonly address: string }[];
  /** Keys that are left in Redis once the run has ended, and once the agents have, with their time to live (-1 = for ever). */
  readonly keysAfterRun: ReadonlyMap<string, number>;
  readonly keysAtEnd: ReadonlyMap<string, number>;
  /** Of agents that were not killed. */
  readonly agentCodes: readonly (number | null)[];
};

/** A run long enough for all faults to begin and heal. */
export function drawPlan(seed: number): ChaosPlan {
  const random = new SimulatedRandom(seed);
  const faults = drawFaults(seed, random, AGENTS);
  return { seed, rows: 16 * LAUNCHES_PER_SECOND, faults, retryAfterSeconds: random.pick([0, 1]) };
}

/** One run on three agents, all as processes of the built program over a Redis of its own, with faults; reconciled with the emulator's records. */
export async function agentsChaosRound(root: string, plan: ChaosPlan): Promise<ChaosTally> {
  const folder = mkdtempSync(join(root, `seed-${plan.seed}-`));
  const round = await ChaosRound.prepare(folder, plan);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${ROUND_MAX_MS / 1_000} s`)), ROUND_MAX_MS);
  });
  try {
    return await reconcileChaos(await Promise.race([round.run(), tooLong]));
  } catch (error) {
    throw new Error(`CHAOS_SEED=${plan.seed} CHAOS_ROUNDS=1: ${round.story}`, { cause: error });
  } finally {
    clearTimeout(timer);
    await round.stop();
  }
}

/** An agent, as one process after the other. */
class ChaosAgent {
  readonly name: string;
  readonly address: string;
  readonly relay: DroppingProxy;
  readonly said: Said[] = [];
  /** `null` = not there at present. */
  process: Started | null = null;
  #isOver = false;
  readonly #order: string;
  readonly #preload: readonly string[];

  constructor(number: number, relay: DroppingProxy, folder: string, emulatorPort: number) {
    this.name = `agent-${number}`;
    this.address = `127.0.0.${number + 2}`;
    this.relay = relay;
    this.#order = join(folder, `${this.name}-order.json`);
    this.#preload = [
      `source-address.mjs?port=${emulatorPort}&address=${this.address}`,
      `blocked-on-signal.mjs?order=${encodeURIComponent(this.#order)}`,
    ];
  }

  async start(): Promise<void> {
    if (this.#isOver) return;
    const started = startDpsload(['agent', '--name', this.name, '--slots', '1'], {
      env: { ...GROUP_KEY_ENV, DPSLOAD_REDIS: `redis://127.0.0.1:${this.relay.port}/0` },
      preload: this.#preload,
    });
    noteLines(started, this.said);
    this.process = started;
    const isReady = await started
      .until(({ stdout }) => stdout.includes('\n'))
      .then(
        () => true,
        () => false,
      );
    if (isReady) return;
    await pauseMs(RETRY_MS);
    await this.start();
  }

  /** Ends it as the round does, for good. */
  destroy(): void {
    this.#isOver = true;
    this.signal('SIGKILL');
    this.relay.close();
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.child.kill(signal);
  }

  block(where: 'main' | 'threads', forMs: number): void {
    writeFileSync(this.#order, JSON.stringify({ where, forMs }));
    this.signal('SIGUSR2');
  }
}

class ChaosRound {
  readonly #folder: string;
  readonly #plan: ChaosPlan;
  readonly #redis: RedisServer;
  readonly #emulator: EmulatorProgram;
  readonly #door: DroppingProxy;
  readonly #coordinatorRelay: DroppingProxy;
  readonly #connections: { atMs: number; address: string }[];
  readonly #agents: ChaosAgent[] = [];
  readonly #agentEnds: Promise<Ended>[] = [];
  readonly #coordinatorSaid: Said[] = [];
  readonly #coordinatorKills: number[] = [];
  #coordinator: Started | null = null;
  /** `null` = it was not killed. */
  #resumeAfterMs: number | null = null;

  private constructor(
    folder: string,
    plan: ChaosPlan,
    programs: { readonly redis: RedisServer; readonly emulator: EmulatorProgram },
    doors: {
      readonly door: DroppingProxy;
      readonly coordinatorRelay: DroppingProxy;
      readonly connections: { atMs: number; address: string }[];
    },
  ) {
    this.#folder = folder;
    this.#plan = plan;
    this.#redis = programs.redis;
    this.#emulator = programs.emulator;
    this.#door = doors.door;
    this.#coordinatorRelay = doors.coordinatorRelay;
    this.#connections = doors.connections;
  }

  static async prepare(folder: string, plan: ChaosPlan): Promise<ChaosRound> {
    const isKept = plan.faults.some(({ kind }) => kind === 'redis-restarted-kept');
    const records = join(folder, 'records.ndjson');
    const [redis, emulator] = await Promise.all([
      startRedisServer(['--appendonly', isKept ? 'yes' : 'no']),
      startEmulatorProgram(['--retry-after', String(plan.retryAfterSeconds), '--records', records], GROUP_KEY_ENV),
    ]);
    const connections: { atMs: number; address: string }[] = [];
    const door = await DroppingProxy.start(emulator.port, (address) => connections.push({ atMs: Date.now(), address }));
    const coordinatorRelay = await DroppingProxy.start(redis.port);
    return new ChaosRound(folder, plan, { redis, emulator }, { door, coordinatorRelay, connections });
  }

  /** For people: what happened, and what was said of it. */
  get story(): string {
    const said = [this.#coordinatorSaid, ...this.#agents.map((agent) => agent.said)].flat();
    const lines = said.toSorted((a, b) => a.atMs - b.atMs).map(({ atMs, line }) => `${atMs} ${line}`);
    return `${JSON.stringify(this.#plan)}\n${lines.join('\n')}\n`;
  }

  async run(): Promise<ChaosRecord> {
    await Promise.all(Array.from({ length: AGENTS }, () => this.#addAgent()));
    const { rows, faults } = this.#plan;
    const emulator = { ...this.#emulator, port: this.#door.port };
    const { args, out } = fleetRunArgs(this.#folder, emulator, 'dev', rows, [
      ...['--agents', String(AGENTS), '--rate', `${LAUNCHES_PER_SECOND}/s`, '--concurrency', String(CONCURRENCY)],
      ...['--expect', 'new', '--max-surprises', '0'],
    ]);
    const coordinating = this.#coordinate(args, out);
    await untilJournal(out, ({ result }) => result === 'assigned', coordinating);
    const [ended] = await Promise.all([coordinating, ...faults.map((fault) => this.#happen(fault))]);
    const folder = onlyRunFolder(out);
    const keysAfterRun = await this.#keys();
    const agentCodes = await this.#endAgents();
    const keysAtEnd = await this.#keys();
    await this.#emulator.stop();
    return {
      plan: this.#plan,
      folder,
      records: join(this.#folder, 'records.ndjson'),
      ended,
      coordinator: this.#coordinatorSaid,
      coordinatorKills: this.#coordinatorKills,
      agents: new Map(this.#agents.map(({ name, address, said }) => [name, { address, said }])),
      connections: this.#connections,
      keysAfterRun,
      keysAtEnd,
      agentCodes,
    };
  }

  async stop(): Promise<void> {
    this.#coordinator?.child.kill('SIGKILL');
    for (const agent of this.#agents) agent.destroy();
    for (const relay of [this.#door, this.#coordinatorRelay]) relay.close();
    await Promise.all([this.#emulator.stop(), this.#redis.stop()]);
  }

  async #addAgent(): Promise<void> {
    const relay = await DroppingProxy.start(this.#redis.port);
    const agent = new ChaosAgent(this.#agents.length, relay, this.#folder, this.#door.port);
    this.#agents.push(agent);
    await agent.start();
  }

  /** Runs, and resumes after a kill. @returns how the last session ended */
  async #coordinate(runArgs: readonly string[], out: string): Promise<Ended> {
    let args = runArgs;
    for (;;) {
      const started = startDpsload(args, {
        env: { ...GROUP_KEY_ENV, DPSLOAD_REDIS: `redis://127.0.0.1:${this.#coordinatorRelay.port}/0` },
      });
      noteLines(started, this.#coordinatorSaid);
      this.#coordinator = started;
      const ended = await started.ended;
      const isKilled = this.#resumeAfterMs !== null;
      const isResumeTooEarly = args !== runArgs && ended.code === UNREACHABLE;
      if (!isKilled && !isResumeTooEarly) return ended;
      if (isKilled) this.#coordinatorKills.push(Date.now());
      await pauseMs(this.#resumeAfterMs ?? RETRY_MS);
      this.#resumeAfterMs = null;
      args = ['resume', onlyRunFolder(out)];
    }
  }

  async #happen(fault: Fault): Promise<void> {
    const { kind, agent: number, atMs, forMs, directions, isReset } = fault;
    await pauseMs(atMs);
    this.#note(`-- ${kind} ${kind.startsWith('agent') ? number : ''} for ${forMs} ms`);
    const agent = this.#agents[number] as ChaosAgent;
    switch (kind) {
      case 'agent-killed':
        await this.#endAgent(agent, 'SIGKILL', forMs);
        break;
      case 'agent-drained':
        await this.#endAgent(agent, 'SIGTERM', forMs);
        break;
      case 'agent-stopped-past-lease':
      case 'agent-stopped-within-lease':
        await stopFor(agent.process, forMs);
        break;
      case 'agent-cut-to-redis':
      case 'agent-cut-from-redis':
      case 'agent-cut-both-ways':
      case 'coordinator-cut': {
        const relay = kind === 'coordinator-cut' ? this.#coordinatorRelay : agent.relay;
        relay.cut(directions);
        await pauseMs(forMs);
        relay.heal(isReset);
        break;
      }
      case 'agent-main-loop-blocked':
        agent.block('main', forMs);
        break;
      case 'agent-threads-blocked':
        agent.block('threads', forMs);
        break;
      case 'agent-joins-late':
        await this.#addAgent();
        break;
      case 'coordinator-stopped':
        await stopFor(this.#coordinator, forMs);
        break;
      case 'coordinator-killed':
        this.#killCoordinator(forMs);
        break;
      case 'redis-restarted-empty':
      case 'redis-restarted-kept':
        await this.#redis.restart(forMs);
        break;
      case 'redis-full':
        await this.#fillRedis(forMs);
        break;
    }
    this.#note(`-- ${kind} is over`);
  }

  /** Ends its process, and starts another one of the same name. */
  async #endAgent(agent: ChaosAgent, signal: 'SIGKILL' | 'SIGTERM', forMs: number): Promise<void> {
    const { process } = agent;
    if (process === null) return;
    agent.process = null;
    process.child.kill(signal);
    if (signal === 'SIGTERM') this.#agentEnds.push(process.ended);
    await process.ended;
    await pauseMs(forMs);
    await agent.start();
  }

  #killCoordinator(resumeAfterMs: number): void {
    if (this.#coordinator === null || this.#coordinator.child.exitCode !== null) return;
    this.#resumeAfterMs = resumeAfterMs;
    this.#coordinator.child.kill('SIGKILL');
  }

  async #fillRedis(forMs: number): Promise<void> {
    const client = this.#client();
    try {
      await client.config('SET', 'maxmemory', '1');
      await pauseMs(forMs);
    } finally {
      await client.config('SET', 'maxmemory', '0').catch(() => {});
      client.disconnect();
    }
  }

  async #keys(): Promise<ReadonlyMap<string, number>> {
    const client = this.#client();
    const names = (await client.keys('*')).toSorted();
    const left = await Promise.all(names.map(async (name) => [name, await client.pttl(name)] as const));
    client.disconnect();
    return new Map(left.filter(([, ttlMs]) => ttlMs !== -2));
  }

  #client(): Redis {
    return new Redis(this.#redis.url()).on('error', () => {});
  }

  async #endAgents(): Promise<readonly (number | null)[]> {
    for (const { process } of this.#agents) {
      if (process === null) continue;
      process.child.kill('SIGTERM');
      this.#agentEnds.push(process.ended);
    }
    return (await Promise.all(this.#agentEnds)).map(({ code }) => code);
  }

  #note(line: string): void {
    this.#coordinatorSaid.push({ atMs: Date.now(), line });
  }
}

async function stopFor(started: Started | null, forMs: number): Promise<void> {
  started?.child.kill('SIGSTOP');
  await pauseMs(forMs);
  started?.child.kill('SIGCONT');
}

function noteLines({ child }: Started, said: Said[]): void {
  let rest = '';
  child.stderr?.on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) said.push({ atMs: Date.now(), line });
  });
}
