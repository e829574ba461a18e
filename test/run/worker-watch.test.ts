import { describe, expect, it } from 'vitest';
import { Credits } from '../../src/load/credits.ts';
import { WORKER_SILENCE_MAX_SECONDS, WorkerWatch } from '../../src/run/worker-watch.ts';

const REPLACEMENTS_MAX = 3;

function observedWatch(workers: number) {
  const credits = new Credits(
    Array.from({ length: workers }, () => 1),
    0,
  );
  return { credits, watch: new WorkerWatch(workers, REPLACEMENTS_MAX, credits) };
}

describe('the watch over the workers', () => {
  it('names one that is silent for too long, once, and counts from the start again when it is replaced', () => {
    const { watch } = observedWatch(2);
    const silentAt: (readonly [second: number, worker: number])[] = [];
    for (let second = 1; second <= 4 * WORKER_SILENCE_MAX_SECONDS; second += 1) {
      watch.heard(0);
      for (const worker of watch.tick()) silentAt.push([second, worker]);
      if (second === WORKER_SILENCE_MAX_SECONDS) watch.lost(1);
      if (second === 3 * WORKER_SILENCE_MAX_SECONDS) watch.ready(1);
    }
    expect(silentAt).toEqual([
      [WORKER_SILENCE_MAX_SECONDS, 1],
      [4 * WORKER_SILENCE_MAX_SECONDS, 1],
    ]);
  });

  it('gives rows only to workers that are there and heard of', () => {
    const { credits, watch } = observedWatch(2);
    expect(credits.available).toBe(2);
    watch.silent(0, true);
    expect(credits.available).toBe(1);
    watch.lost(0);
    // What is heard of a lost one is from its past.
    watch.silent(0, false);
    expect([credits.available, watch.gone, watch.allAreGone]).toEqual([1, [0], false]);
    watch.lost(1);
    expect([credits.available, watch.gone, watch.allAreGone]).toEqual([0, [0, 1], true]);
    watch.ready(0);
    expect([credits.available, watch.gone, watch.allAreGone]).toEqual([1, [1], false]);
  });

  it('has so many replaced and no more', () => {
    const { watch } = observedWatch(1);
    const allowed = Array.from({ length: REPLACEMENTS_MAX + 2 }, () => watch.mayReplace());
    expect(allowed).toEqual([...Array.from({ length: REPLACEMENTS_MAX }, () => true), false, false]);
  });
});
