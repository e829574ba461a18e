import { describe, expect, it } from 'vitest';
import { HubDistribution, isExpectedHub } from '../../src/metrics/hub-distribution.ts';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { LATENCY_METRICS } from '../../src/metrics/latency-metric.ts';
import { ERROR_GROUPS_MAX, OutcomeCounts } from '../../src/metrics/outcome-counts.ts';
import { RunTotals } from '../../src/metrics/run-totals.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { HUBS, notAssigned, outcomeRecord } from '../support/sample-journal.ts';

function fold<F extends { add(outcome: RegistrationOutcome): void }>(
  into: F,
  outcomes: readonly RegistrationOutcome[],
): F {
  for (const outcome of outcomes) into.add(outcome);
  return into;
}

describe('latency', () => {
  it('of assigned registrations: every metric has its own figure', () => {
    const latency = fold(new LatencyHistograms(), [
      outcomeRecord(0, {
        intendedAtMs: 0,
        startedAtMs: 103,
        finishedAtMs: 1107,
        heldMs: 100,
        waitedMs: 500,
        phases: { dnsMs: 10, tcpMs: 11, tlsMs: 12, connackMs: 13, subackMs: 14, acceptedMs: 15, assignedMs: 16 },
      }),
    ]);
    const medians = LATENCY_METRICS.map((metric) => [metric, latency.of(metric).percentileMs(50)]);
    expect(Object.fromEntries(medians)).toEqual({
      response: 1107,
      held: 100,
      startLag: 3,
      service: 504,
      waited: 500,
      dns: 10,
      tcp: 11,
      tls: 12,
      connack: 13,
      suback: 14,
      accepted: 15,
      assigned: 16,
      // By the service's own clock.
      allocation: 210,
      responseNotAssigned: null,
    });
  });

  it.each(REGISTRATION_RESULTS)('%s: counts where it belongs', (result) => {
    const latency = fold(new LatencyHistograms(), [outcomeRecord(0, { result })]);
    const assigned = result === 'assigned' ? 1 : 0;
    const apart = ['assigned', 'cancelled'].includes(result) ? 0 : 1;
    expect([latency.of('service').count, latency.of('accepted').count]).toEqual([assigned, assigned]);
    expect(latency.of('responseNotAssigned').count).toBe(apart);
  });

  it('of what never started, and of phases never reached, is not counted', () => {
    const latency = fold(new LatencyHistograms(), [
      outcomeRecord(0, notAssigned({ result: 'not-started', startedAtMs: null, finishedAtMs: null })),
      outcomeRecord(1, { phases: { ...outcomeRecord(1).phases, tlsMs: null } }),
    ]);
    expect(latency.of('responseNotAssigned').count).toBe(0);
    expect([latency.of('tls').count, latency.of('tcp').count]).toEqual([0, 1]);
  });
});

describe('hubs', () => {
  it('are counted for assigned registrations, the largest first', () => {
    const hubs = fold(new HubDistribution(), [
      ...[0, 1, 2, 3].map((row) => outcomeRecord(row, { assignedHub: HUBS[1] })),
      outcomeRecord(4, { assignedHub: HUBS[2] }),
      outcomeRecord(5, { assignedHub: HUBS[0], expectedHub: HUBS[0].toUpperCase() }),
      outcomeRecord(6, { assignedHub: HUBS[1], expectedHub: HUBS[0] }),
      outcomeRecord(7, notAssigned({ result: 'failed', expectedHub: HUBS[0] })),
    ]);
    expect(hubs.shares()).toEqual([
      { hub: HUBS[1], count: 5, share: 5 / 7 },
      { hub: HUBS[0], count: 1, share: 1 / 7 },
      { hub: HUBS[2], count: 1, share: 1 / 7 },
    ]);
    expect([hubs.asExpected, hubs.elsewhere, hubs.expecting]).toEqual([1, 1, 3]);
  });

  it.each([
    [null, 'a', null],
    ['a', null, null],
    ['a.net', 'A.net', true],
    ['a.net', 'b.net', false],
  ])('assigned %s, expected %s: %s', (assignedHub, expectedHub, expected) => {
    expect(isExpectedHub(outcomeRecord(0, { assignedHub, expectedHub }))).toBe(expected);
  });
});

describe('outcomes', () => {
  it('are counted by result, and none is lost', () => {
    const outcomes = REGISTRATION_RESULTS.flatMap((result, index) =>
      Array.from({ length: index + 1 }, (_, row) => outcomeRecord(row, { result })),
    );
    const counts = fold(new OutcomeCounts(), outcomes);
    expect(counts.byResult()).toEqual(
      Object.fromEntries(REGISTRATION_RESULTS.map((result, index) => [result, index + 1])),
    );
    expect(counts.of(...REGISTRATION_RESULTS)).toBe(outcomes.length);
  });

  it('are grouped by code where they failed, with the first message and row', () => {
    const failed = (row: number, errorCode: string | null, errorMessage: string | null) =>
      outcomeRecord(row, notAssigned({ result: 'failed', errorCode, errorMessage }));
    const counts = fold(new OutcomeCounts(), [
      outcomeRecord(0),
      failed(1, '404201', 'not found'),
      failed(2, '401000', 'Unauthorized'),
      failed(3, '401000', 'Unauthorized again'),
      failed(4, null, null),
      outcomeRecord(5, notAssigned({ result: 'cancelled', errorCode: 'deadline' })),
    ]);
    expect(counts.errors()).toEqual([
      { code: '401000', count: 2, message: 'Unauthorized', firstRow: 2 },
      { code: '404201', count: 1, message: 'not found', firstRow: 1 },
      { code: 'failed', count: 1, message: null, firstRow: 4 },
    ]);
  });

  it('with codes without end are grouped within bounds', () => {
    const counts = fold(
      new OutcomeCounts(),
      Array.from({ length: 3 * ERROR_GROUPS_MAX }, (_, row) =>
        outcomeRecord(row, { result: 'failed', errorCode: `${row}` }),
      ),
    );
    expect(counts.errors()).toHaveLength(ERROR_GROUPS_MAX + 1);
    expect(counts.errors()[0]).toMatchObject({ code: 'other', count: 2 * ERROR_GROUPS_MAX });
  });
});

describe('totals', () => {
  it('add up over the sessions, each with its own clock', () => {
    const totals = new RunTotals();
    totals.beginSession();
    fold(totals, [
      outcomeRecord(0, { startedAtMs: 1000, finishedAtMs: 2000, throttles: 1, registersSent: 2, polls: 3 }),
      outcomeRecord(1, { startedAtMs: 500, finishedAtMs: 3000, staleAnswers: 1, serverErrors: 4 }),
      outcomeRecord(
        2,
        notAssigned({ result: 'not-started', startedAtMs: null, finishedAtMs: null, registersSent: 0, polls: 0 }),
      ),
    ]);
    totals.beginSession();
    fold(totals, [outcomeRecord(2, { startedAtMs: 100, finishedAtMs: 600, retryAftersClamped: 1, attempts: 2 })]);
    expect(totals.values()).toEqual({
      ended: 3,
      registersSent: 4,
      polls: 5,
      throttles: 1,
      serverErrors: 4,
      staleAnswers: 1,
      retryAftersClamped: 1,
      connections: 5,
      activeMs: 3000,
      endedPerSecond: 1,
    });
  });

  it('have no rate when nothing was registered', () => {
    expect(new RunTotals().values()).toMatchObject({ activeMs: 0, endedPerSecond: null });
  });
});
