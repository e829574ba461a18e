import { describe, expect, it } from 'vitest';
import { StandstillWatch } from '../../src/load/standstill-watch.ts';

const EPOCH_MS = Date.UTC(2026, 0, 1);

describe('the watch over the clocks', () => {
  it.each<
    [
      what: string,
      nowMs: number,
      epochMs: number,
      cpuMs: number,
      expected: [standstillMs: number, clockMovedMs: number],
    ]
  >([
    ['a usual look', 100, 100, 60, [0, 0]],
    ['a look that nobody needed for a while', 1_000, 1_000, 5, [0, 0]],
    ['a pause as any machine makes', 1_900, 1_900, 0, [0, 0]],
    ['a process that was stopped for three seconds', 3_100, 3_100, 2, [3_000, 0]],
    ['a process that was stopped for a minute', 60_100, 60_100, 30, [60_000, 0]],
    ['a long computation', 5_100, 5_100, 5_000, [0, 0]],
    ['a small share of a busy machine', 9_000, 9_000, 1_200, [0, 0]],
    ['threads that compute while one waits', 9_000, 9_000, 17_000, [0, 0]],
    ['a machine that slept, its clock standing still', 100, 3_600_100, 1, [0, 3_600_000]],
    ['a wall clock that was set back', 100, -59_900, 1, [0, -60_000]],
    ['a wall clock that is kept right in small steps', 100, 1_900, 1, [0, 0]],
    ['both at once', 30_100, 90_100, 1, [30_000, 60_000]],
  ])('%s', (_, nowMs, epochMs, cpuMs, [standstillMs, clockMovedMs]) => {
    const watch = new StandstillWatch({ nowMs: 0, epochMs: EPOCH_MS, cpuMs: 500 });
    const at = { nowMs, epochMs: EPOCH_MS + epochMs, cpuMs: 500 + cpuMs };
    expect(watch.look(at)).toEqual({ standstillMs, clockMovedMs });
    expect(watch.epochAtZeroMs).toBe(EPOCH_MS + clockMovedMs);
    // It is told once.
    const next = { nowMs: at.nowMs + 100, epochMs: at.epochMs + 100, cpuMs: at.cpuMs };
    expect(watch.look(next)).toEqual({ standstillMs: 0, clockMovedMs: 0 });
  });
});
