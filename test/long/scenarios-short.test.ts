import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shippedScenarios } from '../../src/cli/host/shipped-scenarios.ts';
import type { JourneyEnd } from '../../src/cli/view/journey-text.ts';
import type { Summary } from '../../src/report/summary.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { readResultRows } from '../support/results.ts';
import { documentedLines, isJourney, runScenario, startsAgents } from '../support/shipped-scenario-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Of each scenario here; the whole fleets are for the long tests. */
const DEVICES = 30;

/** No scenario waits longer than this when the emulator tells it to. */
const SHORT = { DPSLOAD_RETRY_AFTER_MAX: '200ms' };

/** One worker, or one for each agent that the scenario starts. */
const small = (text: string): readonly string[] => {
  const agents = /^ {2}localAgents: \[(.*)\]$/m.exec(text)?.[1]?.split(', ').length ?? 1;
  return ['--limit', String(DEVICES), '--workers', String(agents), '--json'];
};

/** In place of those of the file, which want more devices. */
const thresholds = (text: string): readonly string[] => [
  ...['--threshold', 'count(failed) == 0'],
  ...(text.includes('\nallocation:') ? ['--threshold', 'allocation != fail'] : []),
];

const NEEDED = [
  'factory-batch',
  'power-cut',
  'evenly-weighted',
  'weighted',
  'static',
  'custom-webhook',
  'lowest-latency',
  'two-regions',
  're-provisioning',
  'quota-and-throttling',
  'x509-group',
  'fault-storm',
  'throughput',
  'journey',
];

describe('a scenario that dpsload brings', () => {
  it('is there for each of the purposes', () => {
    expect(shippedScenarios().map(({ name }) => name)).toEqual(expect.arrayContaining(NEEDED));
  });

  it.each(shippedScenarios())('$name explains each setting, and what it prints', ({ text }) => {
    const lines = text.split('\n');
    // Mappings are explained by their members; what stands deeper are names of hubs and regions.
    const isSetting = (line: string): boolean => /^(?: {2})?[A-Za-z]+:(?: \S|$)/.test(line);
    const isExplained = (line: string, index: number): boolean =>
      /^(version|name):/.test(line) || /^ *#/.test(lines[index - 1] ?? '') || /^ +#/.test(lines[index + 1] ?? '');
    expect(lines.filter((line, index) => isSetting(line) && !isExplained(line, index))).toEqual([]);
    expect(text).toContain('For a real DPS instance');
    expect(documentedLines(text).length).toBeGreaterThan(0);
  });

  const withoutAgents = shippedScenarios().filter((one) => !startsAgents(one) && !isJourney(one));
  it.concurrent.each(withoutAgents)('$name runs with one command, in its short form', runsShort);
  const withAgents = shippedScenarios().filter(startsAgents);
  it.skipIf(!HAS_REDIS).concurrent.each(withAgents)('$name does so too (needs redis-server)', runsShort);
});

it('journey takes a small batch the whole way', async () => {
  const fleet = join(temporaryFolder(), 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: DEVICES }, (_, n) => `dev-${n}\n`).join('')}`);
  const { code, stdout, stderr, folder } = await runScenario('journey', [fleet, '--json'], SHORT);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
  const { steps, devices, exitCode } = JSON.parse(stdout) as JourneyEnd;
  expect([devices, exitCode, steps.map(({ step }) => step)]).toEqual([
    DEVICES,
    0,
    ['enroll', 'register', 'hub check', 'audit', 'clean up'],
  ]);
  expect(steps.map(({ counts }) => counts)).toMatchObject([
    { created: DEVICES },
    { assigned: DEVICES },
    { devices: DEVICES, failed: 0, left: 0 },
    { agrees: DEVICES },
    { 'records deleted': DEVICES, 'enrollments deleted': DEVICES },
  ]);
  expect(readFileSync(join(folder, 'journey.json'), 'utf8')).toBe(stdout);
});

async function runsShort({ name, text }: { readonly name: string; readonly text: string }): Promise<void> {
  const { code, stdout, stderr, folder } = await runScenario(name, [...small(text), ...thresholds(text)], SHORT);
  expect([code, stderr.includes('rror')]).toEqual([0, false]);
  const summary = JSON.parse(stdout) as Summary;
  const { results, fleet, allocation, movement, target } = summary;
  expect([results.assigned, target.kind]).toEqual([DEVICES * fleet.rounds, 'emulator']);
  expect(allocation !== null).toBe(text.includes('\nallocation:'));
  expect(movement !== null).toBe(fleet.rounds > 1);
  expect(existsSync(join(folder, 'left-behind.txt'))).toBe(text.includes('leftBehind: true'));
  if (name === 'custom-webhook') expectAnswersOfTheWebhook(folder);
  if (name === 're-provisioning') expectMoves(folder, movement);
}

function expectAnswersOfTheWebhook(folder: string): void {
  const rows = readResultRows(join(folder, 'registrations.csv')).slice(0, DEVICES);
  expect(rows.map((row) => row['hub_ok'])).toEqual(rows.map(() => 'true'));
  expect(rows[0]?.['returned_payload']).toBe('{"site":"south","assignedBy":"allocation-webhook"}');
}

function expectMoves(folder: string, movement: Summary['movement']): void {
  const moves = readResultRows(join(folder, 'moves.csv'));
  expect(moves).toHaveLength(DEVICES);
  const moved = moves.filter((row) => row['change'] === 'moved');
  expect(moved).toHaveLength(movement?.changes.moved ?? 0);
  expect(new Set(moved.map((row) => [row['hub'], row['substatus']].join()))).toEqual(
    new Set(['hub-c.azure-devices.net,deviceDataMigrated']),
  );
  expect(readFileSync(join(folder, 'left-behind.txt'), 'utf8').match(/device-identity delete/g)).toHaveLength(DEVICES);
}
