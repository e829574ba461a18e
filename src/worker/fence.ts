import type { Conversation, OpenConversation } from '../conversation/conversation.ts';
import type { Clock, Timer } from '../time/clock.ts';

/**
 * Until when the workers of an agent may send, shared by all its threads, so that none has to be told: a process that was stopped reads it
 * before it does anything else. Two moments in whole milliseconds, on the agent's clock and on the wall clock: while a machine sleeps, only
 * the latter goes on.
 */
export type Fence = SharedArrayBuffer;

const LEASE_OVER = { code: 'tcp-failed', message: 'this agent may not send any more: its lease is over' } as const;

const CLOCK = 0;
const WALL = 1;

/** Closed. */
export function newFence(): Fence {
  return new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
}

/** Opens the fence until the first of two moments. */
export function openFence(fence: Fence, untilMs: number, untilEpochMs: number): void {
  const moments = new BigInt64Array(fence);
  Atomics.store(moments, CLOCK, BigInt(Math.floor(untilMs)));
  Atomics.store(moments, WALL, BigInt(Math.floor(untilEpochMs)));
}

export function closeFence(fence: Fence): void {
  openFence(fence, 0, 0);
}

export function isClosed(fence: Fence, clock: Pick<Clock, 'nowMs' | 'epochMs'>): boolean {
  return openForMs(fence, clock) <= 0;
}

/** How long it stays open; negative once it is closed. */
export function openForMs(fence: Fence, clock: Pick<Clock, 'nowMs' | 'epochMs'>): number {
  const moments = new BigInt64Array(fence);
  const left = (moment: number, nowMs: number): number => Number(Atomics.load(moments, moment)) - nowMs;
  return Math.min(left(CLOCK, clock.nowMs()), left(WALL, clock.epochMs()));
}

/**
 * Conversations that open no connection and send no register request while the fence is closed: their connection is then lost. Polls pass,
 * since they change nothing at the service. A request that is not sent is reported at once, so that no report of the worker counts it.
 */
export function fencedConversations(open: OpenConversation, fence: Fence, clock: Clock): OpenConversation {
  return (identity, onEvent) => {
    let timer: Timer | null = null;
    let inner: Conversation | null = null;
    if (isClosed(fence, clock))
      timer = clock.wakeAt(clock.nowMs(), () => onEvent({ type: 'lost', failure: LEASE_OVER }));
    else inner = open(identity, onEvent);
    return {
      register(payloadJson) {
        if (!isClosed(fence, clock)) {
          inner?.register(payloadJson);
          return;
        }
        inner?.close();
        onEvent({ type: 'unsent', failure: LEASE_OVER });
      },
      poll: (operationId) => inner?.poll(operationId),
      close() {
        timer?.cancel();
        inner?.close();
      },
    };
  };
}
