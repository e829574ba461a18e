import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InboundMessages, OutboundMessages, type StreamEntry } from '../../src/agents/message-stream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What became of an entry: whether Redis has it, and whether the sender knows. */
type Fate = 'accepted' | 'lost' | 'answer lost';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends 1 to `count`, one each 10 ms, to a Redis that treats entries as `fates` say, and then accepts all. */
async function sendAll(count: number, fates: readonly Fate[]) {
  const clock = new VirtualClock();
  const inbound = new InboundMessages<number>();
  const received: number[] = [];
  const entries: StreamEntry<number>[] = [];
  const outbound = new OutboundMessages<number>(clock, async (entry) => {
    const fate = fates[entries.length] ?? 'accepted';
    entries.push(entry);
    if (fate !== 'lost') received.push(...inbound.take(entry));
    if (fate !== 'accepted') throw new Error('no answer');
  });
  for (let message = 1; message <= count; message += 1) clock.wakeAt(message * 10, () => outbound.send(message));
  for (let atMs = 0; atMs <= count * 10 + (fates.length + 1) * 100; atMs += 10) {
    clock.advanceTo(atMs);
    await turn();
  }
  return { clock, entries, outbound, received };
}

describe('a stream of messages', () => {
  it('arrives in order, none lost and none twice, whatever happens to entries and answers', async () => {
    const FATES = fc.array(fc.constantFrom<Fate>('accepted', 'lost', 'answer lost'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(FATES, async (fates) => {
        const { received } = await sendAll(30, fates);
        expect(received).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });

  it('takes nothing for never arrived of which an earlier copy may have arrived', async () => {
    const FATES = fc.array(fc.constantFrom<Fate>('accepted', 'lost', 'answer lost'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(FATES, fc.nat({ max: 20 }), async (fates, handedOut) => {
        const { entries, outbound } = await sendAll(30, fates);
        const held = entries.filter((_, index) => fates[index] !== 'lost');
        const arrived = new Set(held.slice(0, handedOut).flatMap(({ messages }) => messages));
        const never = outbound.neverArrived(held.slice(handedOut));
        expect(never.filter((message) => arrived.has(message))).toEqual([]);
        if (fates.every((fate) => fate === 'accepted')) expect(never.length).toBe(30 - arrived.size);
      }),
      { numRuns: 50 },
    );
  });

  it('puts what is sent in one moment into one entry', async () => {
    const clock = new VirtualClock();
    const entries: StreamEntry<string>[] = [];
    const outbound = new OutboundMessages<string>(clock, async (entry) => {
      entries.push(entry);
    });
    for (const message of ['a', 'b', 'c']) outbound.send(message);
    clock.advanceTo(0);
    await turn();
    expect(entries).toEqual([{ first: 1, messages: ['a', 'b', 'c'] }]);
  });

  it('gives back what Redis surely never got, without the entry on its way, and sends nothing more', async () => {
    const clock = new VirtualClock();
    const entries: StreamEntry<string>[] = [];
    const outbound = new OutboundMessages<string>(clock, (entry) => {
      entries.push(entry);
      return new Promise(() => {});
    });
    outbound.send('on its way');
    clock.advanceTo(0);
    outbound.send('waits');
    const flushed = outbound.flushed();
    expect(outbound.stop()).toEqual(['waits']);
    await flushed;
    outbound.send('too late');
    clock.advanceTo(60_000);
    expect(entries).toHaveLength(1);
  });
});
