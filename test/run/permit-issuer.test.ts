import { describe, expect, it } from 'vitest';
import { repeatedRequestsMax } from '../../src/load/permits.ts';
import { PermitIssuer, type PermitIssuerParts } from '../../src/run/permit-issuer.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const FIRST_REQUESTS = 50;

/** A issuer that gives a permit each 100 ms, unless the test wants another, and what it gives. */
function observedIssuer(limits: Partial<PermitIssuerParts> = {}) {
  const clock = new VirtualClock();
  const granted: string[] = [];
  const issuer = new PermitIssuer({
    clock,
    sharePerMinute: 600,
    permitLapseMs: 3_000,
    askedPerSecond: 10,
    retryAfterMaxMs: 60_000,
    grant: (worker, sequence) => granted.push(`${clock.nowMs()}: ${worker}/${sequence}`),
    ...limits,
  });
  return { clock, issuer, granted };
}

describe('permit issuer', () => {
  it('gives permits in the order of requests, each at its time', () => {
    const { clock, issuer, granted } = observedIssuer();
    for (const sequence of [7, 3, 5]) issuer.request(1, sequence, true, FIRST_REQUESTS);
    clock.advanceTo(1_000);
    expect(granted).toEqual(['0: 1/7', '100: 1/3', '200: 1/5']);
    expect(clock.timers).toBe(0);
  });

  it('gives none to those who want it no longer, nor after it is closed', () => {
    const { clock, issuer, granted } = observedIssuer();
    for (const sequence of [0, 1, 2, 3]) issuer.request(sequence % 2, sequence, false, FIRST_REQUESTS);
    issuer.withdraw(1, 1);
    clock.advanceTo(100);
    issuer.close();
    clock.advanceTo(1_000);
    expect(granted).toEqual(['0: 0/0', '100: 0/2']);
  });

  it('holds them for as long as a throttle asks, but no longer than is believed', () => {
    const { clock, issuer, granted } = observedIssuer();
    issuer.throttled(0, 90);
    issuer.request(0, 0, true, FIRST_REQUESTS);
    clock.advanceTo(59_999);
    expect(granted).toEqual([]);
    clock.advanceTo(60_000);
    expect(granted).toEqual(['60000: 0/0']);
  });

  it('without a ceiling, a throttle lowers what the load asks for, or what was launched where that is more', () => {
    const limits = { sharePerMinute: null, askedPerSecond: 60 };
    const { issuer } = observedIssuer(limits);
    expect(issuer.rateAllowedPerSecond).toBeNull();
    issuer.permits.take(0);
    issuer.throttled(50, 1);
    expect(issuer.rateAllowedPerSecond).toBeCloseTo(42, 9);
    const busy = observedIssuer(limits).issuer;
    for (let launched = 0; launched < 100; launched += 1) busy.permits.take(launched);
    busy.throttled(100, 1);
    expect(busy.rateAllowedPerSecond).toBeCloseTo(70, 9);
  });

  it('tells when more requests are repeated than the budget allows', () => {
    const { issuer } = observedIssuer();
    const budget = repeatedRequestsMax(FIRST_REQUESTS);
    const beyond = Array.from({ length: budget + 1 }, (_, sequence) =>
      issuer.request(0, sequence, true, FIRST_REQUESTS),
    );
    expect(beyond).toEqual([...Array.from({ length: budget }, () => false), true]);
  });

  it('counts no first request against it, however many wait for a permit again', () => {
    const { issuer } = observedIssuer();
    for (let sequence = 0; sequence < 1_000; sequence += 1) {
      expect(issuer.request(0, sequence, false, FIRST_REQUESTS)).toBe(false);
    }
    expect(issuer.request(0, 1_000, true, FIRST_REQUESTS)).toBe(false);
  });
});
