import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EMULATOR = fileURLToPath(new URL('../../scenarios/emulator/', import.meta.url));
const SITES = ['north', 'south', 'west'];

const hubs = (names: readonly string[], prefix = 'hub') => names.map((name) => `${prefix}-${name}.azure-devices.net`);

type Case = {
  readonly devices: number;
  readonly linked: readonly string[];
  /** Of the linked hubs, 1 each when absent. */
  readonly weights?: readonly number[];
  /** Of the enrollment group, YAML. */
  readonly enrollment?: string;
  readonly allocation: object;
  readonly rounds?: number;
  /** Text of the webhook in place of the one that dpsload brings. */
  readonly webhook?: (text: string) => string;
  readonly webhookTimeout?: string;
};

async function run(given: Case) {
  const { devices, linked, weights, enrollment = '', allocation, rounds = 1, webhook, webhookTimeout = '10s' } = given;
  const linkedHubs = linked.map((hostName, n) => `{ hostName: ${hostName}, weight: ${weights?.[n] ?? 1} }`);
  const folder = mkdtempSync(join(temporaryFolder(), 'policy-'));
  const path = (name: string): string => join(folder, name);
  for (const name of ['allocation-webhook.mjs', 'growing-webhook.mjs']) {
    copyFileSync(join(EMULATOR, name), path(name));
    if (webhook !== undefined) writeFileSync(path(name), webhook(readFileSync(path(name), 'utf8')));
  }
  writeFileSync(
    path('emulator.yaml'),
    `version: 1
behavior: { retryAfter: 0s, assignmentDelay: 0s, webhookTimeout: ${webhookTimeout} }
instances:
  - idScope: 0ne0000E000
    linkedHubs: [${linkedHubs.join(', ')}]
    enrollmentGroups:
      - { enrollmentGroupId: g, attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }${enrollment} }
`,
  );
  const rows = Array.from({ length: devices }, (_, n) => {
    const site = SITES[n % SITES.length];
    return `device-${n},hub-${site}.azure-devices.net,"{""site"":""${site}""}"`;
  });
  writeFileSync(path('fleet.csv'), `registration_id,expected_hub,payload\n${rows.join('\n')}\n`);
  const scenario = {
    version: 1,
    target: { emulator: { config: 'emulator.yaml', throwAway: true } },
    fleet: { file: 'fleet.csv' },
    load: { concurrency: 50, workers: 1, rounds },
    allocation,
  };
  // JSON is YAML.
  writeFileSync(path('scenario.yaml'), JSON.stringify(scenario));
  const ended = await dpsload(['run', '-s', path('scenario.yaml'), '--out', path('out'), '--json', '--quiet']);
  if (ended.stdout === '') throw new Error(ended.stderr);
  const summary = JSON.parse(ended.stdout) as Summary;
  return { code: ended.code, summary, folder: onlyRunFolder(path('out')) };
}

const CUSTOM = ', allocationPolicy: custom, customAllocationDefinition: { webhookFile: allocation-webhook.mjs }';
const BY_ROW = { policy: 'custom', byRow: true, tolerance: '15%' };

