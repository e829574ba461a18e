import { closeSync, openSync } from 'node:fs';
import { isIP } from 'node:net';
import { loadKey } from '../../attestation/attestation-keys.ts';
import { idScopeProblem } from '../../dps/endpoint.ts';
import {
  defaultInstance,
  EMULATOR_ID_SCOPE_DEFAULT,
  generatedGroupKeyFile,
} from '../../emulator/config/default-instance.ts';
import { type EmulatorConfig, readEmulatorConfig } from '../../emulator/config/read-emulator-config.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../emulator/service/service-behavior.ts';
import { OperatorError, type Problem, problem, problemIn } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { type Environment, GROUP_KEY_VARIABLE, type SecretSource } from '../../scenario/scenario.ts';

export type EmulatorFlags = {
  readonly config?: string;
  readonly host: string;
  readonly port: string;
  readonly websocketPort?: string;
  readonly httpPort?: string;
  readonly idScope?: string;
  readonly groupKeyFile?: string;
  readonly caDir?: string;
  readonly retryAfter?: string;
  readonly records?: string;
  readonly serverName?: readonly string[];
};

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

const PORT_MAX = 65_535;
const RETRY_AFTER_MAX_SECONDS = 3_600;

/** Flags whose form has been checked; `null` = not given. */
export type CheckedFlags = {
  readonly ports: {
    readonly port: number;
    readonly websocketPort: number | null;
    readonly httpPort: number | null;
  };
  readonly retryAfterSeconds: number | null;
};

/** @throws OperatorError with every flag that is wrong. */
export function checkedFlags(flags: EmulatorFlags): CheckedFlags {
  const problems: Problem[] = [];
  const wholeNumber = (option: string, text: string, max: number): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
    problems.push(problem(`${option} is ${quoteValue(text)}`, `Give a whole number from 0 to ${max}`));
    return 0;
  };
  const optional = (option: string, text: string | undefined, max: number): number | null =>
    text === undefined ? null : wholeNumber(option, text, max);
  const ports = {
    port: wholeNumber('--port', flags.port, PORT_MAX),
    websocketPort: optional('--websocket-port', flags.websocketPort, PORT_MAX),
    httpPort: optional('--http-port', flags.httpPort, PORT_MAX),
  };
  const { idScope } = flags;
  const retryAfterSeconds = optional('--retry-after', flags.retryAfter, RETRY_AFTER_MAX_SECONDS);
  const scopeProblem = idScope === undefined ? null : idScopeProblem(idScope);
  if (scopeProblem !== null) problems.push(problem(`--id-scope ${quoteValue(idScope ?? '')} ${scopeProblem}`));
  for (const [option, value] of [
    ['--id-scope', idScope],
    ['--group-key-file', flags.groupKeyFile],
  ] as const) {
    if (flags.config === undefined || value === undefined) continue;
    problems.push(problem(`${option} is given beside --config`, 'Write it into the configuration file'));
  }
  if (flags.records !== undefined) problems.push(...unwritable(flags.records));
  for (const name of flags.serverName ?? []) {
    if (!isIP(name) && !HOST_NAME.test(name)) {
      problems.push(problem(`--server-name is ${quoteValue(name)}`, 'Give a host name or an IP address'));
    }
  }
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { ports, retryAfterSeconds };
}

/** Found out at the start, since the file is written at the end. */
function unwritable(recordsFile: string): readonly Problem[] {
  try {
    closeSync(openSync(recordsFile, 'a'));
    return [];
  } catch (error) {
    const message = `--records cannot be written (${(error as NodeJS.ErrnoException).code})`;
    return [problemIn(recordsFile, message, 'Name a file in a folder that exists')];
  }
}

/** What to emulate, and where the key of the enrollment group was written when one was made; `null` = none was. */
export type EmulatorSettings = { readonly config: EmulatorConfig; readonly groupKeyFile: string | null };

/** The configuration file's instances, or one with a single enrollment group. */
export async function emulatorSettings(
  flags: EmulatorFlags,
  { retryAfterSeconds }: CheckedFlags,
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
  { idScope = EMULATOR_ID_SCOPE_DEFAULT, groupKeyFile }: EmulatorFlags,
  caDir: string,
  environment: Environment,
): Promise<EmulatorSettings> {
  const isInEnvironment = (environment[GROUP_KEY_VARIABLE] ?? '') !== '';
  const madeFile = groupKeyFile === undefined && !isInEnvironment ? generatedGroupKeyFile(caDir) : null;
  const file = groupKeyFile ?? madeFile;
  const source: SecretSource =
    file === null ? { kind: 'environment', variable: GROUP_KEY_VARIABLE } : { kind: 'file', file };
  const loaded = await loadKey(source, environment, 'the group key');
  if ('problem' in loaded) throw new OperatorError('usage', [loaded.problem]);
  const instances = [defaultInstance(idScope, loaded.key)];
  return { config: { instances, behavior: SERVICE_BEHAVIOR_DEFAULT, faults: [], seed: 1 }, groupKeyFile: madeFile };
}
