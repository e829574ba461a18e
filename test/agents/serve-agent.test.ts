import { describe, expect, it } from 'vitest';
import type { AgentBus, PlacedRun } from '../../src/agents/agent-bus.ts';
import { LEASE_MS } from '../../src/agents/lease.ts';
import { type ServeParts, serveAgent } from '../../src/agents/serve-agent.ts';
import { problem } from '../../src/problem/operator-error.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** An agent whose announcements get these answers, the last again and again; `null` = Redis does not answer. No run is placed on it. */
async function serve(answers: readonly (boolean | null)[]): Promise<readonly string[]> {
  const clock = new VirtualClock();
  const told: string[] = [];
  let asked = 0;
  const bus: AgentBus = {
    async announce() {
      const answer = answers[Math.min(asked, answers.length - 1)] ?? null;
      asked += 1;
      if (answer === null) throw new Error('Command timed out');
      return answer;
    },
    withdraw: async () => {},
    nextPlacement: async () => null,
    close: async () => {
      told.push('closed');
    },
  };
  const serving = serveAgent({
    bus,
    agent: { name: 'a', labels: {}, slots: 1, version: '1.0.0' },
    host: { clock } as Partial<ServeParts['host']> as ServeParts['host'],
    stops: { onRequest: () => {} },
    onReady: () => told.push('ready'),
    log: () => {},
  }).catch((error: Error) => told.push(error.message));
  for (let second = 1; second <= 20; second += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advanceTo(second * 1_000);
  }
  await serving;
  return told;
}

describe('an agent that claims its name', () => {
  it('outlasts a Redis that does not answer for a moment', async () => {
    expect(await serve([null, null, true])).toEqual(['ready', 'closed']);
  });

  it('waits until one that was killed is forgotten', async () => {
    expect(await serve([false, false, false, true])).toEqual(['ready', 'closed']);
  });

  it('gives up, and closes what it has opened, when another one stays', async () => {
    expect(await serve([false])).toEqual(['closed', expect.stringContaining('an agent named a is there already')]);
  });

  it('gives up, and closes what it has opened, when Redis never answers', async () => {
    expect(await serve([null])).toEqual(['closed', expect.stringContaining('Redis does not answer')]);
  });
});

describe('an agent that refuses a run', () => {
  it('says on its own machine why, and what to do', async () => {
    const clock = new VirtualClock();
    const placed = {
      placement: { runId: 'run-1', version: '1.0.0', epoch: 1, redisRunId: 'r', nameResolution: { cacheMs: null } },
      renew: async () => ({ isHeld: true, coordinatorLeftMs: LEASE_MS, redisRunId: 'r' }),
      send: () => {},
      onMessage: () => {},
      flushed: async () => {},
      finish: async () => {},
    } as unknown as PlacedRun;
    const placements = [placed];
    const said: string[] = [];
    const host: Partial<ServeParts['host']> = {
      ...{ clock, clockOriginMs: 0, version: '1.0.0', startPool: () => ({}) as never },
      prepare: async () => ({ problems: [problem('the target is a.example', 'Start the agent with --allow-target')] }),
      addressesOf: () => ({ current: null, refresh: async () => false, keepFresh: () => {}, stop: () => {} }),
      takeVitals: () => ({ cpuShare: 0, loopDelayMaxMs: 0, rssBytes: 0, fileDescriptors: null }),
    };
    await serveAgent({
      bus: {
        announce: async () => true,
        withdraw: async () => {},
        nextPlacement: async () => placements.shift() ?? null,
        close: async () => {},
      },
      agent: { name: 'a', labels: {}, slots: 1, version: '1.0.0' },
      host: host as ServeParts['host'],
      stops: { onRequest: () => {} },
      onReady: () => {},
      log: (text) => said.push(text),
    });
    expect(said).toEqual([
      'serves run run-1',
      'run run-1: refused: the target is a.example. Start the agent with --allow-target.',
    ]);
  });
});
