import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { surveyFleet } from '../../fleet/survey-fleet.ts';
import { OperatorError, problemIn } from '../../problem/operator-error.ts';
import { reachedPlannedEnd } from '../../report/summary.ts';
import { readInterruptedRun, resumedFleet } from '../../run/interrupted-run.ts';
import { refuseChangedJournal } from '../../run-folder/checksums.ts';
import { type ResumableRun, RUN_FILE, readResumableRun } from '../../run-folder/run-file.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { valueAt } from '../../scenario/read/read-scenario.ts';
import { resumeScenario } from '../../scenario/read/resume-scenario.ts';
import { fleetRulesOf, type Scenario } from '../../scenario/scenario.ts';
import type { SettingName } from '../../scenario/settings/settings.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { readInputsWithFleet } from '../host/run-inputs.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { concludeFinishedRun } from './check-finished-run.ts';
import { showEndedRun } from './execute-run.ts';
import { displayOptions, givenFlags, settingOption } from './options.ts';
import { type FolderFlags, folderOptions, namedRunFolder } from './run-folder-options.ts';

type HubCheckFlags = DisplayFlags & FolderFlags;

const SETTINGS: readonly SettingName[] = ['hubCheck', 'hubCheckShare', 'hubConnectTo'];

export function hubCheckCommand(): Command {
  const command = new Command('hub-check')
    .description(
      'Checks a sample of the devices of a run at their assigned hubs: each connects with its own credentials, and sends a ' +
        'message or reads its twin if asked to. Devices that have passed the same check are not checked again. Then rebuilds the results. ' +
        'Uses the settings of the run, and reads its keys from the same sources again.',
    )
    .argument('[RUN_DIR]', 'folder of the run; not with --last (default: none)')
    .addHelpText('after', HUB_CHECK_HELP);
  for (const option of folderOptions('check')) command.addOption(option.helpGroup('Run:'));
  for (const name of SETTINGS) command.addOption(settingOption(name, sourceOf(name)));
  for (const option of displayOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (folder: string | undefined, flags: HubCheckFlags) => {
    process.exitCode = await hubCheck(namedRunFolder('hub-check', folder, flags), givenFlags(command), flags);
  });
}

function sourceOf(name: SettingName): string {
  return name === 'hubCheck' ? '(default: as in the run, else connect)' : '(default: as in the run)';
}

async function hubCheck(folder: string, given: Flags, display: DisplayFlags): Promise<number> {
  const runFile = readResumableRun(folder);
  const unlock = lockRunFolder(folder);
  try {
    await refuseChangedJournal(folder);
    const scenario = scenarioOf(folder, runFile, given);
    const run = await readInterruptedRun(folder, runFile, scenario.load.rounds);
    if (run.end === null || !reachedPlannedEnd(run.end)) throw unfinished(folder);
    const { fleet, keys, caPems } = await readInputsWithFleet(scenario, process.env, () =>
      resumedFleet(scenario.fleet.file, run, 'ignore', () => surveyFleet(scenario.fleet, fleetRulesOf(scenario))),
    );
    const ended = await concludeFinishedRun({ folder, end: run.end, scenario, fleet, keys, caPems }, display);
    return await showEndedRun(ended, display);
  } finally {
    unlock();
  }
}

/** The settings of the run, which need not have asked for a hub check. */
function scenarioOf(folder: string, { settings }: ResumableRun, given: Flags): Scenario {
  const isChosen = valueAt(settings, ['hubCheck', 'check']) !== undefined;
  const { scenario } = resumeScenario({
    file: join(folder, RUN_FILE),
    settings,
    flags: isChosen ? given : { hubCheck: 'connect', ...given },
    environment: process.env,
    cores: availableParallelism(),
  });
  if (scenario.target.kind === 'emulator') {
    const message = 'the run used the embedded emulator, whose hubs ended with it';
    const remedy =
      'Give --hub-check to dpsload run, or run against a separate emulator (dpsload emulator --hub-port 8884)';
    throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
  }
  return scenario;
}

function unfinished(folder: string): OperatorError {
  const message = 'the run is not complete: it was stopped or killed before its end';
  return new OperatorError('usage', [problemIn(folder, message, `Complete it with dpsload resume ${folder}`)]);
}

const HUB_CHECK_HELP = `
What is checked:
  A share of the devices of each hub, at least one per hub, and the same ones
  each time. The findings are in hub-checks.ndjson in the run's folder. After a
  stop or a crash, the same command continues. Failed devices are checked again.

Credentials:
  Each device uses its own, from the same place as in the run: the key of the
  enrollment group, the column device_key, or certificate and key files. After a
  run on agents, they must be on this machine.

Safety:
  A hub that the service names is connected to only if its name has an allowed
  ending (hubCheck.allowedHosts in the scenario). The certificate must be that
  of the hub, even with --hub-connect-to. This has never been tried against a
  hub in Azure.

Exit codes:
  ${EXIT_CODE.success}  every device of the sample passed, and the run had succeeded
  ${EXIT_CODE.someFailed}  some failed or were not checked
  All others are as for dpsload run.

Examples:
  dpsload hub-check results/2026-01-31T18-00-00Z-fleet
  dpsload hub-check --last --hub-check twin --hub-check-share all
`;
