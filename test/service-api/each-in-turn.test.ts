import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eachInTurn, REQUESTS_AT_ONCE } from '../../src/service-api/each-in-turn.ts';

it('works on the first item alone, then on several at once, until an error or a stop', async () => {
  let isClosed = false;
  async function* items(): AsyncGenerator<number> {
    try {
      for (let item = 0; item < 100; item++) yield item;
    } finally {
      isClosed = true;
    }
  }
  for (const [failsAt, stopsAfter, begun] of [
    [null, null, 100],
    [0, null, 1],
    [1, null, 1 + REQUESTS_AT_ONCE],
    [null, 1, 1],
  ] as const) {
    isClosed = false;
    let [ended, inProgress] = [0, 0];
    const most: number[] = [];
    const work = async (item: number): Promise<void> => {
      most.push(++inProgress);
      await setImmediate();
      inProgress -= 1;
      ended += 1;
      if (item === failsAt) throw new Error('refused');
    };
    const done = eachInTurn(items(), work, () => stopsAfter !== null && ended >= stopsAfter);
    if (failsAt === null) await done;
    else await expect(done).rejects.toThrow('refused');
    expect({ begun: most.length, ended, isClosed }).toEqual({ begun, ended: begun, isClosed: true });
    expect(most.slice(0, 2)).toEqual([1, 1].slice(0, begun));
    expect(Math.max(...most)).toBeLessThanOrEqual(REQUESTS_AT_ONCE);
  }
});
