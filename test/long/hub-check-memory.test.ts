import { expect, it } from 'vitest';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { type CheckedDevice, CheckStage } from '../../src/hub-check/check-stage.ts';
import { devicesLeft, drawSample } from '../../src/hub-check/sampled-devices.ts';
import { surveyHubChecks } from '../../src/journal/hub-check-journal.ts';
import { HubCheckLog } from '../../src/journal/hub-check-log.ts';
import { newHubSession } from '../../src/journal/hub-check-record.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { heapMegabytes } from '../support/heap.ts';
import { fleetRow } from '../support/launches.ts';
import { HUBS } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = Number(process.env['HUB_CHECK_DEVICES'] ?? '100000');
const PAYLOAD = 'x'.repeat(500);
/** What is known of a device of the sample: its row in a set. */
const SAMPLE_BYTES_MAX = 60;
/** Rows that are read ahead, 10,000 with what they hold, and what they become; however many devices there are. */
const STAGE_MEGABYTES_MAX = 20;
/** What an earlier session found: an entry with its place in the file. */
const SURVEY_BYTES_MAX = 110;

const POLICY = {
  check: 'connect',
  share: 1,
  seed: 1,
  connectionsPerSecond: null,
  concurrency: 100,
  attemptsMax: 3,
  identityWaitMs: 0,
  connectTimeoutMs: 10_000,
  answerTimeoutMs: 10_000,
  durationMs: 3_600_000,
  allowedHosts: [],
  connectTo: null,
} as const;
const PHASES = { dnsMs: null, tcpMs: 1, tlsMs: 1, connackMs: 1, subackMs: null, answerMs: null };

async function* devices(): AsyncGenerator<CheckedDevice> {
  for (let row = 0; row < DEVICES; row += 1) {
    const id = `dev-${row}`;
    yield { row, registrationId: id, deviceId: id, hub: HUBS[row % HUBS.length] ?? '', assignedAtEpochMs: 0 };
  }
}

async function* rows(): AsyncGenerator<FleetRow> {
  for (let row = 0; row < DEVICES; row += 1) yield { ...fleetRow(row), payloadJson: `${PAYLOAD}${row}` };
}

it(`a check of all of ${DEVICES} devices holds a few bytes of each`, { timeout: 300_000 }, async () => {
  const earlier = { checks: null, hubsSinceEpochMs: null };
  const before = heapMegabytes();
  const sample = await drawSample(devices(), POLICY, earlier);
  const sampleMegabytes = heapMegabytes() - before;
  const clock = systemClock(hrtimeMs());
  const file = `${temporaryFolder()}/hub-checks.ndjson`;
  const journal = await HubCheckLog.open(file, 0);
  const hubs = sample.hubs.map((hub) => ({ ...hub, perSecond: 50 }));
  const facts = { dpsloadVersion: '0.1.0', check: 'connect', share: 1, startedAtEpochMs: 0, hubs } as const;
  journal.append(newHubSession(facts));
  let checked = 0;
  let stageMegabytes = 0;
  const stage = new CheckStage({
    clock,
    policy: POLICY,
    devices: devicesLeft(devices(), rows(), sample, earlier),
    perSecondAt: () => DEVICES,
    begin: () => ({
      ended: new Promise((resolve) => setImmediate(resolve, { result: 'passed', message: null, phases: PHASES })),
      cancel: () => {},
    }),
    onChecked: (record) => {
      checked += 1;
      journal.append(record);
      if (checked % (DEVICES / 10) === 0)
        stageMegabytes = Math.max(stageMegabytes, heapMegabytes() - before - sampleMegabytes);
    },
  });
  expect(await stage.run()).toBe('completed');
  await journal.close();
  expect(checked).toBe(DEVICES);
  const beforeSurvey = heapMegabytes();
  const survey = await surveyHubChecks(file);
  const surveyMegabytes = heapMegabytes() - beforeSurvey;
  expect(survey?.checks.size).toBe(DEVICES);
  const bytesEach = (megabytes: number): number => Math.round((megabytes * 2 ** 20) / DEVICES);
  console.log(
    `sample ${bytesEach(sampleMegabytes)} bytes a device, stage ${stageMegabytes.toFixed(1)} MB, earlier checks ${bytesEach(surveyMegabytes)} bytes a device`,
  );
  expect(sample.has(DEVICES - 1)).toBe(true);
  expect(bytesEach(sampleMegabytes)).toBeLessThan(SAMPLE_BYTES_MAX);
  expect(stageMegabytes).toBeLessThan(STAGE_MEGABYTES_MAX);
  expect(bytesEach(surveyMegabytes)).toBeLessThan(SURVEY_BYTES_MAX);
});
