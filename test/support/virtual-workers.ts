import type { OpenConversation } from '../../src/conversation/conversation.ts';
import { deferred } from '../../src/worker/deferred.ts';
import { RegistrationWorker } from '../../src/worker/registration-worker.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';
import { NO_AGENTS } from './local-pool.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** The workers themselves, in virtual time instead of in threads. @param openAt how they reach their service */
export function virtualWorkers(openAt: (clock: VirtualClock) => OpenConversation): StartWorkerPool {
  return ({ concurrencyShares, clock, setup }, events) => {
    const open = openAt(clock as VirtualClock);
    const ends = concurrencyShares.map(() => deferred<void>());
    const workers = concurrencyShares.map(
      (concurrency, worker) =>
        new RegistrationWorker({
          setup,
          concurrency,
          clock,
          open,
          // As between threads, a message does not arrive before the sender is done.
          send: (message) => {
            if (message.type === 'ended') ends[worker]?.resolve();
            clock.wakeAt(clock.nowMs(), () => events.message(worker, message));
          },
        }),
    );
    for (const worker of workers) worker.begin();
    const send: ReturnType<StartWorkerPool>['send'] = (worker, message) => {
      // Nothing here is looked up.
      if (message.type !== 'addresses') workers[worker]?.receive(message);
    };
    return {
      ...NO_AGENTS,
      ready: Promise.resolve(),
      ended: Promise.all(ends.map(({ promise }) => promise)).then(() => undefined),
      send,
      sendAll: (message) => {
        for (const worker of workers.keys()) send(worker, message);
      },
      kill: () => undefined,
      replace: () => undefined,
      giveUp: () => undefined,
      destroy: async () => undefined,
    };
  };
}
