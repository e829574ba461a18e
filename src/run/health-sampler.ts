import { readdirSync, readFileSync } from 'node:fs';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { Clock } from '../time/clock.ts';
import type { WorkerHealth } from '../worker/worker-messages.ts';

type Gathered = Pick<WorkerHealth, 'inFlight' | 'launched' | 'startLagMaxMs' | 'loopDelayMaxMs' | 'saturatedMs'>;

const NO_HEALTH: Gathered = { inFlight: 0, launched: 0, startLagMaxMs: null, loopDelayMaxMs: 0, saturatedMs: 0 };

type HealthSample = Omit<SampleRecord, 'epochAtZeroMs' | 'suspendedMs'>;

/** Gathers the state of the load generator for a sample record; `take` closes one second and begins the next. */
export class HealthSampler {
  readonly #clock: Clock;
  readonly #emulatorPid: number | null;
  #workers: Gathered[];
  #settled = 0;
  #throttles = 0;
  #lastAtMs: number;
  #lastCpuMs: number;
  #lastEmulatorCpuMs: number | null;

  constructor(workers: number, clock: Clock, emulatorPid: number | null) {
    this.#workers = Array.from({ length: workers }, () => NO_HEALTH);
    this.#clock = clock;
    this.#lastAtMs = clock.nowMs();
    this.#lastCpuMs = clock.cpuMs();
    this.#emulatorPid = emulatorPid;
    this.#lastEmulatorCpuMs = emulatorPid === null ? null : cpuMsOf(emulatorPid);
  }

  addHealth(worker: number, health: WorkerHealth): void {
    const before = this.#workers[worker] ?? NO_HEALTH;
    this.#workers[worker] = {
      inFlight: health.inFlight,
      launched: before.launched + health.launched,
      startLagMaxMs: largest(before.startLagMaxMs, health.startLagMaxMs),
      loopDelayMaxMs: Math.max(before.loopDelayMaxMs, health.loopDelayMaxMs),
      saturatedMs: before.saturatedMs + health.saturatedMs,
    };
  }

  /** Nothing of it is in flight any more. */
  workerLost(worker: number): void {
    const before = this.#workers[worker] ?? NO_HEALTH;
    this.#workers[worker] = { ...before, inFlight: 0 };
  }

  addSettled(count: number): void {
    this.#settled += count;
  }

  addThrottle(): void {
    this.#throttles += 1;
  }

  take(outstanding: number, rateAllowedPerSecond: number | null): HealthSample {
    const nowMs = this.#clock.nowMs();
    const workers = this.#workers;
    const sample: HealthSample = {
      kind: 'sample',
      atMs: nowMs,
      inFlight: sum(workers.map(({ inFlight }) => inFlight)),
      outstanding,
      launched: sum(workers.map(({ launched }) => launched)),
      settled: this.#settled,
      throttles: this.#throttles,
      startLagMaxMs: workers.reduce<number | null>((max, { startLagMaxMs }) => largest(max, startLagMaxMs), null),
      loopDelayMaxMs: workers.map(({ loopDelayMaxMs }) => loopDelayMaxMs),
      saturatedMs: Math.max(...workers.map(({ saturatedMs }) => saturatedMs)),
      ...this.#takeCpuShares(nowMs),
      fileDescriptors: openFileDescriptors(),
      rssBytes: process.memoryUsage.rss(),
      rateAllowedPerSecond,
    };
    this.#workers = workers.map(({ inFlight }) => ({ ...NO_HEALTH, inFlight }));
    this.#settled = 0;
    this.#throttles = 0;
    return sample;
  }

  #takeCpuShares(nowMs: number): Pick<SampleRecord, 'cpuShare' | 'emulatorCpuShare'> {
    const elapsedMs = Math.max(1, nowMs - this.#lastAtMs);
    const cpuMs = this.#clock.cpuMs();
    const emulatorCpuMs = this.#emulatorPid === null ? null : cpuMsOf(this.#emulatorPid);
    const emulatorCpuShare =
      emulatorCpuMs === null || this.#lastEmulatorCpuMs === null
        ? null
        : (emulatorCpuMs - this.#lastEmulatorCpuMs) / elapsedMs;
    const cpuShare = (cpuMs - this.#lastCpuMs) / elapsedMs;
    this.#lastAtMs = nowMs;
    this.#lastCpuMs = cpuMs;
    this.#lastEmulatorCpuMs = emulatorCpuMs;
    return { cpuShare, emulatorCpuShare };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.max(a, b);
}

/** Clock ticks a second in /proc/PID/stat: always 100 in Linux user space (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** CPU time of another process in milliseconds; `null` without /proc, or when the process has ended. */
function cpuMsOf(pid: number): number | null {
  try {
    // proc(5): fields 14 and 15 are utime and stime; field 2 is a name in parentheses that may contain spaces.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** Open file descriptors of this process; `null` without /proc. */
function openFileDescriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}
