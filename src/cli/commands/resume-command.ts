import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readFleet } from '../../fleet/read-fleet.ts';
import { surveyFleet } from '../../fleet/survey-fleet.ts';
import type { EndRecord } from '../../journal/journal-record.ts';
import type { RetryChoice } from '../../journal/resume-decision.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { reachedPlannedEnd } from '../../report/summary.ts';
import { writeResults } from '../../results/write-results.ts';
import {
  ADDED_ROWS,
  type AddedRows,
  type InterruptedRun,
  readInterruptedRun,
  resumedFleet,
} from '../../run/interrupted-run.ts';
import { workOf } from '../../run/run-request.ts';
import { lastRunFolder } from '../../run-folder/earlier-runs.ts';
import { RUN_FILE, readResumableRun } from '../../run-folder/run-file.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { scenarioKeys } from '../../scenario/read/print-scenario.ts';
import type { ResolvedScenario } from '../../scenario/read/resolve-scenario.ts';
import { RESUMABLE_SETTINGS, resumeScenario } from '../../scenario/read/resume-scenario.ts';
import { fleetRulesOf, type Scenario } from '../../scenario/scenario.ts';
import { settingNamed } from '../../scenario/settings/settings.ts';
import { selectRows } from '../../selection/row-selection.ts';
import { countRegistrations } from '../../selection/session-rows.ts';
import { exitCodeOf } from '../host/exit-code.ts';
import { type RunSwitches, readInputs, type StartRun } from '../host/run-inputs.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import { showRunEnd } from '../view/show-run-end.ts';
import type { RunDisplay } from '../view/watch-run.ts';
import { displayOptions } from './run-command.ts';
import { givenFlags, settingOption } from './setting-option.ts';

type ResumeFlags = Partial<Omit<RunSwitches, 'again'>> & {
  readonly last?: true;
  readonly out: string;
  readonly retryFailed?: boolean;
  readonly retryDisabled?: boolean;
  readonly addedRows?: AddedRows;
};

/** @param finish gets the exit code. */
export function resumeCommand(runFleet: StartRun, finish: (exitCode: number) => void): Command {
  const command = new Command('resume')
    .description(
      'Registers what a run left to do: devices that were never started or cut off, and those that ended as throttled, ' +
        'timed-out or disconnected. Settings are those of its last session; what says which devices are registered, where ' +
        'and as whom cannot be changed, and keys are read again from where they were.',
    )
    .argument('[RUN_DIR]', 'folder of the run (default: none; or --last)')
    .addHelpText('after', resumeHelp());
  for (const option of resumeOptions()) command.addOption(option.helpGroup('Resume:'));
  for (const name of RESUMABLE_SETTINGS) command.addOption(settingOption(name, '(default: as in its last session)'));
  for (const option of displayOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (folder: string | undefined, flags: ResumeFlags) => {
    finish(await resume(runFolder(folder, flags), givenFlags(command), flags, runFleet));
  });
}

function resumeOptions(): readonly Option[] {
  return [
    new Option('--last', 'the newest run under --out (default: no)'),
    new Option('-o, --out <folder>', 'where --last looks for it').default(settingNamed('out').default as string),
    new Option('--retry-failed', 'also what the service ended as failed, or refused (default: no)'),
    new Option('--retry-disabled', 'also those whose enrollment was disabled (default: no)'),
    new Option(
      '--added-rows <register|ignore>',
      'what becomes of rows that were added behind those of the run (default: such a fleet is refused)',
    ).choices(ADDED_ROWS),
  ];
}

function runFolder(folder: string | undefined, { last, out }: ResumeFlags): string {
  if ((folder === undefined) === (last === undefined)) {
    throw new OperatorError('usage', [
      problem(
        folder === undefined ? 'no run is named' : 'a run is named beside --last',
        'Name the folder of the run: dpsload resume RUN_DIR, or give --last for the newest under --out',
      ),
    ]);
  }
  return folder ?? lastRunFolder(out);
}

async function resume(folder: string, given: Flags, flags: ResumeFlags, runFleet: StartRun): Promise<number> {
  const runFile = readResumableRun(folder);
  const unlock = lockRunFolder(folder);
  try {
    const resolved = resumeScenario({
      file: join(folder, RUN_FILE),
      settings: runFile.settings,
      flags: given,
      environment: process.env,
      cores: availableParallelism(),
    });
    const run = await readInterruptedRun(folder, runFile, resolved.scenario.load.rounds);
    return await goOn(run, resolved, flags, runFleet);
  } finally {
    unlock();
  }
}

