import type { JournalRecord } from '../../src/journal/journal-record.ts';
import type { AgentsAwaited } from '../../src/metrics/progress.ts';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { notStartedOutcome } from '../../src/registration/unsent-outcomes.ts';
import { RunSession, type RunSessionParts } from '../../src/run/session.ts';
import type { SessionEnd } from '../../src/run/session-ending.ts';
import type { StopRequest } from '../../src/run/stop-request.ts';
import { listSource, type Wave } from '../../src/run/waves.ts';
import { deferred } from '../../src/worker/deferred.ts';
import type { FromWorker, ToWorker, WorkerHealth } from '../../src/worker/worker-messages.ts';
import type { AgentState, StartWorkerPool, WorkerPoolEvents } from '../../src/worker/worker-pool.ts';
import { fleetRow } from './launches.ts';
import { NO_AGENTS } from './local-pool.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Virtual time passes in these steps; promises settle at their ends. */
const STEP_MS = 50;
const HEALTH_INTERVAL_MS = 1_000;

export const QUIET_HEALTH: WorkerHealth = {
  inFlight: 0,
  launched: 0,
  startLagMaxMs: null,
  loopDelayMaxMs: 0,
  saturatedMs: 0,
  held: 0,
  aliveAtMs: null,
  losses: [],
};

export const SETUP: RunSessionParts['setup'] = {
  clockOriginMs: 0,
  host: 'dps.example.net',
  port: 8883,
  idScope: '0ne00000001',
  caPems: [],
  transport: 'mqtt',
  mqttClient: 'dpsload',
  addresses: null,
  tls: TLS_CHOICES_DEFAULT,
  apiVersion: '2021-06-01',
  userAgent: 'dpsload/test',
  keys: { kind: 'group-key', defaultKey: '', groups: {}, secondary: { defaultKey: null, groups: {} } },
  policy: REGISTRATION_POLICY_DEFAULT,
  seed: 1,
};

/** Workers that do nothing of their own accord, except to report their health every second. */
export class FakeWorkers {
  /** Launches that a worker holds. */
  readonly held: Map<number, Launch>[];
  /** Every launch, in the order in which the workers got them. */
  readonly launched: Launch[] = [];
  /** Other messages to the workers, and what became of the workers. */
  readonly log: string[] = [];
  /** Workers that report nothing. */
  readonly silent = new Set<number>();
  /** A lost worker's place is taken at once; otherwise when the test emits `ready`. */
  replacesAtOnce = true;
  agents: readonly AgentState[] = [];
  journalSyncs = 0;
  readonly #ended = deferred<void>();
  #events: WorkerPoolEvents | null = null;
  #noMoreLaunches = false;

  constructor(workers: number) {
    this.held = Array.from({ length: workers }, () => new Map());
  }

  readonly start: StartWorkerPool = ({ clock }, events) => {
    this.#events = events;
    const report = (): void => {
      for (const worker of this.held.keys()) if (!this.silent.has(worker)) this.reportHealth(worker);
      clock.wakeAt(clock.nowMs() + HEALTH_INTERVAL_MS, report);
    };
    clock.wakeAt(HEALTH_INTERVAL_MS, report);
    return {
      ...NO_AGENTS,
      ready: Promise.resolve(),
      ended: this.#ended.promise,
      send: (worker, message) => this.#take(worker, message),
      sendAll: (message) => this.#takeAll(message),
      kill: (worker, { message }) => this.lose(worker, message),
      agents: () => this.agents,
      journalSyncing: () => () => {
        this.journalSyncs += 1;
      },
      replace: (worker) => {
        this.log.push(`replace ${worker}`);
        if (this.replacesAtOnce) clock.wakeAt(clock.nowMs(), () => this.emit(worker, { type: 'ready' }));
      },
      giveUp: (worker) => this.log.push(`give up ${worker}`),
      destroy: async () => {
        this.log.push('destroy');
      },
    };
  };

  emit(worker: number, message: FromWorker): void {
    this.#events?.message(worker, message);
  }

  reportHealth(worker: number, health: Partial<WorkerHealth> = {}): void {
    this.emit(worker, { type: 'health', events: null, ...QUIET_HEALTH, ...health });
  }

  /** The outcomes of these rows, or of all that the workers hold. */
  settle(change: Partial<RegistrationOutcome> = {}, rows: readonly number[] | null = null): void {
    for (const [worker, held] of this.held.entries()) {
      const launches = [...held.values()].filter(({ row }) => rows === null || rows.includes(row));
      for (const { row } of launches) held.delete(row);
      const outcomes = launches.map((launch) => ({ ...assigned(launch), ...change }));
      if (outcomes.length > 0) this.emit(worker, { type: 'outcomes', outcomes, events: null });
    }
    this.#endIfIdle();
  }

