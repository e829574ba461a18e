/** Everything in Redis stands under this prefix. */
const PREFIX = 'dpsload';

/** Prefix of BullMQ, which adds the queue's name. */
export const QUEUE_PREFIX = `${PREFIX}:bull`;

/** What a crash leaves behind goes away by itself; longer than any outage that a run survives without a person. */
export const KEYS_EXPIRE_MS = 600_000;
/** How often what is in use gets its time anew. */
export const KEYS_REFRESH_MS = 60_000;

/** Names of all agents, some of which may have gone. */
export const AGENTS_KEY = `${PREFIX}:agents`;

export function presenceKey(agent: string): string {
  return `${PREFIX}:agent:${agent}`;
}

/** BullMQ's queue of an agent; the name of an agent has no colon, which BullMQ could not bear. */
export function queueName(agent: string): string {
  return `agent-${agent}`;
}

export function jobId(runId: string, epoch: number): string {
  return `${runId}-${epoch}`;
}

/** BullMQ's record of a job. */
export function jobKey(agent: string, runId: string, epoch: number): string {
  return `${QUEUE_PREFIX}:${queueName(agent)}:${jobId(runId, epoch)}`;
}

/** BullMQ's lock on a job. */
export function lockKey(agent: string, runId: string, epoch: number): string {
  return `${jobKey(agent, runId, epoch)}:lock`;
}

/** Keys that BullMQ keeps for a queue even while it is empty, or may leave behind. */
export function queueKeys(agent: string): readonly string[] {
  const parts = [
    'meta',
    'id',
    'events',
    'wait',
    'active',
    'marker',
    'completed',
    'failed',
    'stalled',
    'stalled-check',
    'pc',
  ];
  return parts.map((part) => `${QUEUE_PREFIX}:${queueName(agent)}:${part}`);
}

export function coordinatorKey(runId: string): string {
  return `${PREFIX}:run:${runId}:coordinator`;
}

/** The stream of all agents to the coordinator. */
export function inboundKey(runId: string): string {
  return `${PREFIX}:run:${runId}:from`;
}

/** The stream to one agent, for one placement. */
export function outboundKey(runId: string, epoch: number): string {
  return `${PREFIX}:run:${runId}:to:${epoch}`;
}

/** The one consumer group of an outbound stream: it remembers what was handed out. */
export const GROUP = 'agent';
