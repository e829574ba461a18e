import { describe, expect, it } from 'vitest';
import { WORKER_REPLACEMENTS_MAX, WORKER_SILENCE_MAX_SECONDS, WorkerWatch } from '../../src/run/worker-watch.ts';

describe('the watch over the workers', () => {
  it('names one that is silent for too long, once, and forgets it when it is replaced', () => {
    const watch = new WorkerWatch(2);
    const silentAt: (readonly [second: number, worker: number])[] = [];
    for (let second = 1; second <= 3 * WORKER_SILENCE_MAX_SECONDS; second += 1) {
      watch.heard(0);
      for (const worker of watch.tick()) silentAt.push([second, worker]);
      if (second === 2 * WORKER_SILENCE_MAX_SECONDS) watch.mayReplace(1);
    }
    expect(silentAt).toEqual([
      [WORKER_SILENCE_MAX_SECONDS, 1],
      [3 * WORKER_SILENCE_MAX_SECONDS, 1],
    ]);
  });

  it('has so many replaced and no more', () => {
    const watch = new WorkerWatch(1);
    const allowed = Array.from({ length: WORKER_REPLACEMENTS_MAX + 2 }, () => watch.mayReplace(0));
    expect(allowed).toEqual([...Array.from({ length: WORKER_REPLACEMENTS_MAX }, () => true), false, false]);
  });
});
