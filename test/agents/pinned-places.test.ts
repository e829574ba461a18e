import { expect, it } from 'vitest';
import { AgentPool } from '../../src/agents/agent-pool.ts';
import type { AgentRoster, RosterListener } from '../../src/agents/agent-roster.ts';
import { Hosting } from '../../src/agents/hosting.ts';
import { SETUP } from '../support/session-bench.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A pool over agents that are there, or come later; nothing is sent. */
function poolOver(agents: readonly (readonly [name: string, region: string, slots: number])[], workers: number) {
  const clock = new VirtualClock();
  const hostings: Hosting[] = [];
  let free: Hosting['agent'][] = [];
  let listener: RosterListener | null = null;
  const reasons: Error[] = [];
  const agentOf = ([name, region, slots]: (typeof agents)[number]): Hosting['agent'] => ({
    ...{ name, labels: { region }, slots, version: '1', run: null, offsetMs: 0, offsetUncertaintyMs: 0 },
  });
  const join = (agent: Hosting['agent']): void => {
    const hosting = new Hosting(agent, hostings.length, clock.nowMs());
    hosting.state = 'prepared';
    hostings.push(hosting);
  };
  for (const agent of agents) join(agentOf(agent));
  const roster = {
    clock,
    hostings,
    listen: (one: RosterListener) => {
      listener = one;
    },
    send: () => {},
    trim: () => {},
    free: async () => free,
    offer: async (agent: Hosting['agent']) => {
      free = free.filter((one) => one !== agent);
      join(agent);
    },
    end: async () => {},
  };
  const pool = new AgentPool(
    { roster: roster as unknown as AgentRoster, agentsMin: 1, withinMs: 60_000, pinLabel: 'region' },
    { setup: SETUP, concurrencyShares: Array.from({ length: workers }, () => 10), clock },
    {
      message: () => {},
      silent: () => {},
      starved: () => {},
      lost: (worker, reason) => {
        reasons.push(reason);
        pool.replace(worker);
      },
    },
  );
  return {
    reasons,
    end: (name: string, worker: number): void => {
      const hosting = hostings.find(({ agent }) => agent.name === name);
      if (hosting === undefined) throw new Error(`no agent ${name}`);
      hosting.state = 'draining';
      listener?.heard(hosting, { type: 'fromWorker', worker, message: { type: 'ended' } });
    },
    places: () => Array.from({ length: workers }, (_, worker) => pool.agentOf(worker)),
    lose: (name: string): void => {
      const hosting = hostings.find(({ agent, isOver }) => agent.name === name && !isOver);
      if (hosting === undefined) throw new Error(`no agent ${name}`);
      hosting.state = 'lost';
      listener?.lost(hosting, 'gone', []);
    },
    come: (...agent: (typeof agents)[number]): void => {
      free = [...free, agentOf(agent)];
    },
    pass: async (): Promise<void> => {
      for (let second = 0; second < 3; second += 1) {
        clock.advanceTo(clock.nowMs() + 1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    free: () => free.map(({ name }) => name),
  };
}

it('gives each agent workers in proportion to its slots, so that no region is left without', () => {
  const { places } = poolOver(
    [
      ['large', 'europe', 8],
      ['small', 'asia', 2],
    ],
    5,
  );
  expect(places().filter((name) => name === 'small')).toHaveLength(1);
  expect(places().filter((name) => name === 'large')).toHaveLength(4);
});

it('moves workers of a lost agent only within its region', async () => {
  const pool = poolOver(
    [
      ['eu-1', 'europe', 4],
      ['eu-2', 'europe', 4],
      ['as-1', 'asia', 2],
    ],
    5,
  );
  const before = pool.places();
  expect(before.filter((name) => name === 'as-1').length).toBeGreaterThan(0);
  pool.lose('as-1');
  await pool.pass();
  expect(pool.places()).toEqual(before.map((name) => (name === 'as-1' ? null : name)));
  pool.lose('eu-1');
  await pool.pass();
  expect(pool.places().filter((name) => name === 'eu-1')).toEqual([]);
  expect(pool.places().every((name, worker) => before[worker] === 'as-1' || name === 'eu-2')).toBe(true);
  pool.come('eu-3', 'europe', 4);
  pool.come('as-2', 'asia', 4);
  await pool.pass();
  expect(pool.places()).toEqual(before.map((name) => (name === 'as-1' ? 'as-2' : 'eu-2')));
  expect(pool.free()).toEqual(['eu-3']);
});

it('tells an agent that leaves from one that was lost, and which of its workers is the last', () => {
  const pool = poolOver(
    [
      ['leaving', 'europe', 2],
      ['dying', 'asia', 2],
    ],
    4,
  );
  const [first = -1, second = -1] = pool.places().flatMap((name, worker) => (name === 'leaving' ? [worker] : []));
  pool.end('leaving', first);
  pool.end('leaving', second);
  pool.lose('dying');
  expect(pool.reasons).toMatchObject([
    { agent: 'leaving', isWanted: true, isLast: false },
    { agent: 'leaving', isWanted: true, isLast: true },
    { agent: 'dying', isWanted: false, isLast: false, message: 'gone' },
    { agent: 'dying', isWanted: false, isLast: true, message: 'gone' },
  ]);
});
