import { closeSync, openSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { loadKey } from '../../attestation/attestation-keys.ts';
import type { SignatureHash } from '../../certificates/key-algorithm.ts';
import type { ServerKeys } from '../../certificates/server-identity.ts';
import { defaultInstance, generatedGroupKeyFile, wellKnownKeyFile } from '../../emulator/config/default-instance.ts';
import { EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/emulator-defaults.ts';
import { type EmulatorConfig, readEmulatorConfig } from '../../emulator/config/read-emulator-config.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../emulator/service/service-behavior.ts';
import { OperatorError, type Problem, problem, problemIn } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { ID_SCOPE, wholeNumberBetween } from '../../scenario/notation/notation.ts';
import { type Environment, GROUP_KEY_VARIABLE, type SecretSource } from '../../scenario/scenario.ts';
import { readFlag } from './options.ts';

export type EmulatorFlags = {
  readonly config?: string;
  readonly host: string;
  readonly port: string;
  readonly websocketPort?: string;
  readonly hubPort?: string;
  readonly httpPort?: string;
  readonly httpHost?: string;
  readonly servicePort?: string;
  readonly idScope?: string;
  readonly groupKeyFile?: string;
  readonly wellKnownKey?: true;
  readonly caDir?: string;
  readonly serverKeys: ServerKeys;
  readonly serverHash?: SignatureHash;
  readonly retryAfter?: string;
  readonly state?: string;
  readonly records?: string;
  readonly serverName?: readonly string[];
  readonly trace?: readonly string[];
  readonly exec?: string;
  /** `true`: the process that started this one. */
  readonly exitWithParent?: string | true;
};

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
/** A registration ID, with `*` for any characters. */
const ID_PATTERN = /^[A-Za-z0-9._:*-]{1,128}$/;
const PORT = wholeNumberBetween(0, 65_535);
const RETRY_AFTER_SECONDS = wholeNumberBetween(0, 3_600);
const PID = wholeNumberBetween(1, 2 ** 31 - 1);

/** The flags that are numbers; `null` = not given. @throws OperatorError with every invalid flag. */
export function checkFlags(flags: EmulatorFlags) {
  const problems: Problem[] = [];
  const { config, idScope, groupKeyFile, wellKnownKey, records, serverName = [], trace = [], exitWithParent } = flags;
  const ports = {
    port: readFlag('--port', flags.port, PORT, problems) ?? 0,
    websocketPort: readFlag('--websocket-port', flags.websocketPort, PORT, problems),
    hubPort: readFlag('--hub-port', flags.hubPort, PORT, problems),
    httpPort: readFlag('--http-port', flags.httpPort, PORT, problems),
    servicePort: readFlag('--service-port', flags.servicePort, PORT, problems),
  };
  const retryAfterSeconds = readFlag('--retry-after', flags.retryAfter, RETRY_AFTER_SECONDS, problems);
  const parentPid = exitWithParent === true ? null : readFlag('--exit-with-parent', exitWithParent, PID, problems);
  readFlag('--id-scope', idScope, ID_SCOPE, problems);
  const ofSimpleInstance = {
    '--id-scope': idScope,
    '--group-key-file': groupKeyFile,
    '--well-known-key': wellKnownKey,
  };
  for (const [option, value] of Object.entries(ofSimpleInstance)) {
    if (config === undefined || value === undefined) continue;
    problems.push(problem(`${option} cannot be combined with --config`, 'Write it into the configuration file'));
  }
  if (wellKnownKey && groupKeyFile !== undefined) {
    problems.push(problem('--well-known-key cannot be combined with --group-key-file', 'Remove one of them'));
  }
  for (const pattern of trace.filter((given) => !ID_PATTERN.test(given))) {
    problems.push(
      problem(`--trace ${quoteValue(pattern)} cannot match a registration ID`, 'Use letters, digits, - . _ : and *'),
    );
  }
  if (flags.httpHost !== undefined && flags.httpPort === undefined) {
    problems.push(problem('--http-host has no effect without --http-port', 'Add --http-port, or remove --http-host'));
  }
  if (flags.exec?.trim() === '') problems.push(problem('--exec names no command', 'Name one, or remove the option'));
  if (records !== undefined) problems.push(...unwritable(records));
  for (const name of serverName.filter((given) => !isIP(given) && !HOST_NAME.test(given))) {
    problems.push(problem(`--server-name ${quoteValue(name)} is not a host name or IP address`, 'Correct it'));
  }
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { ports, retryAfterSeconds, parentPid };
}

/** Checked at the start, since the file is only written at the end. */
function unwritable(recordsFile: string): readonly Problem[] {
  try {
    closeSync(openSync(recordsFile, 'a'));
    return [];
  } catch (error) {
    const message = `--records cannot be written (${(error as NodeJS.ErrnoException).code})`;
    return [problemIn(recordsFile, message, 'Name a file in a folder that exists')];
  }
}

/** What to emulate. `groupKeyFile`: the file with the group's key; `null` = there is none, or several. */
export type EmulatorSettings = { readonly config: EmulatorConfig; readonly groupKeyFile: string | null };

/** The instances of the configuration file, or one instance with a single enrollment group. */
export async function emulatorSettings(
  flags: EmulatorFlags,
  retryAfterSeconds: number | null,
  caDir: string,
  environment: Environment,
): Promise<EmulatorSettings> {
  const { config, groupKeyFile } =
    flags.config === undefined
      ? await simpleSettings(flags, caDir, environment)
      : { config: readEmulatorConfig(flags.config, environment), groupKeyFile: null };
  if (retryAfterSeconds === null) return { config, groupKeyFile };
  return { config: { ...config, behavior: { ...config.behavior, retryAfterSeconds } }, groupKeyFile };
}

async function simpleSettings(
  flags: EmulatorFlags,
  caDir: string,
  environment: Environment,
): Promise<EmulatorSettings> {
  const file = groupKeyFile(flags, caDir, environment);
  const source: SecretSource =
    file === null ? { kind: 'environment', variable: GROUP_KEY_VARIABLE } : { kind: 'file', file };
  const loaded = await loadKey(source, environment, 'the group key');
  if ('problem' in loaded) throw new OperatorError('usage', [loaded.problem]);
  const instances = [defaultInstance(flags.idScope ?? EMULATOR_ID_SCOPE_DEFAULT, loaded.key)];
  return {
    config: { instances, behavior: SERVICE_BEHAVIOR_DEFAULT, faults: [], seed: 1 },
    groupKeyFile: file === null ? null : resolve(file),
  };
}

/** `null` = the key is in the environment. */
function groupKeyFile(flags: EmulatorFlags, caDir: string, environment: Environment): string | null {
  if (flags.groupKeyFile !== undefined) return flags.groupKeyFile;
  if (flags.wellKnownKey) return wellKnownKeyFile(caDir);
  return (environment[GROUP_KEY_VARIABLE] ?? '') === '' ? generatedGroupKeyFile(caDir) : null;
}
