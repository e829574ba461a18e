import { describe, expect, it } from 'vitest';
import { type SessionEnd, SessionEnding } from '../../src/run/session-ending.ts';
import type { ToWorker } from '../../src/worker/worker-messages.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const FINISH_GRACE_MS = 30_000;
const CANCEL_GRACE_MS = 2_000;

const IN_ORDER = { reason: 'interrupted', urgency: 'finish-in-flight' } as const;
const AT_ONCE = { reason: 'terminated', urgency: 'at-once' } as const;
const OUTAGE = { reason: 'outage', message: 'nobody answers' } as const;

function begin() {
  const clock = new VirtualClock();
  const sent: ToWorker['type'][] = [];
  const ends: SessionEnd[] = [];
  const ending = new SessionEnding(clock, { sendAll: ({ type }) => sent.push(type) }, (end) => ends.push(end));
  let isAbandoned = false;
  void ending.abandoned.then(() => {
    isAbandoned = true;
  });
  /** Whether what is in flight has been given up at `atMs`. */
  const abandonedAt = async (atMs: number): Promise<boolean> => {
    clock.advanceTo(atMs);
    await Promise.resolve();
    return isAbandoned;
  };
  return { clock, sent, ends, ending, abandonedAt };
}

describe('the end of a session', () => {
  it('in order lets what is in flight finish for half a minute, and then cancels it', async () => {
    const { sent, ends, ending, abandonedAt } = begin();
    expect(ending.end).toBeNull();
    ending.stop(IN_ORDER);
    expect(ends).toEqual([{ reason: 'interrupted', message: null, atOnce: false }]);
    expect(ending.end).toBe(ends[0]);
    expect(await abandonedAt(FINISH_GRACE_MS - 1)).toBe(false);
    expect(sent).toEqual(['dropWaiting']);
    expect(await abandonedAt(FINISH_GRACE_MS)).toBe(false);
    expect(sent).toEqual(['dropWaiting', 'cancelAll']);
  });

  it('at once cancels what is in flight, and gives up what is not reported within two seconds', async () => {
    const { sent, ends, ending, abandonedAt } = begin();
    ending.stop(IN_ORDER);
    expect(await abandonedAt(500)).toBe(false);
    ending.stop(AT_ONCE);
    expect(ending.end).toEqual({ reason: 'terminated', message: null, atOnce: true });
    expect(ends).toHaveLength(1);
    expect(sent).toEqual(['dropWaiting', 'cancelAll']);
    expect(await abandonedAt(500 + CANCEL_GRACE_MS - 1)).toBe(false);
    expect(await abandonedAt(500 + CANCEL_GRACE_MS)).toBe(true);
    await abandonedAt(2 * FINISH_GRACE_MS);
    expect(sent).toEqual(['dropWaiting', 'cancelAll']);
  });

  it('has the first cause, unless the user stops at once', () => {
    const { sent, ends, ending } = begin();
    ending.endFor(OUTAGE);
    ending.endFor({ reason: 'surprises', message: 'too many' });
    ending.stop(IN_ORDER);
    expect(ends).toEqual([{ ...OUTAGE, atOnce: false }]);
    expect([ending.end, sent]).toEqual([ends[0], ['dropWaiting']]);
    ending.stop(AT_ONCE);
    expect(ending.end?.reason).toBe('terminated');
  });

  it('leaves no timer behind once it is closed', () => {
    const { clock, sent, ending } = begin();
    ending.endFor(OUTAGE);
    ending.close();
    expect(clock.timers).toBe(0);
    clock.advanceTo(2 * FINISH_GRACE_MS);
    expect(sent).toEqual(['dropWaiting']);
  });
});
