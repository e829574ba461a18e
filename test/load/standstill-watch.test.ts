import { describe, expect, it } from 'vitest';
import { StandstillWatch } from '../../src/load/standstill-watch.ts';

const EPOCH_MS = Date.UTC(2026, 0, 1);

describe('the watch over both clocks', () => {
  it.each<[what: string, nowMs: number, epochMs: number, standstillMs: number, clockMovedMs: number]>([
    ['a usual second', 1_000, 1_000, 0, 0],
    ['a busy machine', 9_000, 9_000, 0, 0],
    ['a process that was stopped', 61_000, 61_000, 60_000, 0],
    ['a machine that slept, its clock standing still', 1_000, 3_601_000, 0, 3_600_000],
    ['a wall clock that was set back', 1_000, -59_000, 0, -60_000],
    ['a wall clock that is kept right in small steps', 1_000, 1_900, 0, 0],
    ['both at once', 31_000, 91_000, 30_000, 60_000],
  ])('%s', (_, nowMs, epochMs, standstillMs, clockMovedMs) => {
    const watch = new StandstillWatch(1_000, 0, EPOCH_MS);
    expect(watch.look(nowMs, EPOCH_MS + epochMs)).toEqual({ standstillMs, clockMovedMs });
    expect(watch.epochAtZeroMs).toBe(EPOCH_MS + clockMovedMs);
    // It is told once.
    expect(watch.look(nowMs + 1_000, EPOCH_MS + epochMs + 1_000)).toEqual({ standstillMs: 0, clockMovedMs: 0 });
  });
});
