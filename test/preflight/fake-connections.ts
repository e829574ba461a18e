import type { ConnectionFailure } from '../../src/conversation/connection-failure.ts';
import type { ConversationIdentity, OpenConversation } from '../../src/conversation/conversation.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

/** How one connection goes: times in milliseconds from its opening; `null` = that phase is never reached. */
export type FakeConnection = {
  readonly tcpAtMs: number | null;
  readonly tlsAtMs: number | null;
  readonly endAtMs: number | null;
  /** `null` = accepted at `endAtMs`. */
  readonly failure: ConnectionFailure | null;
};

export const ACCEPTED: FakeConnection = { tcpAtMs: 5, tlsAtMs: 17, endAtMs: 47, failure: null };

export function failing(code: ConnectionFailure['code']): FakeConnection {
  return { ...ACCEPTED, failure: { code, message: `failed with ${code}` } };
}

/** Opens the given connections one after the other; the last one is repeated. */
export function fakeConnections(clock: VirtualClock, script: readonly FakeConnection[]) {
  const openedAtMs: number[] = [];
  const identities: ConversationIdentity[] = [];
  let closed = 0;
  const open: OpenConversation = (identity, onEvent) => {
    const { tcpAtMs, tlsAtMs, endAtMs, failure } = script[Math.min(openedAtMs.length, script.length - 1)] ?? ACCEPTED;
    const startedAtMs = clock.nowMs();
    openedAtMs.push(startedAtMs);
    identities.push(identity);
    const timers = [
      { atMs: tcpAtMs, event: { type: 'tcpConnected' } as const },
      { atMs: tlsAtMs, event: { type: 'secured' } as const },
      {
        atMs: endAtMs,
        event: failure === null ? ({ type: 'connected' } as const) : ({ type: 'lost', failure } as const),
      },
    ].flatMap(({ atMs, event }) => (atMs === null ? [] : [clock.wakeAt(startedAtMs + atMs, () => onEvent(event))]));
    return {
      register: () => {
        throw new Error('nothing is registered');
      },
      poll: () => {
        throw new Error('nothing is registered');
      },
      close: () => {
        closed += 1;
        for (const timer of timers) timer.cancel();
      },
    };
  };
  return { open, openedAtMs, identities, closed: () => closed };
}

/** Lets virtual time pass until `work` is settled; files are read meanwhile. */
export async function inVirtualTime<Value>(clock: VirtualClock, work: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  work.then(settle, settle);
  while (!isSettled) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.runToEnd();
  }
  return work;
}
