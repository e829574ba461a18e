// The agents of a benchmark, all in one process: each with its own connections to Redis, presence, lease, beats and clock, as `dpsload agent`
// has them. Their workers run in the same thread instead of threads of their own, over simulated connections.

import type { HostParts } from '../../src/agents/agent-host.ts';
import { watchVitals } from '../../src/agents/agent-vitals.ts';
import { RedisAgentBus } from '../../src/agents/redis/redis-agent-bus.ts';
import { redisTarget } from '../../src/agents/redis/redis-connection.ts';
import { serveAgent } from '../../src/agents/serve-agent.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { deferred } from '../../src/worker/deferred.ts';
import { fencedConversations, newFence } from '../../src/worker/fence.ts';
import { RegistrationWorker } from '../../src/worker/registration-worker.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';
import { GROUP_KEYS } from '../support/group-key.ts';
import { NO_AGENTS } from '../support/local-pool.ts';
import { BENCH_VERSION } from './bench-version.ts';
import { simulatedConversations } from './simulated-connections.ts';

const [url = '', count] = process.argv.slice(2);
const target = await redisTarget({ flag: url, file: null, variable: null });
const clockOriginMs = hrtimeMs();
const clock = systemClock(clockOriginMs);
const host: HostParts = {
  clock,
  clockOriginMs,
  version: BENCH_VERSION,
  startPool: startInThisThread,
  prepare: async () => ({ keys: GROUP_KEYS, deviceKeyOf: () => null }),
  addressesOf: () => ({ current: null, refresh: async () => true, keepFresh: () => {}, stop: () => {} }),
  takeVitals: watchVitals(clock),
};

await Promise.all(Array.from({ length: Number(count) }, (_, index) => serve(`agent-${index}`)));
process.send?.('ready');
process.on('disconnect', () => process.exit());

async function serve(name: string): Promise<void> {
  const bus = await RedisAgentBus.connect({ name, instance: `${name}-${process.pid}` }, target, clock);
  await new Promise<void>((resolve, reject) => {
    serveAgent({
      bus,
      agent: { name, labels: {}, slots: 1, version: BENCH_VERSION },
      host,
      stops: { onRequest: () => {} },
      onReady: resolve,
      log: () => {},
    }).catch(reject);
  });
}

function startInThisThread(...[request, events]: Parameters<StartWorkerPool>): ReturnType<StartWorkerPool> {
  const { setup, concurrencyShares, fence = newFence() } = request;
  const [ready, ended] = [deferred<void>(), deferred<void>()];
  const workerClock = systemClock(setup.clockOriginMs);
  const begun = simulatedConversations(setup, workerClock).then((unfenced) => {
    const worker = new RegistrationWorker({
      setup,
      concurrency: concurrencyShares[0] ?? 0,
      clock: workerClock,
      open: fencedConversations(unfenced, fence, workerClock),
      send(message) {
        if (message.type === 'ready') ready.resolve();
        if (message.type === 'ended') ended.resolve();
        else events.message(0, message);
      },
    });
    worker.begin();
    return worker;
  });
  const send: ReturnType<StartWorkerPool>['send'] = (_, message) => {
    if (message.type !== 'addresses') void begun.then((worker) => worker.receive(message));
  };
  return {
    ...NO_AGENTS,
    ready: ready.promise,
    ended: ended.promise,
    send,
    sendAll: (message) => send(0, message),
    kill: () => {},
    replace: () => {},
    giveUp: () => {},
    destroy: async () => {},
  };
}
