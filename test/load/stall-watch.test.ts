import { expect, it } from 'vitest';
import { STALL_LOOK_INTERVAL_MS, StallWatch } from '../../src/load/stall-watch.ts';

it('adds up the times in which nothing ran, and no others', () => {
  const stalls = new StallWatch(0);
  for (let nowMs = 0; nowMs <= 100; nowMs += STALL_LOOK_INTERVAL_MS) stalls.look(nowMs);
  expect(stalls.look(109)).toBe(0);
  expect(stalls.look(119)).toBe(10);
  expect(stalls.look(4_119)).toBe(4_010);
  // Busy without a pause, which is no stall.
  for (let nowMs = 4_119; nowMs < 6_000; nowMs += 3) stalls.look(nowMs);
  expect(stalls.look(6_001)).toBe(4_010);
});
