import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SIGNATURE_HASHES } from '../../certificates/key-algorithm.ts';
import { SERVER_KEYS } from '../../certificates/server-identity.ts';
import { MQTT_PORT } from '../../dps/endpoint.ts';
import { EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/emulator-defaults.ts';
import { emulatorConfigSchema } from '../../emulator/config/emulator-schema.ts';
import { EMULATOR_HOST_DEFAULT, type Emulator } from '../../emulator/emulator.ts';
import { hostFromHere, startEmulator } from '../../emulator/start-emulator.ts';
import { writeRecords } from '../../emulator/write-records.ts';
import { newEmulatorFolder } from '../../files/emulator-folder.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import { type ProcessIdentity, processIdentity } from '../../files/process-identity.ts';
import { GROUP_KEY_VARIABLE } from '../../scenario/scenario.ts';
import { startShellCommand } from '../host/shell-command.ts';
import { listenForStop, parentProcesses } from '../host/stop-of-service.ts';
import { checkFlags, type EmulatorFlags, emulatorSettings } from './emulator-settings.ts';
import { traceDevices } from './emulator-trace.ts';
import { appendValue } from './options.ts';
import { reloadEmulator } from './reload-emulator.ts';
import { serviceConnectionFile, storeServiceConnection } from './service-connection.ts';

const DESCRIPTION =
  'Emulates the Device Provisioning Service for MQTT devices until SIGINT or SIGTERM; with --service-port, also its ' +
  'service API; with --hub-port, also the linked hubs. Prints one JSON line on stdout once it listens, and a line on ' +
  'stderr for each refused request. SIGHUP makes it read its configuration file again.';

const EXAMPLES = `
Examples:
  dpsload emulator --port 0 --ca-dir ca      writes CA and group key to ca/
  dpsload emulator -c emulator.yaml --records records.ndjson
  dpsload emulator --port 0 --exec 'npm test'
  dpsload emulator --service-port 0 --hub-port 0 --ca-dir ca

Devices connect to the host and port in the JSON line, trust caFile, and sign
with a key derived from the one in groupKeyFile. For any MQTT client:
  dpsload sas --id-scope ${EMULATOR_ID_SCOPE_DEFAULT} --registration-id dev-1 \\
    --group-key-file ca/group.key --mqtt`;

export function emulatorCommand(): Command {
  return new Command('emulator')
    .description(DESCRIPTION)
    .option('-c, --config <file>', 'instances, enrollments, quotas and faults to emulate (YAML)')
    .option('--config-schema', 'only print the JSON Schema of that file')
    .option('--host <address>', 'address to listen on', EMULATOR_HOST_DEFAULT)
    .option(
      '--server-name <name>',
      'additional name or IP address in the server certificate, such as global.azure-devices-provisioning.net; repeatable',
      appendValue,
    )
    .option('--port <n>', 'port for MQTT over TLS; 0 = any free port', String(MQTT_PORT))
    .option('--websocket-port <n>', 'port for MQTT over WebSocket over TLS; 0 = any free port (default: off)')
    .option('--hub-port <n>', 'port for all linked hubs, MQTT over TLS; 0 = any free port (default: off)')
    .option('--http-port <n>', 'port for health, records and control over plain HTTP; 0 = any free port (default: off)')
    .option(
      '--http-host <address>',
      `address for --http-port to listen on; anyone who can connect to it can read the records (default: ${EMULATOR_HOST_DEFAULT})`,
    )
    .option('--service-port <n>', 'port for the service API over HTTPS; 0 = any free port (default: off)')
    .option('--id-scope <scope>', `ID scope of the emulated instance (default: ${EMULATOR_ID_SCOPE_DEFAULT})`)
    .option(
      '--group-key-file <file>',
      `file with the base64 key of the enrollment group (default: the environment variable ${GROUP_KEY_VARIABLE}, or a new key in the CA folder)`,
    )
    .option(
      '--well-known-key',
      'give the enrollment group the key that the documentation publishes, so that clients can have it built in; it is no secret',
    )
    .option(
      '--ca-dir <dir>',
      'folder for the CA, the server certificates and the generated key; created if missing (default: a temporary folder)',
    )
    .addOption(serverKeysOption())
    .addOption(serverHashOption())
    .option('--retry-after <seconds>', 'retry-after sent to devices: how long they wait before each poll (default: 3)')
    .addOption(stateOption())
    .option('--records <file>', 'on exit, write registration records and counters, one JSON object per line')
    .addOption(traceOption())
    .option(
      '--exec <command>',
      'run this shell command once devices can connect, with host, port, CA and so on in environment variables (DPS_PORT, ...) instead of the JSON line; when it ends, stop, and exit with its exit code',
    )
    .option(
      '--exit-with-parent [pid]',
      'stop when the process that started this one has ended (with npx: the one that started npx), or the process with this ID',
    )
    .addHelpText('after', EXAMPLES)
    .action(runEmulator);
}

function traceOption(): Option {
  const help =
    'show every packet of the device with this registration ID on stderr, and what the real service would object to; * stands for any characters; repeatable';
  return new Option('--trace <id>', help).argParser(appendValue);
}

function serverKeysOption(): Option {
  const help = 'kinds of keys of the server certificates; with both, the cipher suites of the device decide';
  return new Option('--server-keys <kinds>', help).choices(SERVER_KEYS).default('both');
}

function serverHashOption(): Option {
  const help =
    'hash in the signatures on the server certificates (default: sha256; certificates that are in --ca-dir already stay)';
  return new Option('--server-hash <hash>', help).choices(Object.keys(SIGNATURE_HASHES));
}

function stateOption(): Option {
  const help =
    'keep registrations, operations, enrollments and the devices of the hubs in this file, so that they survive a restart or a crash; it holds keys (default: off)';
  return new Option('--state <file>', help);
}

async function runEmulator(flags: EmulatorFlags & { readonly configSchema?: true }): Promise<void> {
  if (flags.configSchema) {
    process.stdout.write(`${JSON.stringify(emulatorConfigSchema(), null, 2)}\n`);
    return;
  }
  const { ports, retryAfterSeconds, parentPid } = checkFlags(flags);
  const { trace = [] } = flags;
  const named = parentPid === null ? [] : [processIdentity(parentPid)];
  const parents = flags.exitWithParent === true ? parentProcesses(process.env) : named;
  const isCaDirTemporary = flags.caDir === undefined;
  const caDir = resolve(flags.caDir ?? newEmulatorFolder());
  try {
    makeOwnFolder(caDir);
    const readSettings = () => emulatorSettings(flags, retryAfterSeconds, caDir, process.env);
    const { config, groupKeyFile } = await readSettings();
    const connection = serviceConnectionFile(flags, caDir);
    const emulator = await startEmulator({
      ...config,
      ...connection.ownerKey,
      ...ports,
      host: flags.host,
      httpHost: flags.httpHost ?? EMULATOR_HOST_DEFAULT,
      serverNames: flags.serverName ?? [],
      caDir,
      serverKeys: flags.serverKeys,
      serverHash: flags.serverHash ?? null,
      // Nobody else can read them.
      conversations: ports.httpPort === null && trace.length === 0 ? null : {},
      stateFile: flags.state ?? null,
      log,
    });
    logKeys(flags, groupKeyFile);
    traceDevices(emulator, trace, (text) => process.stderr.write(text));
    const service = { parents, reload: () => void reloadEmulator(emulator, flags.config, readSettings, log) };
    try {
      const secrets = { groupKeyFile, serviceConnectionFile: storeServiceConnection(emulator, connection.file) };
      if (flags.exec === undefined) await serveUntilStopped(readyLine(emulator, secrets), service);
      else process.exitCode = await serveCommand(flags.exec, commandVariables(emulator, secrets), service);
    } finally {
      await emulator.close().finally(() => {
        if (flags.records !== undefined) writeRecords(flags.records, emulator);
      });
    }
  } finally {
    if (isCaDirTemporary) rmSync(caDir, { recursive: true, force: true });
  }
}

/** Where keys are, and who else has them. */
function logKeys({ wellKnownKey, host, state, caDir, servicePort }: EmulatorFlags, groupKeyFile: string | null): void {
  if (groupKeyFile !== null) log(`the key of enrollment group "${EMULATOR_GROUP_DEFAULT}" is in ${groupKeyFile}`);
  if (wellKnownKey && host !== EMULATOR_HOST_DEFAULT) {
    const may = servicePort === undefined ? 'register' : 'register, and change enrollments';
    log(`the well-known key is public: whoever reaches ${host} can ${may}`);
  }
  if (state !== undefined && caDir === undefined)
    log(
      'the file of --state outlives a restart, but the CA and a generated group key do not: pass --ca-dir to keep them',
    );
}

/** Who stops a running emulator, beside signals, and what SIGHUP does. */
type Service = { readonly parents: readonly ProcessIdentity[]; readonly reload: () => void };

async function serveUntilStopped(ready: object, { parents, reload }: Service): Promise<void> {
  let stopListening = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stopListening = listenForStop(parents, () => resolve(), reload);
  });
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  await stopped;
  stopListening();
}

