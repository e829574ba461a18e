import type { AgentRecord, AgentSample } from '../../src/journal/agent-record.ts';
import type { JournalRecord, OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import type { AgentState } from '../../src/worker/worker-pool.ts';
import { grantRecord, HUBS, outcomeRecord, sampleRecord, sessionOf, stalledTimes } from './sample-journal.ts';

/** Three agents in two regions. */
export const AGENTS = [
  { name: 'west-1', labels: { region: 'westeurope' }, slots: 2, version: '0.1.0' },
  { name: 'west-2', labels: { region: 'westeurope', zone: '2' }, slots: 2, version: '0.1.0' },
  { name: 'north-1', labels: { region: 'northeurope' }, slots: 1, version: '0.1.0' },
] as const satisfies readonly AgentRecord[];

/** The hub that is nearest to each agent. */
const NEAREST = { 'west-1': HUBS[0], 'west-2': HUBS[0], 'north-1': HUBS[1] } as const;

export const AGENTS_RUN = {
  seconds: 40,
  ratePerSecond: 50,
  /** When one agent delays what it does, by how much, and which. */
  stall: { agent: 'west-2', fromMs: 10_000, toMs: 14_000, delayMs: 400 },
  /** When one is away, and which. */
  loss: { agent: 'north-1', fromSecond: 30, toSecond: 35 },
  uncertaintyMs: 0.42,
} as const;

export function agentSample(name: string, changes: Partial<AgentSample> = {}): AgentSample {
  return {
    name,
    workers: [AGENTS.findIndex((agent) => agent.name === name)],
    inFlight: 12,
    launched: 17,
    startLagMaxMs: 2.5,
    loopDelayMaxMs: 3.25,
    saturatedMs: 0,
    cpuShare: 0.4,
    rssBytes: 90_000_000,
    fileDescriptors: 77,
    offsetMs: 1.25,
    offsetUncertaintyMs: 0.3,
    isLost: false,
    ...changes,
  };
}

export function agentState(name: string, changes: Partial<AgentState> = {}): AgentState {
  const record = AGENTS.find((agent) => agent.name === name) ?? AGENTS[0];
  const { workers, cpuShare, rssBytes, fileDescriptors, loopDelayMaxMs, offsetMs, offsetUncertaintyMs } =
    agentSample(name);
  return {
    ...record,
    ...{ workers, cpuShare, rssBytes, fileDescriptors, loopDelayMaxMs, offsetMs, offsetUncertaintyMs },
    isLost: false,
    ...changes,
  };
}

function outcomeOf(row: number): OutcomeRecord {
  const { ratePerSecond, stall, loss } = AGENTS_RUN;
  const intendedAtMs = 1_000 + (row * 1_000) / ratePerSecond;
  const isAway = intendedAtMs >= loss.fromSecond * 1_000 && intendedAtMs < loss.toSecond * 1_000;
  const { name } = AGENTS[row % (isAway ? 2 : 3)] ?? AGENTS[0];
  const isDelayed = name === stall.agent && intendedAtMs >= stall.fromMs && intendedAtMs < stall.toMs;
  const addedMs = isDelayed ? stall.delayMs : 0;
  return outcomeRecord(row, {
    agent: name,
    assignedHub: NEAREST[name],
    intendedAtMs,
    startedAtMs: intendedAtMs + 1,
    finishedAtMs: intendedAtMs + 61 + addedMs,
    waitedMs: 0,
    phases: { dnsMs: null, tcpMs: 1, tlsMs: 5, connackMs: 2, subackMs: 2, acceptedMs: 50 + addedMs, assignedMs: 0 },
    stalled: isDelayed ? stalledTimes({ serviceMs: addedMs, acceptedMs: addedMs }) : null,
  });
}

/** A run at 50/s on three agents, of which one delays its registrations for a while and one is away for a while. */
export function agentsJournal(changes: Partial<SessionRecord> = {}): JournalRecord[] {
  const { seconds, ratePerSecond, loss, uncertaintyMs } = AGENTS_RUN;
  const rows = seconds * ratePerSecond;
  const samples = Array.from({ length: seconds + 1 }, (_, second) =>
    sampleRecord((second + 1) * 1_000, {
      startLagMaxMs: 2.5,
      agents: AGENTS.map(({ name }) => {
        const isLost = name === loss.agent && second >= loss.fromSecond && second < loss.toSecond;
        return agentSample(name, {
          offsetUncertaintyMs: name === 'west-1' ? uncertaintyMs : 0.3,
          ...(isLost ? { isLost, workers: [], inFlight: 0, launched: 0, startLagMaxMs: null } : {}),
        });
      }),
      // The third one joins after the start.
      joinedAgents: second === 0 ? AGENTS : [],
    }),
  );
  const session = {
    loadShape: 'rate',
    ratePerSecond,
    concurrency: 300,
    workers: 3,
    agents: AGENTS.slice(0, 2),
  } as const;
  return [
    sessionOf(rows, { ...session, ...changes }),
    grantRecord(0, rows - 1),
    ...Array.from({ length: rows }, (_, row) => outcomeOf(row)),
    ...samples,
    { kind: 'end', atMs: (seconds + 2) * 1_000, reason: 'completed', message: null },
  ];
}