async function goOn(
  run: InterruptedRun,
  resolved: ResolvedScenario,
  flags: ResumeFlags,
  runFleet: StartRun,
): Promise<number> {
  const { scenario } = resolved;
  const { addedRows = null, retryFailed = false, retryDisabled = false } = flags;
  const { yes = false, json = false, quiet = false, color = true } = flags;
  const {
    survey: fleet,
    allocation,
    ...inputs
  } = await readInputs(scenario, process.env, () =>
    resumedFleet(scenario.fleet.file, run, addedRows, () => surveyFleet(scenario.fleet, fleetRulesOf(scenario))),
  );
  if (fleet.rows > run.index.rows) run.index.growTo(fleet.rows);
  const selection = await selectRows(readFleet(scenario.fleet, fleet), scenario, run.selectionPins);
  for (const text of selection.warnings) process.stderr.write(`warning: ${text}\n`);
  const retry: RetryChoice = { failed: retryFailed, disabled: retryDisabled };
  const resumed = { run, retry, switches: switchesOf(flags) };
  const registrations = await countRegistrations(workOf({ scenario, fleet, selection, resumed }));
  const display = { json, quiet, color };
  // One that was killed, or stopped as the last device ended, gets a session without work, which completes it.
  if (registrations === 0 && run.end !== null && reachedPlannedEnd(run.end)) {
    return await endWithoutSession(run, run.end, scenario, display);
  }
  await confirmRisks(scenario, { rows: registrations, registrations }, yes);
  if (!quiet) process.stderr.write(`${describeResume(run, registrations)}\n`);
  return runFleet({ ...scenario, allocation }, fleet, {
    ...display,
    again: false,
    yes,
    settings: scenarioKeys(resolved),
    selection,
    resumed,
    registrations,
    ...inputs,
  });
}

/** Choices of one session, which are none of the run's settings. */
function switchesOf({ addedRows, retryFailed, retryDisabled }: ResumeFlags): readonly string[] {
  return [
    ...(retryFailed ? ['--retry-failed'] : []),
    ...(retryDisabled ? ['--retry-disabled'] : []),
    ...(addedRows ? ['--added-rows', addedRows] : []),
  ];
}

/** The run may have been killed while its results were written: they are made of its journal. */
async function endWithoutSession(
  { folder }: InterruptedRun,
  { reason }: EndRecord,
  { fleet }: Scenario,
  display: RunDisplay,
): Promise<number> {
  process.stderr.write(
    `nothing is left to do in ${folder}. What the service refused is tried again with --retry-failed or --retry-disabled, ` +
      'rows beyond the limit with a higher --limit.\n',
  );
  const end = { folder, reason, summary: await writeResults(folder, { fleet }) };
  showRunEnd(end, display, []);
  return exitCodeOf(end);
}

function describeResume({ sessions, index, lastTarget }: InterruptedRun, registrations: number): string {
  const possiblySent = index.openCount;
  const marked =
    possiblySent === 0 ? '' : `; ${possiblySent} of them were perhaps sent before, and are marked possibly_twice`;
  const emulator =
    lastTarget?.kind === 'emulator'
      ? '\nthe embedded emulator is a new one, and knows no device of the earlier sessions: what they settled stays settled'
      : '';
  return `session ${sessions + 1} of the run: ${registrations} registrations are left${marked}${emulator}`;
}

/** What follows the options in the help of `resume`. */
export function resumeHelp(): string {
  return `
What is registered:
  A device that was released to a worker when the run died was perhaps
  registered. It is registered again, whatever the limit, and marked
  possibly_twice in the results. Of a canary, all that are not assigned go first
  again. --limit counts the rows of the whole run; --rate, --stages and
  --duration begin anew.

What is kept:
  Settings that are given here are written into run.json before anything is
  sent, and hold for the sessions to come, also when this one is killed.
  --retry-failed, --retry-disabled and --added-rows are for one session; the
  resume command that is printed when it is stopped repeats them.
  Variables DPSLOAD_… change nothing but the keys: what they said when the run
  began is kept in its run.json.
  Results of the sessions before are taken away when a session begins, and made
  anew when it ends; report shows what is known until then.

Exit codes:
  those of run; when nothing is left to do, that of the results, which are made
  anew

Examples:
  dpsload resume results/2026-01-31T18-00-00Z-fleet
  dpsload resume --last --rate 600/min --retry-failed
`;
}
