import { Command } from 'commander';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { refuseSecretFileNames } from '../host/secret-file-names.ts';
import { CommandLineError } from '../view/error-message.ts';

type CommandEntry = readonly [summary: string, load: () => Promise<Command>];

/** Only the requested command is loaded, since scripts pay for the start of every process. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  enroll: [
    'Create enrollments for a fleet through the service API',
    async () => (await import('./enroll-command.ts')).enrollCommand(),
  ],
  run: ['Register a fleet and report the results', async () => (await import('./run-command.ts')).runCommand()],
  resume: [
    'Continue a stopped run in the same journal',
    async () => (await import('./resume-command.ts')).resumeCommand(),
  ],
  'hub-check': [
    'Check the devices of a run at their hubs',
    async () => (await import('./hub-check-command.ts')).hubCheckCommand(),
  ],
  journey: [
    'Enroll, register, check and audit a batch in one go',
    async () => (await import('./journey-command.ts')).journeyCommand(),
  ],
  agent: [
    'Host workers for runs that are started elsewhere',
    async () => (await import('./agent-command.ts')).agentCommand(),
  ],
  agents: ['List the agents that are connected', async () => (await import('./agents-command.ts')).agentsCommand()],
  check: [
    'Find everything that could stop a run or limit its speed',
    async () => (await import('./check-command.ts')).checkCommand(),
  ],
  report: [
    'Rebuild the results of one or more runs from their journals',
    async () => (await import('./report-command.ts')).reportCommand(),
  ],
  runs: ['List the runs of a folder with their state', async () => (await import('./runs-command.ts')).runsCommand()],
  audit: [
    'Compare a run with the records of the service',
    async () => (await import('./audit-command.ts')).auditCommand(),
  ],
  cleanup: [
    'Delete what a run or dpsload enroll created at the service',
    async () => (await import('./cleanup-command.ts')).cleanupCommand(),
  ],
  compare: ['Compare two or more runs', async () => (await import('./compare-command.ts')).compareCommand()],
  emulator: ['Run the DPS emulator on its own', async () => (await import('./emulator-command.ts')).emulatorCommand()],
  scenario: [
    'List and show the bundled scenarios',
    async () => (await import('./scenario-command.ts')).scenarioCommand(),
  ],
  fleet: ['Generate a fleet CSV', async () => (await import('./fleet-command.ts')).fleetCommand()],
  certs: ['Create CA and device certificates', async () => (await import('./certs-command.ts')).certsCommand()],
  sas: ['Print a SAS token for any MQTT client', async () => (await import('./sas-command.ts')).sasCommand()],
};

/** @param requested name of the command to load; the others appear in the help only. */
export async function buildProgram(requested: string | undefined): Promise<Command> {
  const root = new Command('dpsload')
    .description(
      'Registers fleets of devices with the Azure IoT Hub Device Provisioning Service (DPS) over MQTT, measures how it ' +
        'performs, and includes a DPS emulator.',
    )
    .version(dpsloadVersion(), '-V, --version', 'print the version')
    .addHelpText('after', '\nExample:\n  dpsload run -s @first-run\n')
    .hook('preAction', (_, command) => refuseSecretFileNames(command));
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const command = name === requested ? await load() : new Command(name);
    root.addCommand(command.summary(summary));
  }
  plainDefaults(root);
  ownHelpTexts(root);
  return throwErrors(root);
}

/** In place of those of commander, in every command. */
function ownHelpTexts(command: Command): void {
  command.helpOption('-h, --help', 'show this help');
  if (command.commands.length > 0) command.helpCommand('help [command]', 'Show the help of a command');
  for (const child of command.commands) ownHelpTexts(child);
}

/** Makes commander print defaults as they are typed, like those of settings; it would put text in quotes. */
function plainDefaults(command: Command): void {
  for (const input of [...command.options, ...command.registeredArguments])
    if (typeof input.defaultValue === 'string') input.defaultValueDescription ??= input.defaultValue;
  for (const child of command.commands) plainDefaults(child);
}

/** Makes commander throw instead of ending the process; it still prints help, but no errors. */
function throwErrors(command: Command, path: string = command.name()): Command {
  command.configureOutput({ outputError: () => {} }).exitOverride((error) => {
    throw new CommandLineError(error, path);
  });
  for (const child of command.commands) throwErrors(child, `${path} ${child.name()}`);
  return command;
}
