import { openFileDescriptors, processCpuMs } from '../files/process-stat.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import { CountsBySecond } from '../load/counts-by-second.ts';
import type { Clock } from '../time/clock.ts';
import type { WorkerHealth } from '../worker/worker-messages.ts';
import type { AgentState } from '../worker/worker-pool.ts';
import { AgentSamples, type WorkersOfAgent } from './agent-samples.ts';

type Gathered = Pick<WorkerHealth, 'inFlight' | 'launched' | 'startLagMaxMs' | 'loopDelayMaxMs' | 'saturatedMs'> & {
  /** The last report. */
  readonly heardAtMs: number;
};

const NO_HEALTH: Gathered = {
  inFlight: 0,
  launched: 0,
  startLagMaxMs: null,
  loopDelayMaxMs: 0,
  saturatedMs: 0,
  heardAtMs: Number.NEGATIVE_INFINITY,
};

/** CPU times of this process and of the emulator at one moment. */
type CpuTimes = { readonly atMs: number; readonly cpuMs: number; readonly emulatorCpuMs: number | null };

type HealthSample = Omit<SampleRecord, 'epochAtZeroMs' | 'suspendedMs'>;

/** Gathers the state of the load generator for a sample record; `take` closes one second and begins the next. */
export class HealthSampler {
  readonly #clock: Clock;
  readonly #emulatorPid: number | null;
  #workers: Gathered[];
  readonly #settled = new CountsBySecond();
  readonly #throttles = new CountsBySecond();
  readonly #agents = new AgentSamples();
  #lastAtMs = 0;
  #lastCpu: CpuTimes;

  constructor(workers: number, clock: Clock, emulatorPid: number | null) {
    this.#workers = Array.from({ length: workers }, () => NO_HEALTH);
    this.#clock = clock;
    this.#emulatorPid = emulatorPid;
    this.#lastCpu = this.#cpuTimes();
  }

  /** The time up to now is not part of the first sample. */
  begin(): void {
    this.#lastAtMs = this.#clock.nowMs();
    this.#lastCpu = this.#cpuTimes();
  }

  addHealth(worker: number, health: WorkerHealth): void {
    const before = this.#workers[worker] ?? NO_HEALTH;
    this.#workers[worker] = {
      inFlight: health.inFlight,
      launched: before.launched + health.launched,
      startLagMaxMs: largest(before.startLagMaxMs, health.startLagMaxMs),
      loopDelayMaxMs: Math.max(before.loopDelayMaxMs, health.loopDelayMaxMs),
      saturatedMs: before.saturatedMs + health.saturatedMs,
      heardAtMs: this.#clock.nowMs(),
    };
  }

  /** The worker has nothing in flight any more and will send no report, unless another takes its place. */
  workerGone(worker: number): void {
    const before = this.#workers[worker] ?? NO_HEALTH;
    this.#workers[worker] = { ...before, inFlight: 0, heardAtMs: Number.POSITIVE_INFINITY };
  }

  /** Whether all workers have reported what happened before this time. Their timers may come a millisecond early. */
  hasReportsOf(atMs: number): boolean {
    return this.#workers.every(({ heardAtMs }) => heardAtMs >= atMs - 1);
  }

  /** @param endedAtMs `null` = it never started */
  addSettled(endedAtMs: number | null): void {
    this.#settled.add(endedAtMs ?? this.#clock.nowMs());
  }

  addThrottle(atMs: number): void {
    this.#throttles.add(atMs);
  }

  /**
   * @param atMs what happened later belongs to the next sample
   * @param agents that host the workers
   */
  take(
    atMs: number,
    outstanding: number,
    rateAllowedPerSecond: number | null,
    agents: readonly AgentState[],
  ): HealthSample {
    const workers = this.#workers;
    const sample: HealthSample = {
      kind: 'sample',
      atMs,
      overMs: Math.max(1, atMs - this.#lastAtMs),
      outstanding,
      settled: this.#settled.takeBefore(atMs),
      throttles: this.#throttles.takeBefore(atMs),
      ...together(workers),
      loopDelayMaxMs: workers.map(({ loopDelayMaxMs }) => loopDelayMaxMs),
      ...this.#takeCpuShares(),
      fileDescriptors: openFileDescriptors(),
      rssBytes: process.memoryUsage.rss(),
      rateAllowedPerSecond,
      ...this.#agents.take(agents, (hosted) => together(hosted.map((worker) => workers[worker] ?? NO_HEALTH))),
    };
    this.#workers = workers.map(({ inFlight, heardAtMs }) => ({ ...NO_HEALTH, inFlight, heardAtMs }));
    this.#lastAtMs = atMs;
    return sample;
  }

  #takeCpuShares(): Pick<SampleRecord, 'cpuShare' | 'emulatorCpuShare'> {
    const [before, now] = [this.#lastCpu, this.#cpuTimes()];
    this.#lastCpu = now;
    const elapsedMs = Math.max(1, now.atMs - before.atMs);
    return {
      cpuShare: (now.cpuMs - before.cpuMs) / elapsedMs,
      emulatorCpuShare:
        now.emulatorCpuMs === null || before.emulatorCpuMs === null
          ? null
          : (now.emulatorCpuMs - before.emulatorCpuMs) / elapsedMs,
    };
  }

  #cpuTimes(): CpuTimes {
    const emulatorCpuMs = this.#emulatorPid === null ? null : processCpuMs(this.#emulatorPid);
    return { atMs: this.#clock.nowMs(), cpuMs: this.#clock.cpuMs(), emulatorCpuMs };
  }
}

function together(workers: readonly Gathered[]): WorkersOfAgent {
  return {
    inFlight: sum(workers.map(({ inFlight }) => inFlight)),
    launched: sum(workers.map(({ launched }) => launched)),
    startLagMaxMs: workers.reduce<number | null>((max, { startLagMaxMs }) => largest(max, startLagMaxMs), null),
    loopDelayMaxMs: Math.max(0, ...workers.map(({ loopDelayMaxMs }) => loopDelayMaxMs)),
    saturatedMs: Math.max(0, ...workers.map(({ saturatedMs }) => saturatedMs)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.max(a, b);
}
