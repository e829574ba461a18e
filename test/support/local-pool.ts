import type { WorkerPool, WorkerPoolEvents } from '../../src/worker/worker-pool.ts';

/** What a pool says that has no agents. */
export const NO_AGENTS: Pick<WorkerPool, 'agentOf' | 'agents' | 'journalSyncing' | 'replacementsMax'> = {
  agentOf: () => null,
  agents: () => [],
  journalSyncing: () => () => {},
  replacementsMax: 5,
};

/** Listeners for a pool without agents. */
export const NO_AGENTS_HEARD: Pick<WorkerPoolEvents, 'silent' | 'starved'> = {
  silent: () => {},
  starved: () => {},
};
