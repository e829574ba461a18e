import { describe, expect, it } from 'vitest';
import type { ListedAgent, PlacedRun, RunBus } from '../../src/agents/agent-bus.ts';
import { AgentHost } from '../../src/agents/agent-host.ts';
import type { FromAgent, Placement, PlacementNeeds } from '../../src/agents/agent-messages.ts';
import { type GatheredAgents, gatherAgents } from '../../src/agents/gather-agents.ts';
import { LEASE_MS } from '../../src/agents/lease.ts';
import { OperatorError, problem } from '../../src/problem/operator-error.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const NEEDS: PlacementNeeds = {
  version: '1.0.0',
  target: { host: 'dps.example.net', port: 8_883, idScope: '0ne00000001' },
  serverName: null,
  nameResolution: { cacheMs: null, pinned: [] },
  secrets: { attestation: { kind: 'device-key' }, fleet: null },
};

const LISTED: ListedAgent = {
  name: 'a',
  labels: {},
  slots: 2,
  version: '1.0.0',
  run: null,
  offsetMs: 0,
  offsetUncertaintyMs: 1,
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Agents that answer an offer as told; `null` = not at all. @param listed `null` = Redis cannot be reached */
async function gather(
  listed: readonly ListedAgent[] | null,
  answers: Readonly<Record<string, FromAgent | null>>,
  agents = 1,
) {
  const clock = new VirtualClock();
  const placed: string[] = [];
  let isClosed = false;
  let hear: (epoch: number, message: FromAgent) => void = () => {};
  const bus: RunBus = {
    runId: 'run-1',
    async listAgents() {
      if (listed === null) throw new Error('no connection');
      return listed;
    },
    async place(agent, { epoch }) {
      placed.push(agent);
      const answer = answers[agent] ?? null;
      if (answer !== null) clock.wakeAt(clock.nowMs() + 50, () => hear(epoch, answer));
    },
    renew: async () => ({ redisRunId: 'redis-1' }),
    locksLeftMs: async (places) => ({ redisRunId: 'redis-1', leftMs: places.map(() => LEASE_MS) }),
    send: () => {},
    onMessage: (listener) => {
      hear = listener;
    },
    revoke: async () => [],
    handled: () => () => {},
    async close() {
      isClosed = true;
    },
  };
  const waits: (readonly [atMs: number, missing: number])[] = [];
  let outcome: GatheredAgents | Error | null = null;
  const calledOff = new Promise<never>(() => {});
  void gatherAgents({
    bus,
    clock,
    needs: NEEDS,
    agents,
    agentsMin: 1,
    withinMs: 5_000,
    pinLabel: null,
    onWaiting: (missing) => waits.push([clock.nowMs(), missing]),
    calledOff,
  }).then(
    (gathered) => {
      outcome = gathered;
    },
    (error: Error) => {
      outcome = error;
    },
  );
  while (outcome === null) {
    clock.advanceTo(clock.nowMs() + 50);
    await turn();
  }
  return { isClosed, outcome: outcome as GatheredAgents | Error, placed, waits };
}

const PREPARED: FromAgent = { type: 'prepared' };

describe('the start of a run on agents', () => {
  it('takes as many as it needs, and no more', async () => {
    const listed = ['a', 'b', 'c'].map((name) => ({ ...LISTED, name }));
    const { outcome, placed } = await gather(listed, { a: PREPARED, b: PREPARED, c: PREPARED }, 2);
    expect(placed).toEqual(['a', 'b']);
    expect(outcome).toMatchObject({ slots: 4, agents: [{ name: 'a' }, { name: 'b' }] });
  });

  it('says for how many it waits, once it has waited for long', async () => {
    const listed = ['a', 'b'].map((name) => ({ ...LISTED, name }));
    expect((await gather(listed, { a: PREPARED, b: PREPARED }, 2)).waits).toEqual([]);
    expect((await gather(listed, { a: PREPARED }, 2)).waits).toEqual([[expect.closeTo(2_000, -3), 1]]);
  });

  it.each([
    ['Redis cannot be reached', null, {}, /\(Redis cannot be reached; none is ready\)/],
    ['nobody is there', [], {}, /1 of 1 agent is missing after 5 s \(none is ready\)/],
    ['an agent does not answer', [LISTED], {}, /\(none is ready; a has not answered\)/],
    ['an agent serves another run', [{ ...LISTED, run: 'run-2' }], {}, /a serves run run-2/],
    [
      'an agent is of another version',
      [{ ...LISTED, version: '2.0.0' }],
      {},
      /a runs dpsload 2\.0\.0, and this is 1\.0\.0/,
    ],
    [
      'an agent refuses',
      [LISTED],
      { a: { type: 'refused', cause: 'version', problems: [problem('it runs dpsload 2.0.0')] } as const },
      /a refused: it runs dpsload 2\.0\.0/,
    ],
  ])('says so where %s, and leaves nothing behind', async (_, listed, answers, message) => {
    const { isClosed, outcome } = await gather(listed, answers);
    expect(outcome).toBeInstanceOf(OperatorError);
    expect(outcome).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(message) });
    expect(isClosed).toBe(true);
  });

  it('offers no place to an agent of another version', async () => {
    const { placed } = await gather([{ ...LISTED, version: '2.0.0' }], {});
    expect(placed).toEqual([]);
  });

  it('does not wait for others where an agent lacks something', async () => {
    const lacks: FromAgent = {
      type: 'refused',
      cause: 'lacks',
      problems: [problem('the group key is missing', 'Set it')],
    };
    const { outcome } = await gather([LISTED], { a: lacks });
    expect(outcome).toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^agent a: the group key is missing\. Set it\.$/),
    });
  });
});

describe('an agent', () => {
  it('refuses the place that a coordinator of another version gives it, and names both', async () => {
    const clock = new VirtualClock();
    const sent: FromAgent[] = [];
    const placement: Placement = {
      ...NEEDS,
      version: '2.0.0',
      runId: 'run-1',
      epoch: 1,
      redisRunId: 'r',
      epochAtZeroMs: 0,
    };
    const placed: PlacedRun = {
      placement,
      renew: async () => ({ isHeld: true, coordinatorLeftMs: LEASE_MS, redisRunId: 'r' }),
      send: (message) => sent.push(message),
      onMessage: () => {},
      flushed: async () => {},
      finish: async () => {},
    };
    const host = new AgentHost(placed, {
      clock,
      clockOriginMs: 0,
      version: '1.0.0',
      startPool: () => {
        throw new Error('it starts no worker');
      },
      prepare: async () => ({ problems: [] }),
      addressesOf: () => ({ current: null, refresh: async () => false, keepFresh: () => {}, stop: () => {} }),
      takeVitals: () => ({ cpuShare: 0, loopDelayMaxMs: 0, rssBytes: 0, fileDescriptors: null }),
    });
    const problems = [problem('it runs dpsload 1.0.0, and the coordinator 2.0.0', 'Install one version')];
    expect(await host.ended).toMatchObject({ problems });
    expect(sent).toEqual([{ type: 'refused', cause: 'version', problems }, { type: 'left' }]);
  });
});
