import { describe, expect, it } from 'vitest';
import type { SessionRecord } from '../../src/journal/journal-record.ts';
import { describeLoad, describeSetup, setupRows } from '../../src/report/setup-text.ts';
import type { SessionSummary } from '../../src/report/summary.ts';
import { SETUP, sessionRecord } from '../support/sample-journal.ts';

function summaryOf(changes: Partial<SessionRecord>): SessionSummary {
  const { startedAtEpochMs, ...record } = sessionRecord({ setup: SETUP, ...changes });
  return { ...record, startedAt: new Date(startedAtEpochMs).toISOString() };
}

describe('what was run', () => {
  it.each<[string, Partial<SessionRecord>]>([
    ['50/s', { loadShape: 'rate', ratePerSecond: 50 }],
    ['16.7/s', { loadShape: 'rate', ratePerSecond: 1000 / 60 }],
    ['as slots become free', { loadShape: 'closed' }],
    ['all at once', { loadShape: 'at-once' }],
    ['100 devices every 8.0 s', { loadShape: 'batches', setup: { ...SETUP, batch: { size: 100, everyMs: 8_000 } } }],
    [
      '20/s for 10 s, then to 60/s within 20 s, then pause of 1 min 30 s, then 30/s for 6.0 s',
      {
        loadShape: 'stages',
        setup: {
          ...SETUP,
          stages: [
            { ratePerSecond: 20, forMs: 10_000, ramp: false },
            { ratePerSecond: 60, forMs: 20_000, ramp: true },
            { ratePerSecond: 0, forMs: 90_000, ramp: false },
            { ratePerSecond: 30, forMs: 6_000, ramp: false },
          ],
        },
      },
    ],
    ['in stages', { loadShape: 'stages', setup: null }],
    ['not recorded', { loadShape: null, setup: null }],
  ])('is a load of %s', (text, changes) => {
    expect(describeLoad(summaryOf(changes))).toBe(text);
  });

  it('is one sentence on the page, with what all times depend on', () => {
    expect(describeSetup(summaryOf({ loadShape: 'rate', ratePerSecond: 50 }))).toBe(
      'Load: 50/s, with 100 slots, by MQTT over TLS (TLS 1.3), from Node v20.19.0 on 2 cores of Sample CPU.',
    );
    expect(describeSetup(summaryOf({ loadShape: 'closed', setup: null }))).toBe(
      'Load: as slots become free, with 100 slots.',
    );
  });

  it('names transport, TLS, poll delay and machine, and leaves out what was not recorded', () => {
    expect(Object.fromEntries(setupRows(summaryOf({ loadShape: 'closed' })))).toMatchObject({
      load: 'as slots become free',
      concurrency: '100',
      transport: 'MQTT over TLS',
      TLS: 'TLS 1.3, allowed TLS 1.2 to TLS 1.3',
      'poll delay': 'as the service asks, at least 0.1 s; without a retry-after 2.0 s',
      Node: 'v20.19.0, OpenSSL 3.0.15',
      'operating system': 'Linux 6.1.0 x64',
      CPU: '2 cores of Sample CPU',
    });
    const before = setupRows(summaryOf({ setup: null })).map(([name]) => name);
    expect(before).toEqual(['load', 'concurrency', 'workers', 'rows', 'attestation', 'API version']);
  });
});