/** Returns the exit code of the command. */
async function serveCommand(
  commandLine: string,
  variables: Readonly<Record<string, string | undefined>>,
  { parents, reload }: Service,
): Promise<number> {
  // A signal that comes while the command is being started waits for it.
  const stopListening = listenForStop(parents, (signal) => command.signal(signal), reload);
  const command = startShellCommand(commandLine, variables);
  try {
    return await command.exitCode;
  } finally {
    stopListening();
  }
}

/** Files that hold secrets: the key from which devices derive theirs, and the connection string of the service API; `null` = none. */
type SecretFiles = { readonly groupKeyFile: string | null; readonly serviceConnectionFile: string | null };

/** JSON leaves undefined members out. */
function readyLine(emulator: Emulator, { groupKeyFile, serviceConnectionFile: connectionFile }: SecretFiles): object {
  const { host, port, websocketPort, idScope, caFile, enrollmentGroups, hubPort, httpPort, servicePort } = emulator;
  return {
    ...{ ready: true, pid: process.pid, host, port, websocketPort, idScope, caFile, enrollmentGroups },
    hubPort: hubPort ?? undefined,
    httpPort: httpPort ?? undefined,
    groupKeyFile: groupKeyFile ?? undefined,
    servicePort: servicePort ?? undefined,
    serviceConnectionFile: connectionFile ?? undefined,
  };
}

/** The same for a command on this machine. What is not offered is not set, even if it is in the environment of this process. */
function commandVariables(
  emulator: Emulator,
  { groupKeyFile, serviceConnectionFile: connectionFile }: SecretFiles,
): Readonly<Record<string, string | undefined>> {
  const { host, port, websocketPort, hubPort, httpPort, servicePort, idScope, enrollmentGroups, caFile } = emulator;
  return {
    DPS_HOST: hostFromHere(host),
    DPS_PORT: String(port),
    DPS_WEBSOCKET_PORT: websocketPort?.toString(),
    DPS_HUB_PORT: hubPort?.toString(),
    DPS_HTTP_PORT: httpPort?.toString(),
    DPS_SERVICE_PORT: servicePort?.toString(),
    DPS_SERVICE_CONNECTION_FILE: connectionFile ?? undefined,
    DPS_ID_SCOPE: idScope,
    DPS_ENROLLMENT_GROUP: enrollmentGroups[0],
    DPS_CA_FILE: caFile,
    DPS_GROUP_KEY_FILE: groupKeyFile ?? undefined,
  };
}

function log(line: string): void {
  process.stderr.write(`emulator: ${line}\n`);
}
