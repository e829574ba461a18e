import type { Clock } from '../time/clock.ts';

/**
 * From this on a gap in which next to nothing was computed is a standstill: the machine slept, or the process was stopped.
 * Shorter ones are the business of every machine, and show as start lag.
 */
const STANDSTILL_MIN_MS = 2_000;

/**
 * A program that is late for its own sake (a long computation, a garbage collection, a share of a busy machine) uses CPU
 * meanwhile; one that stands still does not. CPU time of all threads, as a share of one core.
 */
const STANDSTILL_CPU_SHARE_MAX = 0.1;

/** The wall clock of a machine is kept right in small steps; more than this is another matter. */
const CLOCK_MOVED_MIN_MS = 10_000;

/** How often to look, at least: what a look finds is right to within so much. */
export const TIME_LOOK_INTERVAL_MS = 100;

/** What became of time between two looks. */
export type TimeGap = {
  /** How long nothing ran; 0 = it went on. */
  readonly standstillMs: number;
  /** How far the wall clock moved by itself: it was set, or the machine slept where its other clock stands still (Linux). */
  readonly clockMovedMs: number;
};

export type TimeReading = { readonly nowMs: number; readonly epochMs: number; readonly cpuMs: number };

/** Reads all that a `StandstillWatch` looks at. */
export function readTime(clock: Clock): TimeReading {
  return { nowMs: clock.nowMs(), epochMs: clock.epochMs(), cpuMs: clock.cpuMs() };
}

/** Looks at the clocks every `TIME_LOOK_INTERVAL_MS`, and tells when one of them did not do as it should. */
export class StandstillWatch {
  #last: TimeReading;
  #epochAtZeroMs: number;

  constructor(first: TimeReading) {
    this.#last = first;
    this.#epochAtZeroMs = first.epochMs - first.nowMs;
  }

  /** Wall clock at 0 of the other one, as it was found last. */
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
