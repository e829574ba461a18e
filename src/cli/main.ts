#!/usr/bin/env node
import { Command } from 'commander';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { dpsloadVersion } from './host/dpsload-version.ts';
import { EXIT_CODE } from './host/exit-code.ts';
import type { StartRun } from './host/run-inputs.ts';
import { refuseSecretFileNames } from './host/secret-file-names.ts';
import { errorReport } from './view/error-report.ts';

type CommandEntry = { readonly summary: string; readonly load: () => Promise<Command> };

/** Each brings libraries of its own, and the start of a process is a part of every script: only what is asked for is loaded. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: 'register a fleet, and say how that went',
    load: async () => (await import('./commands/run-command.ts')).runCommand(loadAndRun, finish),
  },
  resume: {
    summary: 'go on with a run that stopped, in the same journal',
    load: async () => (await import('./commands/resume-command.ts')).resumeCommand(loadAndRun, finish),
  },
  compare: {
    summary: 'two or more runs side by side',
    load: async () => (await import('./commands/compare-command.ts')).compareCommand(finish),
  },
  report: {
    summary: 'rebuild the results of a run, or of several runs of one fleet, from their journals',
    load: async () => (await import('./commands/report-command.ts')).reportCommand(),
  },
  emulator: {
    summary: 'the DPS emulator, alone',
    load: async () => (await import('./commands/emulator-command.ts')).emulatorCommand(),
  },
  fleet: {
    summary: 'make a fleet CSV',
    load: async () => (await import('./commands/fleet-command.ts')).fleetCommand(),
  },
  check: {
    summary: 'look at everything that could stop a run, or bound its speed',
    load: async () => (await import('./commands/check-command.ts')).checkCommand(finish),
  },
  scenario: {
    summary: 'the scenarios that dpsload brings',
    load: async () => (await import('./commands/scenario-command.ts')).scenarioCommand(),
  },
  certs: {
    summary: 'make CA, intermediate and device certificates',
    load: async () => (await import('./commands/certs-command.ts')).certsCommand(),
  },
  sas: {
    summary: 'print a SAS token for any MQTT client',
    load: async () => (await import('./commands/sas-command.ts')).sasCommand(),
  },
};

/** Of a pipe, and of a terminal. */
const READER_GONE = ['EPIPE', 'EIO'];

await main();

/** MQTT and its kin take longer to load than most mistakes take to be found. */
async function loadAndRun(...request: Parameters<StartRun>): Promise<number> {
  return (await import('./commands/start-run.ts')).startRun(...request);
}

/** Whoever stopped a run waits for nothing that is still under way: a connection that nobody answers, results half written. */
function finish(exitCode: number): void {
  if (exitCode === EXIT_CODE.interrupted || exitCode === EXIT_CODE.terminated) process.exit(exitCode);
  process.exitCode = exitCode;
}

/** The one place that turns errors into messages and exit codes. */
async function main(): Promise<void> {
  outliveReaders();
  try {
    const [, , first, second] = process.argv;
    await (await program(first === 'help' ? second : first)).parseAsync();
  } catch (error) {
    const { exitCode, message } = errorReport(error);
    process.stderr.write(message);
    finish(exitCode);
  }
}

/** @param asked the command that is loaded; of the others there are the names alone, for the help. */
async function program(asked: string | undefined): Promise<Command> {
  const root = new Command('dpsload')
    .description(
      'Registers fleets of devices with the Azure IoT Hub Device Provisioning Service (DPS) over MQTT, measures how that ' +
        'goes, and brings a DPS emulator of its own.',
    )
    .version(dpsloadVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', '\nExample:\n  dpsload run scenarios/sample-fleet.csv --emulator\n')
    .hook('preAction', (_, command) => refuseSecretFileNames(command));
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = name === asked ? await load() : new Command(name);
    root.addCommand(command.summary(summary));
  }
  return throwingErrors(root);
}

/** Makes commander throw instead of ending the process, in every command; it prints help, and no error. */
function throwingErrors(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) throwingErrors(child);
  return command;
}

/**
 * Whoever reads along may go (`dpsload … | head`, a log's disk that is full, a terminal that is closed): what is done, and
 * how it ends, stays the same. What should have been on stdout and is not must be told, though.
 */
function outliveReaders(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code = '', message }: NodeJS.ErrnoException) => {
    if (READER_GONE.includes(code)) return;
    const remedy = 'Make room where it goes; what a run did is in its folder all the same';
    const { exitCode, message: text } = errorReport(
      new OperatorError('local', [problem(`stdout cannot be written (${message})`, remedy)]),
    );
    process.stderr.write(text);
    process.exit(exitCode);
  });
}
