import { describe, expect, it } from 'vitest';
import type { SampleRecord } from '../../src/journal/journal-record.ts';
import type { AgentState } from '../../src/worker/worker-pool.ts';
import { AGENTS, agentState } from '../support/agents-journal.ts';
import { FakeWorkers, sessionBench, waveOf } from '../support/session-bench.ts';

/** Three workers, of which the first agent hosts two. */
function bench(rows: number) {
  const workers = new FakeWorkers(3);
  let states: readonly AgentState[] = [
    agentState('west-1', { workers: [0, 1], loopDelayMaxMs: 1 }),
    agentState('west-2', { workers: [2] }),
  ];
  const { advance, outcomes, records } = sessionBench([waveOf(rows)], {
    load: { workers: 3, concurrency: 6 },
    startPool: (request, events) => ({
      ...workers.start(request, events),
      agentOf: (worker) => states.find(({ workers: hosted }) => hosted.includes(worker))?.name ?? null,
      agents: () => states,
    }),
  });
  const samples = () => records.filter((record): record is SampleRecord => record.kind === 'sample');
  const become = (next: readonly AgentState[]): void => {
    states = next;
  };
  return { advance, become, outcomes, samples, workers };
}

describe('a session on agents', () => {
  it('records which agent made a registration, as of the time when it ended', async () => {
    const { advance, become, outcomes, workers } = bench(6);
    await advance(200);
    const rows = workers.held.map((held) => [...held.keys()]);
    workers.settle({}, [...(rows[1] ?? []), ...(rows[2] ?? [])]);
    become([agentState('west-1', { workers: [1] }), agentState('north-1', { workers: [0] })]);
    workers.settle();
    await advance(100);
    const agentOf = Object.fromEntries(outcomes().map(({ row, agent }) => [row, agent]));
    expect(rows.flat()).toHaveLength(6);
    expect(rows.map((ofWorker) => [...new Set(ofWorker.map((row) => agentOf[row]))])).toEqual([
      ['north-1'],
      ['west-1'],
      ['west-2'],
    ]);
  });

  it('records each second how each agent is, from what its workers report', async () => {
    const { advance, samples, workers } = bench(6);
    await advance(500);
    workers.reportHealth(0, { inFlight: 2, launched: 2, startLagMaxMs: 4, loopDelayMaxMs: 7, saturatedMs: 100 });
    workers.reportHealth(1, { inFlight: 1, launched: 2, startLagMaxMs: 6, loopDelayMaxMs: 3, saturatedMs: 300 });
    workers.reportHealth(2, { inFlight: 2, launched: 2, startLagMaxMs: null, loopDelayMaxMs: 1 });
    await advance(1_000);
    const [sample] = samples();
    expect(sample?.agents).toMatchObject([
      // In flight as of the last report, of which there was one more at the whole second.
      { name: 'west-1', workers: [0, 1], launched: 4, startLagMaxMs: 6, loopDelayMaxMs: 7, saturatedMs: 300 },
      { name: 'west-2', workers: [2], launched: 2, startLagMaxMs: null, loopDelayMaxMs: 3.25, cpuShare: 0.4 },
    ]);
    expect(sample?.launched).toBe(6);
  });

  it('introduces each agent once, and again when it comes back as another', async () => {
    const { advance, become, samples } = bench(6);
    await advance(2_500);
    const west = agentState('west-1', { workers: [0, 1] });
    become([west, agentState('north-1', { workers: [2] }), agentState('west-2', { isLost: true, workers: [] })]);
    await advance(1_000);
    become([{ ...west, labels: { region: 'elsewhere' } }, agentState('north-1', { workers: [2] })]);
    await advance(1_000);
    const [first, west2, north] = [AGENTS[0], AGENTS[1], AGENTS[2]];
    expect(samples().map(({ joinedAgents }) => joinedAgents)).toEqual([
      [first, west2],
      [],
      [north],
      [{ ...first, labels: { region: 'elsewhere' } }],
    ]);
    expect(samples()[2]?.agents.map(({ name, isLost }) => [name, isLost])).toEqual([
      ['west-1', false],
      ['north-1', false],
      ['west-2', true],
    ]);
  });

  it('records none where the workers are threads', async () => {
    const { advance, outcomes, records, workers } = sessionBench([waveOf(2)]);
    await advance(1_100);
    workers.settle();
    await advance(200);
    expect(records.filter((record) => record.kind === 'sample')).toMatchObject([
      { agents: [], joinedAgents: [] },
      { agents: [], joinedAgents: [] },
    ]);
    expect(outcomes().map(({ agent }) => agent)).toEqual([null, null]);
  });
});
