import type { Clock } from '../time/clock.ts';

/**
 * A gap at least this long in which next to nothing was computed is a standstill: the machine slept, or the process was
 * suspended. Shorter gaps happen on every machine, and show as start lag.
 */
const STANDSTILL_MIN_MS = 2_000;

/**
 * A program that is late through its own work (a long computation, garbage collection, its share of a busy machine) uses CPU
 * time during the gap; a suspended one does not. CPU time of all threads, as a share of one core.
 */
const STANDSTILL_CPU_SHARE_MAX = 0.1;

/** Time synchronization corrects the wall clock in smaller steps than this. */
const CLOCK_MOVED_MIN_MS = 10_000;

/** Look at least this often: it is the precision of what a look finds. */
export const TIME_LOOK_INTERVAL_MS = 100;

/** What happened to time between two looks. */
export type TimeGap = {
  /** How long nothing ran; 0 = no standstill. */
  readonly standstillMs: number;
  /** How far the wall clock jumped: it was set, or the machine slept while its monotonic clock stood still (Linux). */
  readonly clockMovedMs: number;
};

export type TimeReading = { readonly nowMs: number; readonly epochMs: number; readonly cpuMs: number };

export function readTime(clock: Clock): TimeReading {
  return { nowMs: clock.nowMs(), epochMs: clock.epochMs(), cpuMs: clock.cpuMs() };
}

/** Detects standstills and jumps of the wall clock; call `look` every `TIME_LOOK_INTERVAL_MS`. */
export class StandstillWatch {
  #last: TimeReading;
  #epochAtZeroMs: number;

  constructor(first: TimeReading) {
    this.#last = first;
    this.#epochAtZeroMs = first.epochMs - first.nowMs;
  }

  /** Wall clock at 0 of the monotonic clock, as last found. */
  get epochAtZeroMs(): number {
    return this.#epochAtZeroMs;
  }

  look(reading: TimeReading): TimeGap {
    const standstillMs = standstillBetween(this.#last, reading);
    this.#last = reading;
    const epochAtZeroMs = reading.epochMs - reading.nowMs;
    const clockMovedMs = epochAtZeroMs - this.#epochAtZeroMs;
    if (Math.abs(clockMovedMs) < CLOCK_MOVED_MIN_MS) return { standstillMs, clockMovedMs: 0 };
    this.#epochAtZeroMs = epochAtZeroMs;
    return { standstillMs, clockMovedMs };
  }
}

function standstillBetween(last: TimeReading, now: TimeReading): number {
  const gapMs = now.nowMs - last.nowMs;
  const standstillMs = gapMs - TIME_LOOK_INTERVAL_MS;
  const computing = now.cpuMs - last.cpuMs > gapMs * STANDSTILL_CPU_SHARE_MAX;
  return computing || standstillMs < STANDSTILL_MIN_MS ? 0 : standstillMs;
}
