import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { MQTT_PORT } from '../../dps/endpoint.ts';
import { EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/default-instance.ts';
import { emulatorConfigSchema } from '../../emulator/config/emulator-schema.ts';
import { EMULATOR_HOST_DEFAULT, type Emulator, startEmulator, writeRecords } from '../../emulator/start-emulator.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import { GROUP_KEY_VARIABLE } from '../../scenario/scenario.ts';
import { checkedFlags, type EmulatorFlags, emulatorSettings } from '../host/emulator-settings.ts';
import { isAtTerminal } from '../host/stop-signals.ts';

export function emulatorCommand(): Command {
  return new Command('emulator')
    .description(
      'Runs an emulator of the Device Provisioning Service for MQTT devices until SIGINT or SIGTERM. ' +
        'Prints one JSON line on stdout once it listens, and a line on stderr for each refused request.',
    )
    .option('-c, --config <file>', 'instances, enrollments, quotas and faults to emulate (YAML)')
    .option('--config-schema', 'print the JSON Schema of that file, and end')
    .option('--host <address>', 'address to listen on', EMULATOR_HOST_DEFAULT)
    .option(
      '--server-name <name>',
      'further name or IP address that the server certificate stands for, such as global.azure-devices-provisioning.net; repeatable',
      (name: string, names: readonly string[] = []) => [...names, name],
    )
    .option('--port <n>', 'MQTT over TLS; 0 = any free port', String(MQTT_PORT))
    .option('--websocket-port <n>', 'MQTT over WebSocket over TLS; 0 = any free port (default: not offered)')
    .option('--http-port <n>', 'registration records over plain HTTP; 0 = any free port (default: not offered)')
    .option('--id-scope <scope>', `ID scope of the emulated instance (default: ${EMULATOR_ID_SCOPE_DEFAULT})`)
    .option(
      '--group-key-file <file>',
      `key of the enrollment group, base64; else ${GROUP_KEY_VARIABLE}, else a new one, written into the CA folder`,
    )
    .option(
      '--ca-dir <dir>',
      'holds CA, server certificate and generated key; created when absent (default: for this run only)',
    )
    .option('--retry-after <seconds>', 'what devices are told to wait before each poll (default: 3)')
    .option('--records <file>', 'write the registration records and counters there on exit, one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  dpsload emulator --port 0 --ca-dir ca      CA and group key go into ca/
  dpsload emulator -c emulator.yaml --records records.ndjson

A device connects to host and port of the JSON line, trusts caFile, and signs
with a key derived from the one in groupKeyFile. For any MQTT client:
  dpsload sas --id-scope ${EMULATOR_ID_SCOPE_DEFAULT} --registration-id dev-1 \\
    --group-key-file ca/group.key --mqtt`,
    )
    .action(runEmulator);
}

async function runEmulator(flags: EmulatorFlags & { readonly configSchema?: true }): Promise<void> {
  if (flags.configSchema) {
    process.stdout.write(`${JSON.stringify(emulatorConfigSchema(), null, 2)}\n`);
    return;
  }
  const checked = checkedFlags(flags);
  const isCaDirTemporary = flags.caDir === undefined;
  const caDir = flags.caDir ?? mkdtempSync(join(tmpdir(), 'dpsload-emulator-'));
  try {
    makeOwnFolder(caDir);
    const { config, groupKeyFile } = await emulatorSettings(flags, checked, caDir, process.env);
    if (groupKeyFile !== null) log(`the key of enrollment group "${EMULATOR_GROUP_DEFAULT}" is in ${groupKeyFile}`);
    const emulator = await startEmulator({
      ...config,
      ...checked.ports,
      host: flags.host,
      serverNames: flags.serverName ?? [],
      caDir,
      log,
    });
    const told = toldToStop();
    process.stdout.write(`${JSON.stringify(readyLine(emulator, groupKeyFile))}\n`);
    await told;
    await emulator.close();
    if (flags.records !== undefined) writeRecords(flags.records, emulator);
  } finally {
    if (isCaDirTemporary) rmSync(caDir, { recursive: true, force: true });
  }
}

/** @param groupKeyFile of a key that was made for this run, which whoever reads the line needs. */
function readyLine(emulator: Emulator, groupKeyFile: string | null): object {
  const { host, port, websocketPort, httpPort, idScope, caFile, enrollmentGroups } = emulator;
  const ready = { ready: true, host, port, websocketPort, idScope, caFile, enrollmentGroups };
  return {
    ...ready,
    ...(httpPort === null ? {} : { httpPort }),
    ...(groupKeyFile === null ? {} : { groupKeyFile }),
  };
}

function log(line: string): void {
  process.stderr.write(`emulator: ${line}\n`);
}

/** Resolves on SIGINT or SIGTERM, or when its terminal is closed; started by another process, also when that says `{ type: "stop" }`, or has ended. */
function toldToStop(): Promise<void> {
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
  });
}
