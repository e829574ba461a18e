import type { X509Certificate } from 'node:crypto';
import { Command, Option } from 'commander';
import { certificatesIn } from '../../certificates/certificate-chain.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { type CheckReport, checkRun } from '../../preflight/check-run.ts';
import { slotted } from '../../preflight/choose-slots.ts';
import { refusalOf, unknown } from '../../preflight/finding.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { wholeNumberBetween } from '../../scenario/notation/notation.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import type { ResolvedScenario } from '../../scenario/read/resolve-scenario.ts';
import type { AttestationChoice, Environment } from '../../scenario/scenario.ts';
import { selectFleetRows } from '../../selection/row-selection.ts';
import { selectedRows } from '../../selection/session-rows.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { allOrEveryProblem, loadScenario, readCaFile, readRunInputs } from '../host/run-inputs.ts';
import { checkText } from '../view/check-text.ts';
import { describeTarget } from '../view/describe-run.ts';
import { fitted } from '../view/terminal-line.ts';
import { appendValue, givenFlags, readFlag, scenarioOption, settingOptions } from './options.ts';
import { type TrialEnd, type TrialRequest, tryForCheck } from './try-for-check.ts';

const RECORDS = wholeNumberBetween(0, 1_000_000_000);

/** Most devices of each group: more would be a load, which is what runs with `--limit` are for. */
const TRIED = wholeNumberBetween(1, 100);

type CheckFlags = {
  readonly scenario?: string;
  readonly existingRecords?: string;
  readonly enrollmentCa?: readonly string[];
  readonly try?: string;
  readonly yes?: true;
  readonly json?: true;
};

export function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Reads fleet, keys and certificates, connects to the target as the first device, and compares the load with what ' +
        'the service and this machine allow. Takes the options of dpsload run. Registers nothing without --try.',
    )
    .argument('[FLEET.csv]', 'the fleet (default: fleet.file of the scenario)')
    .addHelpText('after', CHECK_HELP);
  for (const option of settingOptions()) command.addOption(option);
  for (const option of checkOptions()) command.addOption(option.helpGroup('Check:'));
  return command.action(async (fleet: string | undefined, flags: CheckFlags) => {
    process.exitCode = await check(givenFlags(command, fleet), flags, process.env);
  });
}

function checkOptions(): readonly Option[] {
  return [
    scenarioOption(),
    new Option('--existing-records <n>', 'registration records that the instance already holds (default: unknown)'),
    new Option(
      '--enrollment-ca <file>',
      'PEM file with the CA of an X.509 enrollment group, to check the chain of every device certificate; repeatable (default: not checked)',
    ).argParser(appendValue),
    new Option(
      '--try <n>',
      'register the first n devices of each group, which proves keys, chain, ID scope and allocation; they stay registered (default: none)',
    ),
    new Option('--yes', 'do not ask before --try registers devices at a real service (default: ask)'),
    new Option('--json', 'print the findings as JSON (default: no)'),
  ];
}

const CHECK_HELP = `
Exit codes:
  ${EXIT_CODE.success}  no problem was found
  ${EXIT_CODE.usage}  invalid command line or scenario, or a problem with what this side
     gives: fleet, key and certificate files, output folder, disk space, limits
     of this machine. It takes precedence over ${EXIT_CODE.unreachable}
  ${EXIT_CODE.unreachable}  a problem with the target: name, TLS, ID scope, records, hubs
  With --try, a key or certificate that the service refuses counts as a problem
  of this side, any other failed registration as one of the target

Examples:
  dpsload check fleet.csv --id-scope 0ne00111111 \\
    --host global.azure-devices-provisioning.net \\
    --existing-records 120000 --hubs hub-a=S1:2,hub-b=S1:2
  dpsload check fleet.csv --id-scope 0ne00111111 \\
    --host global.azure-devices-provisioning.net --try 1
`;

async function check(given: Flags, flags: CheckFlags, environment: Environment): Promise<number> {
  const problems: Problem[] = [];
  const existingRecords = readFlag('--existing-records', flags.existingRecords, RECORDS, problems);
  const perGroup = readFlag('--try', flags.try, TRIED, problems);
  const loaded = scenarioOrEveryProblem(() => loadScenario(given, flags.scenario, environment), problems);
  const [enrollmentCas, { fleet: survey, ...inputs }] = await allOrEveryProblem([
    readEnrollmentCas(flags.enrollmentCa ?? null, loaded.scenario.attestation),
    readRunInputs(loaded.scenario, environment),
  ]);
  const selection = await selectFleetRows(loaded.scenario, survey, null);
  const { resolved, choice: slots } = slotted(loaded, selectedRows({ load: loaded.scenario.load, selection }));
  const { scenario } = resolved;
  const userAgent = `dpsload/${dpsloadVersion()}`;
  const dry = await checkRun(
    { scenario, survey, ...inputs, slots, existingRecords, enrollmentCas, selection, userAgent },
    systemClock(hrtimeMs()),
  );
  const { report, stoppedBy } = await tried(dry, perGroup, {
    scenario,
    survey,
    ...inputs,
    selection,
    yes: flags.yes ?? false,
  });
  const target = describeTarget(scenario.target, scenario.apiVersion);
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ target, ...report }, null, 2)}\n`
      : fitted(checkText(report, target, scenario.target.kind === 'emulator'), process.stdout),
  );
  if (stoppedBy !== null) return EXIT_CODE[stoppedBy];
  const refusal = refusalOf(report.findings);
  return refusal === null ? EXIT_CODE.success : EXIT_CODE[refusal];
}

/** Tries devices if asked to, and if nothing is known yet that would make them fail. */
async function tried(
  report: CheckReport,
  perGroup: number | null,
  request: Omit<TrialRequest, 'perGroup'>,
): Promise<TrialEnd> {
  if (perGroup === null) return { report, stoppedBy: null };
  if (refusalOf(report.findings) === null) return await tryForCheck(report, { ...request, perGroup });
  const skipped = unknown(
    'registration',
    'no device was tried, because there are problems already: correct them first',
  );
  return { report: { ...report, findings: [...report.findings, skipped], tried: [] }, stoppedBy: null };
}

/** The scenario, unless there are `problems` or it has some: all of them are thrown as one error. */
function scenarioOrEveryProblem(load: () => ResolvedScenario, problems: readonly Problem[]): ResolvedScenario {
  try {
    const resolved = load();
    if (problems.length === 0) return resolved;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError('usage', [...problems, ...error.problems]);
  }
  throw new OperatorError('usage', problems);
}

async function readEnrollmentCas(
  files: readonly string[] | null,
  { kind }: AttestationChoice,
): Promise<readonly X509Certificate[] | null> {
  if (files === null) return null;
  if (kind !== 'x509') {
    const message = '--enrollment-ca is only for X.509 certificates';
    throw new OperatorError('usage', [problem(message, 'Remove it, or give --attestation x509')]);
  }
  const pems = await allOrEveryProblem(files.map(readCaFile));
  return pems.flat().flatMap(certificatesIn);
}