  lose(worker: number, reason: string | Error, neverSent: readonly number[] = []): void {
    this.held[worker]?.clear();
    this.#events?.lost(worker, typeof reason === 'string' ? new Error(reason) : reason, neverSent);
    this.#endIfIdle();
  }

  fallSilent(worker: number, isSilent: boolean): void {
    this.#events?.silent(worker, isSilent);
  }

  starve(message: string): void {
    this.#events?.starved(message);
  }

  #take(worker: number, message: ToWorker): void {
    if (message.type !== 'launch') {
      const count = message.type === 'releaseHeld' ? ` ${message.count}` : '';
      this.log.push(`${message.type}${count} to ${worker}`);
      return;
    }
    for (const launch of message.launches) this.held[worker]?.set(launch.row, launch);
    this.launched.push(...message.launches);
  }

  #takeAll({ type }: ToWorker): void {
    this.log.push(type);
    if (type === 'noMoreLaunches') this.#noMoreLaunches = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#noMoreLaunches && this.held.every(({ size }) => size === 0)) this.#ended.resolve();
  }
}

function assigned(launch: Launch): RegistrationOutcome {
  const { intendedAtMs } = launch;
  const sent = { attempts: 1, registersSent: 1, startedAtMs: intendedAtMs, finishedAtMs: intendedAtMs };
  return { ...notStartedOutcome(launch), ...sent, result: 'assigned', assignedHub: 'hub-1' };
}

/** One round over `rows` devices as fast as slots allow. */
export function waveOf(rows: number, change: Partial<Wave> = {}): Wave {
  const openSource = () => listSource(Array.from({ length: rows }, (_, row) => fleetRow(row)));
  return { round: 1, shape: { kind: 'closed' }, canaryDevices: null, rules: [], openSource, ...change };
}

type Change = Partial<Omit<RunSessionParts, 'load'>> & { readonly load?: Partial<RunSessionParts['load']> };

/** A session in virtual time, with fake workers and a journal in memory whose disk is as slow as the test wants. */
export function sessionBench(waves: readonly Wave[], { load, ...change }: Change = {}) {
  const clock = new VirtualClock();
  const workers = new FakeWorkers(load?.workers ?? 1);
  const records: JournalRecord[] = [];
  const notices: string[] = [];
  const phases: string[] = [];
  /** Registrations held in an outage, as the listener was told. */
  const held: number[] = [];
  /** Agents without which nothing could be launched, as the listener was last told. */
  const awaited: (AgentsAwaited | null)[] = [];
  const ends: SessionEnd[] = [];
  let requestStop: (request: StopRequest) => void = () => {};
  let end: SessionEnd | null = null;
  const session = new RunSession({
    clock,
    waves,
    mark: (outcome) => outcome,
    rules: [],
    journal: { append: (record) => records.push(record), flush: async () => {}, sync: async () => {} },
    startPool: workers.start,
    setup: SETUP,
    limited: false,
    pins: null,
    emulatorPid: null,
    stopRequests: { onRequest: (listener) => (requestStop = listener) },
    listener: {
      counted: () => {},
      settled: () => {},
      sampled: () => {},
      entered: (stage) => phases.push(stage.kind),
      outage: (outage) => {
        const phase = outage === null ? 'responding' : 'outage';
        if (phases.at(-1) !== phase) phases.push(phase);
        if (outage !== null) held.push(outage.held);
      },
      awaiting: (agents) => awaited.push(agents),
      notice: (message) => notices.push(message),
      stopping: (stopped) => ends.push(stopped),
    },
    load: {
      workers: 1,
      concurrency: 4,
      durationMs: null,
      sharePerMinute: null,
      governor: false,
      onOutage: 'hold',
      outageMaxMs: 60_000,
      ...load,
    },
    ...change,
  });
  const running = session.run().then((ended) => {
    end = ended;
    return ended;
  });
  running.catch(() => {});
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const advance = async (durationMs: number): Promise<void> => {
    await turn();
    for (let passedMs = 0; passedMs < durationMs; passedMs += STEP_MS) {
      clock.advanceTo(clock.nowMs() + STEP_MS);
      await turn();
    }
  };
  return {
    advance,
    clock,
    end: () => end,
    ends,
    held,
    awaited,
    notices,
    phases,
    outcomes: () => records.filter((record) => record.kind === 'outcome'),
    records,
    running,
    stop: (request: StopRequest) => requestStop(request),
    turn,
    workers,
  };
}
