import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GIVE_UP_MARGIN_MS, LEASE_MS, LeaseWatch, leaseEndMs, OwnLease } from '../../src/agents/lease.ts';

/** A look that took 10 ms. */
function look(sentAtMs: number, leftMs: number | null) {
  return { sentAtMs, receivedAtMs: sentAtMs + 10, leftMs };
}

describe("an agent's lease", () => {
  it.each([
    ['its own lease is the shorter one', 5_000, 1_000 + LEASE_MS],
    ["the coordinator's is the shorter one", 4_200, 5_200],
    ["the coordinator's is almost over", 1, 1_001],
  ])('ends in time where %s', (_, coordinatorLeftMs, endMs) => {
    expect(leaseEndMs(1_000, coordinatorLeftMs)).toBe(endMs);
  });
});

describe('LeaseWatch', () => {
  it('expects nothing of an agent that has not taken its placement', () => {
    const watch = new LeaseWatch();
    watch.looked(look(0, null));
    watch.looked(look(60_000, null));
    expect(watch.overAtMs).toBeNull();
  });

  it('gives up a margin after the look that found the lock expired', () => {
    const watch = new LeaseWatch();
    watch.looked(look(0, LEASE_MS));
    watch.looked(look(4_990, 10));
    expect(watch.overAtMs).toBeNull();
    watch.looked(look(5_100, null));
    watch.looked(look(5_200, null));
    expect(watch.overAtMs).toBe(5_110 + GIVE_UP_MARGIN_MS);
  });

  it('waits for a whole lease where the lock vanished before its time: the clock of Redis was set', () => {
    const watch = new LeaseWatch();
    watch.looked(look(1_000, 4_800));
    watch.looked(look(1_250, null));
    expect(watch.overAtMs).toBe(1_260 + LEASE_MS + GIVE_UP_MARGIN_MS);
  });

  it('ignores a look that was on its way when the agent took its placement', () => {
    const watch = new LeaseWatch();
    watch.taken(1_005);
    watch.looked(look(1_000, null));
    expect(watch.overAtMs).toBeNull();
  });

  it("waits for the end of the coordinator's own lease while it sees no locks", () => {
    const own = new OwnLease(0);
    own.renewed(2_000);
    const watch = new LeaseWatch();
    watch.looked(look(1_900, 4_000));
    watch.blind(own.endMs);
    expect(watch.overAtMs).toBe(2_000 + LEASE_MS + GIVE_UP_MARGIN_MS);
  });

  it('never gives an agent up that may still send, whatever is cut off and when', () => {
    const RENEWALS = fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(RENEWALS, fc.nat({ max: 8 }), fc.nat({ max: 300 }), (delaysMs, reachedRenewals, lookDelayMs) => {
        const watch = new LeaseWatch();
        let lockUntilMs = 0;
        let agentUntilMs = 0;
        // The agent renews every second; what comes after `reachedRenewals` is lost on the way.
        for (const [index, delayMs] of delaysMs.slice(0, Math.max(1, reachedRenewals)).entries()) {
          const sentAtMs = index * 1_000;
          lockUntilMs = sentAtMs + delayMs + LEASE_MS;
          agentUntilMs = leaseEndMs(sentAtMs, LEASE_MS);
        }
        for (let atMs = 500; watch.overAtMs === null; atMs += 250) {
          const seenAtMs = atMs + lookDelayMs;
          const leftMs = lockUntilMs > seenAtMs ? lockUntilMs - seenAtMs : null;
          watch.looked({ sentAtMs: atMs, receivedAtMs: atMs + 2 * lookDelayMs, leftMs });
        }
        expect(watch.overAtMs).toBeGreaterThanOrEqual(agentUntilMs + GIVE_UP_MARGIN_MS);
      }),
    );
  });
});
