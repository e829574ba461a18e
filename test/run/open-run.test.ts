import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { reopenRun } from '../../src/run/open-run.ts';
import { JOURNAL_FILE } from '../../src/run-folder/run-folder.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { fleetRulesOf } from '../../src/scenario/scenario.ts';
import { operatorError } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const base = temporaryFolder();

/** The files that this process has open. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return [];
    }
  });
}

it.runIf(process.platform === 'linux')('a run that cannot be resumed leaves its journal closed', async () => {
  const folder = join(base, 'run');
  const fleetFile = join(base, 'fleet.csv');
  mkdirSync(folder);
  writeFileSync(fleetFile, 'registration_id\na\n');
  writeFileSync(join(folder, JOURNAL_FILE), '');
  const flags = { emulator: 'true', fleet: fleetFile };
  const { scenario } = resolveScenario({ flags, environment: {}, scenarioFile: null, cores: 2 });
  const fleet = await surveyFleet(scenario.fleet, fleetRulesOf(scenario));
  const run = { folder, journalBytes: 0, sessions: 1, startedAtEpochMs: 0 };
  const error = await operatorError(() => reopenRun({ fleet, scenario, settings: {} }, run, 0));
  expect(error.message).toContain('run.json');
  expect(openFiles()).not.toContain(join(folder, JOURNAL_FILE));
});
