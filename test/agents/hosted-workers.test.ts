import { expect, it } from 'vitest';
import type { ToAgent, TravellingToWorker } from '../../src/agents/agent-messages.ts';
import { HostedWorkers } from '../../src/agents/hosted-workers.ts';
import { setupWithoutSecrets, withoutSecrets } from '../../src/agents/travelling.ts';
import { newFence } from '../../src/worker/fence.ts';
import type { ToWorker, WorkerSetup } from '../../src/worker/worker-messages.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';
import { GROUP_KEY, GROUP_KEYS } from '../support/group-key.ts';
import { launch } from '../support/launches.ts';
import { NO_AGENTS } from '../support/local-pool.ts';
import { SETUP } from '../support/session-bench.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const PLACED = {
  target: { host: 'dps.example.net', port: 8_883, idScope: '0ne00000001' },
  serverName: null,
};

/** Hosted workers in a pool that only remembers what it is given. */
function hosted() {
  const setups: WorkerSetup[] = [];
  const received: ToWorker[] = [];
  const startPool: StartWorkerPool = ({ setup }) => {
    setups.push(setup);
    return {
      ...NO_AGENTS,
      ready: new Promise(() => {}),
      ended: new Promise(() => {}),
      send: (_, message) => received.push(message),
      sendAll: (message) => received.push(message),
      kill: () => {},
      replace: () => {},
      giveUp: () => {},
      destroy: async () => {},
    };
  };
  const workers = new HostedWorkers({
    clock: new VirtualClock(),
    clockOriginMs: 0,
    startPool,
    fence: newFence(),
    addresses: { current: [{ address: '192.0.2.1', family: 4 }] },
    aheadOfPongsMs: () => 0,
    send: () => {},
  });
  const start = (setup: WorkerSetup): void => {
    const message: Extract<ToAgent, { type: 'start' }> = {
      type: 'start',
      setup: setupWithoutSecrets(setup),
      axisShiftMs: 0,
      workers: [{ worker: 3, concurrency: 5 }],
    };
    const keys = new Map([['dev-7', GROUP_KEY]]);
    workers.start(message, { keys: GROUP_KEYS, deviceKeyOf: (id) => keys.get(id) ?? null }, PLACED);
  };
  return { workers, start, setups, received };
}

it('gives its workers the keys and addresses of this machine', () => {
  const { workers, received, setups, start } = hosted();
  start(SETUP);
  expect(setups).toMatchObject([{ keys: GROUP_KEYS, addresses: [{ address: '192.0.2.1' }] }]);
  const launches = [7, 8].map((row) => withoutSecrets({ ...launch(row), deviceKey: 'of the coordinator' }));
  workers.send(3, { type: 'launch', launches });
  expect(received).toMatchObject([
    {
      type: 'launch',
      launches: [
        { row: 7, deviceKey: GROUP_KEY },
        { row: 8, deviceKey: null },
      ],
    },
  ]);
});

it('connects nowhere but to the target that it agreed to, whatever Redis says later', () => {
  const { workers, received, setups, start } = hosted();
  start({
    ...SETUP,
    host: 'attacker.example',
    port: 1,
    idScope: 'other',
    tls: { ...SETUP.tls, serverName: 'attacker' },
  });
  expect(setups[0]).toMatchObject({ ...PLACED.target, tls: { serverName: null } });
  const turned = { type: 'addresses', addresses: [{ address: '203.0.113.6', family: 4 }] };
  workers.send(3, turned as unknown as TravellingToWorker);
  expect(received).toEqual([]);
});
