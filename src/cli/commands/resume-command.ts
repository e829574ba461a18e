import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { resultColumns } from '../../fleet/result-columns.ts';
import { type FleetSurvey, surveyFleet } from '../../fleet/survey-fleet.ts';
import { slotted } from '../../preflight/choose-slots.ts';
import { plannedLoadWarnings } from '../../report/closed-model.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import { reachedPlannedEnd } from '../../report/summary.ts';
import {
  ADDED_ROWS,
  type AddedRows,
  type InterruptedRun,
  readInterruptedRun,
  resumedFleet,
} from '../../run/interrupted-run.ts';
import { workOf } from '../../run/run-request.ts';
import { refuseChangedJournal } from '../../run-folder/checksums.ts';
import { RUN_FILE, readResumableRun } from '../../run-folder/run-file.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { scenarioKeys } from '../../scenario/read/print-scenario.ts';
import type { ResolvedScenario } from '../../scenario/read/resolve-scenario.ts';
import { RESUMABLE_SETTINGS, resumeScenario } from '../../scenario/read/resume-scenario.ts';
import { fleetRulesOf } from '../../scenario/scenario.ts';
import { selectFleetRows } from '../../selection/row-selection.ts';
import { countRegistrations, selectedRows } from '../../selection/session-rows.ts';
import { labelsOf, readInputsWithFleet } from '../host/run-inputs.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { slotNotices } from '../view/slot-notices.ts';
import { fitted, warningLines } from '../view/terminal-line.ts';
import { concludeFinishedRun } from './check-finished-run.ts';
import type { EndedRun } from './execute-run.ts';
import { executionOptions, givenFlags, settingOption } from './options.ts';
import { type RedisFlags, redisOfRun, redisOptions } from './redis-options.ts';
import { type FolderFlags, folderOptions, namedRunFolder } from './run-folder-options.ts';

type ResumeFlags = DisplayFlags &
  RedisFlags & {
    readonly retryFailed?: true;
    readonly retryDisabled?: true;
    readonly addedRows?: AddedRows;
    readonly yes?: true;
  };

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description(
      'Registers what a run left undone: devices that were never started or were cut off, and those that ended as ' +
        'throttled, timed-out or disconnected. Uses the settings of the last session; the ones that determine which ' +
        'devices are registered, where and as whom cannot be changed. Keys are read again from their sources.',
    )
    .argument('[RUN_DIR]', 'folder of the run; not with --last (default: none)')
    .addHelpText('after', RESUME_HELP);
  for (const option of resumeOptions()) command.addOption(option.helpGroup('Resume:'));
  for (const name of RESUMABLE_SETTINGS) command.addOption(settingOption(name, '(default: as in the last session)'));
  for (const option of redisOptions()) command.addOption(option.helpGroup('Agents:'));
  for (const option of executionOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (folder: string | undefined, flags: ResumeFlags & FolderFlags) => {
    const ended = await resumeRun(namedRunFolder('resume', folder, flags), givenFlags(command), flags);
    process.exitCode = await (await import('./execute-run.ts')).showEndedRun(ended, flags);
  });
}

function resumeOptions(): readonly Option[] {
  return [
    ...folderOptions('resume'),
    new Option('--retry-failed', 'also retry devices that the service failed or refused (default: no)'),
    new Option('--retry-disabled', 'also retry devices whose enrollment was disabled (default: no)'),
    new Option(
      '--added-rows <register|ignore>',
      'what to do with rows appended to the fleet since the run began (default: refuse such a fleet)',
    ).choices(ADDED_ROWS),
  ];
}

/** Continues a run until it has ended again, and shows its progress. */
export async function resumeRun(folder: string, given: Flags, flags: ResumeFlags): Promise<EndedRun> {
  const runFile = readResumableRun(folder);
  const unlock = lockRunFolder(folder);
  try {
    await refuseChangedJournal(folder);
    const resolved = resumeScenario({
      file: join(folder, RUN_FILE),
      settings: runFile.settings,
      flags: given,
      environment: process.env,
      cores: availableParallelism(),
    });
    const run = await readInterruptedRun(folder, runFile, resolved.scenario.load.rounds);
    return await continueRun(run, resolved, flags);
  } finally {
    unlock();
  }
}

