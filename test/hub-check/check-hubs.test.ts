import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { checkHubs } from '../../src/hub-check/check-hubs.ts';
import { surveyHubChecks } from '../../src/journal/hub-check-journal.ts';
import type { StopRequest } from '../../src/run/stop-request.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { fleetRulesOf } from '../../src/scenario/scenario.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { HUBS, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = 6;

/** Checks the hubs of a run against a service on this machine. @param stopped by the operator before; `null` = not */
async function checkOf(pinnedPort: number, stopped: StopRequest | null) {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  const outcomes = Array.from({ length: DEVICES }, (_, row) => outcomeRecord(row));
  writeJournal(join(folder, 'journal.ndjson'), [
    sessionOf(DEVICES),
    ...outcomes,
    { kind: 'end', atMs: 60_000, reason: 'completed', message: null },
  ]);
  const fleet = join(folder, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${outcomes.map(({ registrationId }) => `${registrationId}\n`).join('')}`);
  const { scenario } = resolveScenario({
    flags: {
      ...{ fleet, host: '127.0.0.1', idScope: '0ne00000000', hubCheck: 'connect', hubCheckShare: 'all' },
      resolve: HUBS.map((hub) => `${hub}:${pinnedPort}:127.0.0.1`).join(','),
    },
    environment: { ...GROUP_KEY_ENV, DPSLOAD_HUB_ATTEMPTS: '1' },
    scenarioFile: null,
    cores: 2,
  });
  const notices: string[] = [];
  const reason = await checkHubs({
    folder,
    scenario,
    policy: scenario.hubCheck as NonNullable<typeof scenario.hubCheck>,
    fleet: await surveyFleet(scenario.fleet, fleetRulesOf(scenario)),
    keys: { kind: 'device-key' },
    caPems: [],
    version: '1.0.0',
    hubsSinceEpochMs: null,
    stopRequests: { onRequest: (listener) => stopped !== null && listener(stopped) },
    notice: (message) => notices.push(message),
  });
  const survey = await surveyHubChecks(join(folder, 'hub-checks.ndjson'));
  return { reason, results: [...(survey?.checks.values() ?? [])].map(({ result }) => result), notices };
}

it('dials no hub of the cloud for a service on this machine: its address must be given for the port that is dialed', async () => {
  const { reason, results } = await checkOf(443, null);
  expect(reason).toBe('completed');
  expect(results).toEqual(Array(DEVICES).fill('hub-not-allowed'));
});

it('hears a stop that came while the sample was drawn', async () => {
  const { reason, notices } = await checkOf(443, { reason: 'interrupted', urgency: 'finish-in-flight' });
  expect(reason).toBe('interrupted');
  expect(notices.at(-1)).toBe('hub check: 0 devices checked, 0 failed; ended early (interrupted).');
});
