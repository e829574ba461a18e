#!/usr/bin/env node
import { Command } from 'commander';
import { dpsloadVersion } from './dpsload-version.ts';
import { errorReport } from './error-report.ts';
import { EXIT_CODE } from './exit-code.ts';
import type { RunFleet } from './run-command.ts';

/** Each brings libraries of its own, and the start of a process is a part of every script: only what is asked for is loaded. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map(
  Object.entries({
    run: async () => (await import('./run-command.ts')).runCommand(loadAndRun, finish),
    resume: async () => (await import('./resume-command.ts')).resumeCommand(loadAndRun, finish),
    compare: async () => (await import('./compare-command.ts')).compareCommand(finish),
    report: async () => (await import('./report-command.ts')).reportCommand(),
    emulator: async () => (await import('./emulator-command.ts')).emulatorCommand(),
    fleet: async () => (await import('./fleet-command.ts')).fleetCommand(),
    check: async () => (await import('./check-command.ts')).checkCommand(finish),
    scenario: async () => (await import('./scenario-command.ts')).scenarioCommand(),
    certs: async () => (await import('./certs-command.ts')).certsCommand(),
    sas: async () => (await import('./sas-command.ts')).sasCommand(),
  }),
);

const VERSION_FLAGS = ['-V', '--version'];

await main();

/** MQTT and its kin take longer to load than most mistakes take to be found. */
async function loadAndRun(...request: Parameters<RunFleet>): Promise<number> {
  return (await import('./start-run.ts')).startRun(...request);
}

function finish(exitCode: number): void {
  process.exitCode = exitCode;
}

/** The one place that turns errors into messages and exit codes. */
async function main(): Promise<void> {
  endQuietlyWithReader();
  try {
    await (await program(process.argv[2])).parseAsync();
  } catch (error) {
    const { exitCode, message } = errorReport(error);
    process.stderr.write(message);
    process.exitCode = exitCode;
  }
}

/** @param asked the first word of the command line; one that is neither a command nor asks for the version loads them all, for the help. */
async function program(asked = ''): Promise<Command> {
  const command = COMMANDS.get(asked);
  const loaders = command ? [command] : VERSION_FLAGS.includes(asked) ? [] : [...COMMANDS.values()];
  const root = new Command('dpsload')
    .description(
      'Registers fleets of devices with the Azure IoT Hub Device Provisioning Service (DPS) over MQTT, measures how that ' +
        'goes, and brings a DPS emulator of its own.',
    )
    .version(dpsloadVersion(), VERSION_FLAGS.join(', '), 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', '\nExample:\n  dpsload run scenarios/sample-fleet.csv --emulator\n');
  for (const load of loaders) root.addCommand(await load());
  return throwingErrors(root);
}

/** Makes commander throw instead of ending the process, in every command; it prints help, and no error. */
function throwingErrors(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) throwingErrors(child);
  return command;
}

/** `dpsload … | head` is no error. */
function endQuietlyWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT_CODE.success);
  });
}
