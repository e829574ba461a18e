import { describe, expect, it } from 'vitest';
import type { SessionRecord } from '../../src/journal/journal-record.ts';
import { setupDifferences } from '../../src/report/setup-differences.ts';
import { AGENTS } from '../support/agents-journal.ts';
import { summaryFrom } from '../support/run-measures.ts';
import { outcomeRecord, SETUP } from '../support/sample-journal.ts';

const BEFORE: Partial<SessionRecord> = {
  loadShape: 'rate',
  ratePerSecond: 50,
  concurrency: 100,
  workers: 2,
  setup: SETUP,
};
const OTHER_MACHINE = { node: 'v22.1.0', openssl: '3.5.0', cpu: 'Another CPU', cores: 8 } as const;

/** Of runs that are alike but for this. */
function differencesOf(before: Partial<SessionRecord>, after: Partial<SessionRecord>): readonly string[] {
  const run = (changes: Partial<SessionRecord>) => summaryFrom([outcomeRecord(0)], { ...BEFORE, ...changes });
  return setupDifferences(run(before), run(after));
}

describe('what was run differently', () => {
  it.each<[string, Partial<SessionRecord>, string]>([
    ['version', { dpsloadVersion: '9.9.9' }, 'dpsload 9.9.9 instead of 0.1.0'],
    ['rate', { ratePerSecond: 25 }, 'load 25/s instead of 50/s'],
    ['shape', { loadShape: 'at-once', ratePerSecond: null }, 'load all at once instead of 50/s'],
    ['concurrency', { concurrency: 7 }, 'concurrency 7 instead of 100'],
    ['workers', { workers: 3 }, 'workers 3 instead of 2'],
    ['part of the fleet', { rowsMax: 10 }, 'rows 10 instead of whole fleet'],
    [
      'agents instead of threads',
      { agents: AGENTS },
      'agents 3: region=northeurope 1, region=westeurope 2, zone=2 1 instead of none',
    ],
    ['API version', { apiVersion: '2025-07-01-preview' }, 'API version 2025-07-01-preview instead of 2021-06-01'],
    [
      'transport',
      { setup: { ...SETUP, transport: 'websocket' } },
      'transport MQTT over WebSocket over TLS instead of MQTT over TLS',
    ],
    [
      'TLS version',
      { setup: { ...SETUP, tlsVersion: 'TLSv1.2' } },
      'TLS 1.2, allowed TLS 1.2 to TLS 1.3 instead of TLS 1.3, allowed TLS 1.2 to TLS 1.3',
    ],
    [
      'poll delay',
      { setup: { ...SETUP, pollDelayMs: 1_000 } },
      'poll delay as the service asks, at least 0.1 s; without a retry-after 1.0 s instead of as the service asks, at least 0.1 s; without a retry-after 2.0 s',
    ],
  ])('is named: %s', (_, changes, text) => {
    expect(differencesOf({}, changes)).toEqual([text]);
  });

  it('is named, all of it', () => {
    expect(differencesOf({}, { ratePerSecond: 25, setup: { ...SETUP, ...OTHER_MACHINE } })).toEqual([
      'load 25/s instead of 50/s',
      'Node v22.1.0, OpenSSL 3.5.0 instead of v20.19.0, OpenSSL 3.0.15',
      'CPU 8 cores of Another CPU instead of 2 cores of Sample CPU',
    ]);
  });

  it('is named where agents are fewer, or elsewhere', () => {
    const [west, ...others] = AGENTS;
    const [elsewhere] = differencesOf({ agents: [west] }, { agents: [{ ...west, labels: { region: 'eastus' } }] });
    expect(elsewhere).toBe('agents 1: region=eastus 1 instead of 1: region=westeurope 1');
    expect(differencesOf({ agents: AGENTS }, { agents: others })).toEqual([
      'agents 2: region=northeurope 1, region=westeurope 1, zone=2 1 instead of 3: region=northeurope 1, region=westeurope 2, zone=2 1',
    ]);
    const renamed = AGENTS.map((agent) => ({ ...agent, name: `other-${agent.name}` }));
    expect(differencesOf({ agents: AGENTS }, { agents: renamed })).toEqual([]);
  });

  it('is nothing where a run has not recorded it, or never agreed on it', () => {
    const batches = { loadShape: 'batches', ratePerSecond: null } as const;
    const recorded = { ...batches, setup: { ...SETUP, batch: { size: 9, everyMs: 1_000 } } };
    expect(differencesOf(recorded, { ...batches, setup: null })).toEqual([]);
    expect(differencesOf({ setup: { ...SETUP, tlsVersion: null } }, {})).toEqual([]);
    expect(differencesOf({ loadShape: null, ratePerSecond: null }, {})).toEqual([]);
    expect(differencesOf({}, {})).toEqual([]);
  });
});
