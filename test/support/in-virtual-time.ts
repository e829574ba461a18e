import type { VirtualClock } from './virtual-clock.ts';

/** Lets time pass, timer by timer, until the work is done: whatever a timer wakes goes on before the next timer fires. */
export async function inVirtualTime<Value>(clock: VirtualClock, work: Promise<Value>): Promise<Value> {
  let isDone = false;
  const finish = (): void => {
    isDone = true;
  };
  work.then(finish, finish);
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isDone) return await work;
    clock.step();
  }
}
