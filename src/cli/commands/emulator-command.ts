import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { SIGNATURE_HASHES } from '../../certificates/key-algorithm.ts';
import { SERVER_KEYS } from '../../certificates/server-identity.ts';
import { MQTT_PORT } from '../../dps/endpoint.ts';
import { EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/emulator-defaults.ts';
import { emulatorConfigSchema } from '../../emulator/config/emulator-schema.ts';
import { EMULATOR_HOST_DEFAULT, type Emulator, startEmulator, writeRecords } from '../../emulator/start-emulator.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import { GROUP_KEY_VARIABLE } from '../../scenario/scenario.ts';
import { isAtTerminal } from '../host/stop-signals.ts';
import { checkFlags, type EmulatorFlags, emulatorSettings } from './emulator-settings.ts';
import { appendValue } from './options.ts';

export function emulatorCommand(): Command {
  return new Command('emulator')
    .description(
      'Emulates the Device Provisioning Service for MQTT devices until SIGINT or SIGTERM. ' +
        'Prints one JSON line on stdout once it listens, and a line on stderr for each refused request.',
    )
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
    .option('--http-port <n>', 'port for registration records over plain HTTP; 0 = any free port (default: off)')
    .option('--id-scope <scope>', `ID scope of the emulated instance (default: ${EMULATOR_ID_SCOPE_DEFAULT})`)
    .option(
      '--group-key-file <file>',
      `file with the base64 key of the enrollment group (default: ${GROUP_KEY_VARIABLE}, or a new key in the CA folder)`,
    )
    .option(
      '--ca-dir <dir>',
      'folder for CA, server certificates and generated key; created if absent (default: a temporary folder)',
    )
    .addOption(serverKeysOption())
    .addOption(serverHashOption())
    .option('--retry-after <seconds>', 'retry-after that devices receive, the wait before each poll (default: 3)')
    .option('--records <file>', 'on exit, write registration records and counters, one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  dpsload emulator --port 0 --ca-dir ca      writes CA and group key to ca/
  dpsload emulator -c emulator.yaml --records records.ndjson

Devices connect to host and port of the JSON line, trust caFile, and sign with a
key derived from the one in groupKeyFile. For any MQTT client:
  dpsload sas --id-scope ${EMULATOR_ID_SCOPE_DEFAULT} --registration-id dev-1 \\
    --group-key-file ca/group.key --mqtt`,
    )
    .action(runEmulator);
}

function serverKeysOption(): Option {
  const help = 'keys of the server certificates; with both, the suites of the device choose';
  return new Option('--server-keys <kinds>', help).choices(SERVER_KEYS).default('both');
}

function serverHashOption(): Option {
  const help = 'hash in the signatures on them (default: sha256, and stored certificates stay)';
  return new Option('--server-hash <hash>', help).choices(Object.keys(SIGNATURE_HASHES));
}

async function runEmulator(flags: EmulatorFlags & { readonly configSchema?: true }): Promise<void> {
  if (flags.configSchema) {
    process.stdout.write(`${JSON.stringify(emulatorConfigSchema(), null, 2)}\n`);
    return;
  }
  const { ports, retryAfterSeconds } = checkFlags(flags);
  const isCaDirTemporary = flags.caDir === undefined;
  const caDir = flags.caDir ?? mkdtempSync(join(tmpdir(), 'dpsload-emulator-'));
  try {
    makeOwnFolder(caDir);
    const { config, groupKeyFile } = await emulatorSettings(flags, retryAfterSeconds, caDir, process.env);
    if (groupKeyFile !== null) log(`wrote the key of enrollment group "${EMULATOR_GROUP_DEFAULT}" to ${groupKeyFile}`);
    const emulator = await startEmulator({
      ...config,
      ...ports,
      host: flags.host,
      serverNames: flags.serverName ?? [],
      caDir,
      serverKeys: flags.serverKeys,
      serverHash: flags.serverHash ?? null,
      log,
    });
    const stopped = untilStopped();
    process.stdout.write(`${JSON.stringify(readyLine(emulator, groupKeyFile))}\n`);
    await stopped;
    await emulator.close();
    if (flags.records !== undefined) writeRecords(flags.records, emulator);
  } finally {
    if (isCaDirTemporary) rmSync(caDir, { recursive: true, force: true });
  }
}

/** JSON leaves undefined members out. @param groupKeyFile of a generated key, which devices need. */
function readyLine(emulator: Emulator, groupKeyFile: string | null): object {
  const { host, port, websocketPort, idScope, caFile, enrollmentGroups } = emulator;
  const always = { ready: true, host, port, websocketPort, idScope, caFile, enrollmentGroups };
  return { ...always, httpPort: emulator.httpPort ?? undefined, groupKeyFile: groupKeyFile ?? undefined };
}

function log(line: string): void {
  process.stderr.write(`emulator: ${line}\n`);
}

/**
 * Resolves on SIGINT or SIGTERM, or when the terminal is closed; in a child process also when the parent sends
 * `{ type: "stop" }` or has ended.
 */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('message', onMessage);
      if (process.connected) process.disconnect?.();
      resolve();
    };
    const onMessage = (message: unknown): void => {
      if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') stop();
    };
    process.on('message', onMessage);
    process.once('disconnect', stop);
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    process.on('SIGHUP', isAtTerminal() ? stop : () => {});
    // The parent may have ended before anyone listened for it.
    if (process.send !== undefined && !process.connected) stop();
  });
}
