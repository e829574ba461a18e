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
import { type ResolvedScenario, withDelimiter } from '../../scenario/read/resolve-scenario.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { type RowSelection, selectFleetRows } from '../../selection/row-selection.ts';
import { selectedRows } from '../../selection/session-rows.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { loadScenario, type RunInputs, readRunInputs } from '../host/run-inputs.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import { describeRun } from '../view/describe-run.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { slotNotices } from '../view/slot-notices.ts';
import { fitted, warningLines } from '../view/terminal-line.ts';
import type { EndedRun, PreparedRun, RunPlace } from './execute-run.ts';
import { executionOptions, givenFlags, scenarioOption, settingOptions } from './options.ts';
import { type RedisFlags, redisOfRun, redisOptions } from './redis-options.ts';
import { runHelp } from './run-help.ts';

type ExecutionFlags = DisplayFlags & {
  /** Register a fleet again that was registered under the same out folder, at the same target. */
  readonly again?: true;
  readonly yes?: true;
};

type RunFlags = ExecutionFlags &
  RedisFlags & {
    readonly scenario?: string;
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
  const { dryRun = false, printConfig = false } = flags;
  const resolved = loadScenario(given, flags.scenario, environment);
  if (printConfig) {
    process.stdout.write(printScenario(slotted(resolved, CONCURRENCY_MAX).resolved));
    return EXIT_CODE.success;
  }
  const read = await readRun(resolved, flags, environment);
  if (dryRun) return describe(read, flags);
  const ended = await startRun(read, flags, null);
  return await (await import('./execute-run.ts')).showEndedRun(ended, flags);
}

/** A run with everything that its settings name, read and checked. */
type ReadRun = ReturnType<typeof slotted> &
  RunInputs & {
    readonly selection: RowSelection;
    /** To register in each round. */
    readonly rows: number;
    readonly redis: PreparedRun['redis'];
  };

/** Also prints what is worth a warning. */
async function readRun(
  resolved: ResolvedScenario,
  flags: RedisFlags & Pick<RunFlags, 'dryRun'>,
  environment: Environment,
): Promise<ReadRun> {
  const { agents } = resolved.scenario;
  const meetsElsewhere = agents !== null && agents.local === null;
  const redis = flags.dryRun && meetsElsewhere ? null : await redisOfRun(agents, flags, environment);
  const inputs = await readRunInputs(resolved.scenario, environment);
  const { fleet } = inputs;
  const selection = await selectFleetRows(resolved.scenario, fleet, null);
  const rows = selectedRows({ load: resolved.scenario.load, selection });
  const settled = slotted(withDelimiter(resolved, fleet.delimiter), rows);
  process.stderr.write(warningLines([...warningsAbout(fleet), ...selection.warnings], process.stderr));
  return { ...inputs, ...settled, selection, rows, redis };
}

/** What the run would do. */
function describe({ resolved, choice, fleet, rows }: ReadRun, { again }: RunFlags): number {
  const { out, target } = resolved.scenario;
  if (target.kind === 'service' && !again) refuseRepeatedRun({ out, digest: fleet.digest, target });
  process.stdout.write(fitted(describeRun({ resolved, choice }, fleet, rows), process.stdout));
  return EXIT_CODE.success;
}

/** @param place `null` = the run stands for itself */
async function startRun(read: ReadRun, flags: ExecutionFlags, place: RunPlace | null): Promise<EndedRun> {
  const { resolved, choice, fleet, selection, rows, redis, keys, caPems, allocation } = read;
  const { scenario } = resolved;
  const { again = false, yes = false } = flags;
  const { warnings, notices } = slotNotices(scenario.load, choice, rows);
  process.stderr.write(warningLines([...warnings, ...plannedLoadWarnings(scenario.load, rows)], process.stderr));
  const registrations = rows * scenario.load.rounds;
  await confirmRisks(scenario, { rows, registrations }, yes);
  // Loaded late: it takes longer to load than most mistakes take to find.
  const { executeRun, OWN_PLACE } = await import('./execute-run.ts');
  return executeRun(
    {
      scenario: { ...scenario, allocation },
      settings: scenarioKeys(resolved),
      ...{ fleet, selection, resumed: null, again, notices, redis, keys, caPems },
      ...(place ?? OWN_PLACE),
    },
    registrations,
    flags,
  );
}

/** Registers a fleet as a part of something larger. */
export async function runPart(
  resolved: ResolvedScenario,
  flags: ExecutionFlags & RedisFlags,
  place: RunPlace,
): Promise<EndedRun> {
  return await startRun(await readRun(resolved, flags, process.env), flags, place);
}

function warningsAbout(survey: FleetSurvey): readonly string[] {
  const { file, rows, rejectedRows } = survey;
  const skipped = `${file}: ${formatNoun(rejectedRows, 'row')} skipped, ${formatCount(rows)} usable. See rejected-rows.csv in the run's folder for lines and reasons.`;
  return [
    ...fleetWarnings(survey).map(({ message, remedy }) => `${file}: ${message}. ${remedy}.`),
    ...(rejectedRows > 0 ? [skipped] : []),
  ];
}