describe('an instance that is set up wrongly', () => {
  it('leaves a hub out: fails, with the hub that is missing', async () => {
    const [a = '', b = '', c = ''] = hubs(['a', 'b', 'c']);
    const { code, summary } = await run({
      devices: 60,
      linked: [a, b],
      allocation: { policy: 'even', expected: [a, b, c], tolerance: '30%' },
    });
    expect([code, summary.allocation?.verdict]).toEqual([99, 'fail']);
    expect(summary.allocation?.cohorts[0]?.hubs.find(({ hub }) => hub === c)).toMatchObject({
      count: 0,
      verdict: 'fail',
      reason: 'missing',
    });
  });

  // Half of what a weight of 11 in place of 10 moves, so that `check` asks for this fleet.
  const WEIGHT_OFF = {
    devices: 35_467,
    linked: hubs(['a', 'b']),
    allocation: { policy: 'even', expected: hubs(['a', 'b']), tolerance: '1.19%' },
  };

  it('has a weight that is off by 10%: fails, and passes with the right one, at the size that check asks for', async () => {
    const wrong = await run({ ...WEIGHT_OFF, weights: [11, 10] });
    expect([wrong.code, wrong.summary.allocation?.verdict]).toEqual([99, 'fail']);
    const right = await run(WEIGHT_OFF);
    expect([right.code, right.summary.allocation?.verdict]).toEqual([0, 'pass']);
  });

  it('has a webhook that always answers the first hub: fails for each other hub', async () => {
    const { code, summary } = await run({
      devices: 105,
      linked: hubs(SITES),
      enrollment: CUSTOM,
      allocation: BY_ROW,
      webhook: (text) => text.replace(/const hub = .*;/, 'const [hub] = linkedHubs;'),
    });
    expect([code, summary.allocation?.verdict]).toEqual([99, 'fail']);
    expect(summary.allocation?.cohorts.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['hub-north.azure-devices.net', 'pass'],
      ['hub-south.azure-devices.net', 'fail'],
      ['hub-west.azure-devices.net', 'fail'],
    ]);
  });

  it('never moves devices where migrate was meant: fails, since nobody moved', async () => {
    const growing = {
      devices: 60,
      rounds: 2,
      linked: hubs(['a', 'b', 'c']),
      allocation: { expected: hubs(['a', 'b']), tolerance: '30%', reprovision: 'migrate', moved: '33.3%' },
    };
    const enrollment = (updateHubAssignment: boolean): string =>
      `${CUSTOM.replace('allocation-webhook', 'growing-webhook')}, reprovisionPolicy: { updateHubAssignment: ${updateHubAssignment}, migrateDeviceData: true }`;
    const never = await run({ ...growing, enrollment: enrollment(false) });
    expect([never.code, never.summary.allocation?.movement?.reason]).toEqual([99, 'missing']);
    const migrate = await run({ ...growing, enrollment: enrollment(true) });
    expect([migrate.code, migrate.summary.allocation?.verdict]).toEqual([0, 'pass']);
  });
});

describe('a webhook that misbehaves', () => {
  /** What it does to the devices of each of three sites, and what the results say of them. */
  const first = `case 'north': return answer(503, {});
      case 'south': return setTimeout(answer, 3_000, 200, chosen);
      default: return answer(200, { iotHubHostName: 'elsewhere.azure-devices.net' });`;

  it('fails, is too slow, names a foreign hub: each shows as what it is, and nothing is said of the shares', async () => {
    const { code, summary, folder } = await run({
      devices: 9,
      linked: hubs(SITES),
      enrollment: CUSTOM,
      allocation: BY_ROW,
      webhookTimeout: '1s',
      webhook: (text) => text.replace('else answer(200, chosen);', `else switch (chosen.payload.site) { ${first} }`),
    });
    expect([code, summary.results.failed, summary.allocation?.verdict]).toEqual([3, 9, 'inconclusive']);
    expect(summary.errors).toMatchObject([{ code: '400207', count: 9 }]);
    const rows = readResultRows(join(folder, 'registrations.csv'));
    expect(rows.slice(0, 3).map((row) => row['error_message'])).toEqual([
      'Custom allocation failed with status code: 503',
      'Custom allocation timed out.',
      'Custom allocation named an IoT hub that was not offered.',
    ]);
  });

  it('takes its time: that is the time of the allocation, and of no other phase', async () => {
    const webhook = (text: string): string => text.replace('else answer(200', 'else setTimeout(answer, 150, 200');
    const { summary } = await run({ devices: 9, linked: hubs(SITES), enrollment: CUSTOM, allocation: BY_ROW, webhook });
    const { allocation, accepted } = summary.latency;
    expect(allocation?.minMs).toBeGreaterThanOrEqual(149);
    expect(allocation?.count).toBe(9);
    expect(accepted?.minMs).toBeLessThan(150);
  });

  it('does not start at all: the run says so, and opens nothing', async () => {
    const failing = run({
      devices: 1,
      linked: hubs(SITES),
      enrollment: CUSTOM,
      allocation: BY_ROW,
      webhook: () => "throw new Error('no such port');",
    });
    await expect(failing).rejects.toThrow('the webhook cannot be started: it ended: Error: no such port');
  });
});

describe('the verdict of a finished run', () => {
  it('is the same when report makes it again, and is what another run is compared with', async () => {
    const allocation = { policy: 'even', expected: hubs(['a', 'b']), tolerance: '30%' };
    const first = await run({ devices: 60, linked: hubs(['a', 'b']), allocation });
    const again = await dpsload(['report', first.folder, '--format', 'json']);
    expect(again.stdout).toBe(readFileSync(join(first.folder, 'summary.json'), 'utf8'));
    const asRun = await run({
      devices: 60,
      linked: hubs(['a', 'b']),
      allocation: { asRun: first.folder, tolerance: '40%' },
    });
    // The same devices, and the same hash: the same shares.
    expect(asRun.summary.allocation).toMatchObject({ verdict: 'pass', asRun: first.folder });
  });
});
