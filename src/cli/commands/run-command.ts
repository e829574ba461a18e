import { Command, Option } from 'commander';
import { fleetWarnings } from '../../fleet/fleet-warnings.ts';
import type { FleetSurvey } from '../../fleet/survey-fleet.ts';
import { CONCURRENCY_MAX } from '../../load/slots.ts';
import { slotted } from '../../preflight/choose-slots.ts';
import { plannedLoadWarnings } from '../../report/closed-model.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import { refuseRepeatedRun } from '../../run-folder/earlier-runs.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { printScenario, scenarioKeys } from '../../scenario/read/print-scenario.ts';
import { withDelimiter } from '../../scenario/read/resolve-scenario.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { selectFleetRows } from '../../selection/row-selection.ts';
import { selectedRows } from '../../selection/session-rows.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { loadScenario, readRunInputs } from '../host/run-inputs.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import { describeRun } from '../view/describe-run.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { slotNotices } from '../view/slot-notices.ts';
import { fitted, warningLines } from '../view/terminal-line.ts';
import { executionOptions, givenFlags, scenarioOption, settingOptions } from './options.ts';
import { type RedisFlags, redisOfRun, redisOptions } from './redis-options.ts';
import { runHelp } from './run-help.ts';

type RunFlags = DisplayFlags &
  RedisFlags & {
    readonly scenario?: string;
    /** Register a fleet again that was registered under the same out folder, at the same target. */
    readonly again?: true;
    readonly yes?: true;
    readonly dryRun?: true;
    readonly printConfig?: true;
  };

export function runCommand(): Command {
  const command = new Command('run')
    .description(
      'Registers every device of a fleet CSV with the Device Provisioning Service over MQTT. Writes the journal, results ' +
        'and latencies to a new folder under --out. The target is never implied: give --emulator, or --host with --id-scope.',
    )
    .argument('[FLEET.csv]', 'one row per device, with a column registration_id (default: fleet.file of the scenario)')
    .addHelpText('after', runHelp());
  for (const option of settingOptions()) command.addOption(option);
  for (const option of redisOptions()) command.addOption(option.helpGroup('Agents:'));
  for (const option of runOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (fleet: string | undefined, flags: RunFlags) => {
    process.exitCode = await run(givenFlags(command, fleet), flags, process.env);
  });
}

function runOptions(): readonly Option[] {
  return [
    scenarioOption(),
    new Option('--again', 'run even if --out holds a run of the same fleet and target (default: no)'),
    ...executionOptions(),
    new Option('--dry-run', 'check everything and describe the run, but open nothing (default: no)').conflicts('json'),
    new Option('--print-config', 'print all settings as a scenario, each with its source (default: no)').conflicts([
      'json',
      'dryRun',
    ]),
  ];
}

async function run(given: Flags, flags: RunFlags, environment: Environment): Promise<number> {
  const { again = false, yes = false, dryRun = false, printConfig = false } = flags;
  const resolved = loadScenario(given, flags.scenario, environment);
  if (printConfig) {
    process.stdout.write(printScenario(slotted(resolved, CONCURRENCY_MAX).resolved));
    return EXIT_CODE.success;
  }
  const { agents } = resolved.scenario;
  const meetsElsewhere = agents !== null && agents.local === null;
  const redis = dryRun && meetsElsewhere ? null : await redisOfRun(agents, flags, environment);
  const { fleet, allocation, ...secrets } = await readRunInputs(resolved.scenario, environment);
  const selection = await selectFleetRows(resolved.scenario, fleet, null);
  const rows = selectedRows({ load: resolved.scenario.load, selection });
  const { resolved: settled, choice } = slotted(withDelimiter(resolved, fleet.delimiter), rows);
  const { scenario } = settled;
  process.stderr.write(warningLines([...warningsAbout(fleet), ...selection.warnings], process.stderr));
  if (dryRun) {
    const { out, target } = scenario;
    if (target.kind === 'service' && !again) refuseRepeatedRun({ out, digest: fleet.digest, target });
    process.stdout.write(fitted(describeRun({ resolved: settled, choice }, fleet, rows), process.stdout));
    return EXIT_CODE.success;
  }
  const { warnings, notices } = slotNotices(scenario.load, choice, rows);
  process.stderr.write(warningLines([...warnings, ...plannedLoadWarnings(scenario.load, rows)], process.stderr));
  const registrations = rows * scenario.load.rounds;
  await confirmRisks(scenario, { rows, registrations }, yes);
  // Loaded late: it takes longer to load than most mistakes take to find.
  const { executeRun } = await import('./execute-run.ts');
  const settings = scenarioKeys(settled);
  return executeRun(
    {
      scenario: { ...scenario, allocation },
      settings,
      fleet,
      selection,
      resumed: null,
      again,
      notices,
      redis,
      ...secrets,
    },
    registrations,
    flags,
  );
}

function warningsAbout(survey: FleetSurvey): readonly string[] {
  const { file, rows, rejectedRows } = survey;
  const skipped = `${file}: ${formatNoun(rejectedRows, 'row')} skipped, ${formatCount(rows)} usable. See rejected-rows.csv in the run's folder for lines and reasons.`;
  return [
    ...fleetWarnings(survey).map(({ message, remedy }) => `${file}: ${message}. ${remedy}.`),
    ...(rejectedRows > 0 ? [skipped] : []),
  ];
}