async function continueRun(run: InterruptedRun, stored: ResolvedScenario, flags: ResumeFlags): Promise<EndedRun> {
  const { scenario } = stored;
  const redis = await redisOfRun(scenario.agents, flags, process.env);
  const { addedRows = null, retryFailed = false, retryDisabled = false, yes = false } = flags;
  const { fleet, allocation, ...secrets } = await readInputsWithFleet(scenario, process.env, async () => {
    const { file } = scenario.fleet;
    const survey = (): Promise<FleetSurvey> => surveyFleet(scenario.fleet, fleetRulesOf(scenario));
    const resumed = await resumedFleet(file, run, addedRows, survey);
    const labels = labelsOf(scenario);
    resultColumns(scenario.fleet, { names: scenario.breakdowns, knownColumns: null, labels, ...resumed });
    return resumed;
  });
  if (fleet.rows > run.index.rows) run.index.growTo(fleet.rows);
  const selection = await selectFleetRows(scenario, fleet, run.selectionPins);
  process.stderr.write(warningLines(selection.warnings, process.stderr));
  const resumed = { run, retry: { failed: retryFailed, disabled: retryDisabled }, switches: switchesOf(flags) };
  const registrations = await countRegistrations(workOf({ scenario, fleet, selection, resumed }));
  process.stderr.write(warningLines(plannedLoadWarnings(scenario.load, registrations), process.stderr));
  // A run that was killed or stopped just as its last device ended still gets a session, without work, that completes it.
  if (registrations === 0 && run.end !== null && reachedPlannedEnd(run.end)) {
    const nothingLeft =
      `Nothing is left to do in ${run.folder}. To retry devices that the service refused, give --retry-failed or ` +
      '--retry-disabled; to register rows beyond the limit, give a higher --limit.\n';
    process.stderr.write(fitted(nothingLeft, process.stderr));
    return await concludeFinishedRun({ folder: run.folder, end: run.end, scenario, fleet, ...secrets }, flags);
  }
  await confirmRisks(scenario, { rows: null, registrations }, yes);
  if (!flags.quiet) process.stderr.write(fitted(describeResume(run, registrations), process.stderr));
  const devices = Math.min(registrations, selectedRows({ load: scenario.load, selection }));
  const { resolved, choice } = slotted(stored, devices);
  const { warnings, notices } = slotNotices(resolved.scenario.load, choice, devices);
  process.stderr.write(warningLines(warnings, process.stderr));
  const { executeRun, OWN_PLACE } = await import('./execute-run.ts');
  const settings = scenarioKeys(resolved);
  return executeRun(
    {
      scenario: { ...resolved.scenario, allocation },
      settings,
      ...{ fleet, selection, resumed, again: false, notices, redis },
      ...secrets,
      ...OWN_PLACE,
    },
    registrations,
    flags,
  );
}

/** Choices for one session, which are not settings of the run. */
function switchesOf({ addedRows, retryFailed, retryDisabled }: ResumeFlags): readonly string[] {
  return [
    ...(retryFailed ? ['--retry-failed'] : []),
    ...(retryDisabled ? ['--retry-disabled'] : []),
    ...(addedRows ? ['--added-rows', addedRows] : []),
  ];
}

function describeResume({ sessions, index, lastTarget }: InterruptedRun, registrations: number): string {
  const left = `${formatNoun(registrations, 'registration')} ${registrations === 1 ? 'is' : 'are'} left`;
  const possiblySent = index.openCount;
  const were = possiblySent === 1 ? 'was' : 'were';
  const marked =
    possiblySent === 0
      ? ''
      : `; ${formatCount(possiblySent)} of them ${were} possibly sent before and will be marked possibly_twice`;
  const emulator =
    lastTarget?.kind === 'emulator'
      ? 'The embedded emulator starts afresh and does not know the devices of earlier sessions; their recorded outcomes stand.\n'
      : '';
  return `Session ${sessions + 1} of the run: ${left}${marked}.\n${emulator}`;
}

const RESUME_HELP = `
What is registered:
  A device that was handed to a worker when the run died was possibly
  registered. It is registered again, whatever the limit, and marked
  possibly_twice in the results. If the run has a canary, its devices that are
  not assigned go first again. --limit counts the rows of the whole run; --rate,
  --stages and --duration start over. A hub check that is not complete goes on
  when everything is registered.

What is kept:
  Settings given here are written to run.json before anything is sent. They
  apply to later sessions too, even if this one is killed. --retry-failed,
  --retry-disabled and --added-rows apply to one session; the resume command
  printed when it stops repeats them.
  Of the DPSLOAD_… variables, only those that hold keys have an effect; the
  others were saved in run.json when the run began.
  The results of earlier sessions are removed when a session begins and rebuilt
  when it ends; until then, dpsload report shows the results so far.

Exit codes:
  As for dpsload run. When nothing is left to do, the results are rebuilt and
  decide the exit code.

Examples:
  dpsload resume results/2026-01-31T18-00-00Z-fleet
  dpsload resume --last --rate 600/min --retry-failed
`;
