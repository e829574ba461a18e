import { symmetricKeyProblem } from '../dps/device-key.ts';
import { idScopeProblem } from '../dps/id-scope.ts';
import { type EmulatorConfig, readEmulatorConfig } from '../emulator/config/read-emulator-config.ts';
import { defaultInstance, EMULATOR_GROUP_DEFAULT, EMULATOR_ID_SCOPE_DEFAULT } from '../emulator/default-instance.ts';
import { generatedGroupKey, readKeyFile } from '../emulator/group-key.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../emulator/service/service-behavior.ts';
import { OperatorError, type Problem, problem } from '../problem/operator-error.ts';

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
};

/** Environment variable with the enrollment group's key, base64. */
export const GROUP_KEY_VARIABLE = 'DPSLOAD_GROUP_KEY';

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
    problems.push(problem(`${option} is ${JSON.stringify(text)}`, `Give a whole number from 0 to ${max}`));
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
  if (scopeProblem !== null) problems.push(problem(`--id-scope ${JSON.stringify(idScope)} ${scopeProblem}`));
  for (const [option, value] of [
    ['--id-scope', idScope],
    ['--group-key-file', flags.groupKeyFile],
  ] as const) {
    if (flags.config === undefined || value === undefined) continue;
    problems.push(problem(`${option} is given beside --config`, 'Write it into the configuration file'));
  }
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { ports, retryAfterSeconds };
}

/** What to emulate: the configuration file's instances, or one with a single enrollment group. */
export function emulatorSettings(
  flags: EmulatorFlags,
  { retryAfterSeconds }: CheckedFlags,
  caDir: string,
  environment: NodeJS.ProcessEnv,
  log: (line: string) => void,
): EmulatorConfig {
  const settings =
    flags.config === undefined
      ? simpleSettings(flags, caDir, environment, log)
      : readEmulatorConfig(flags.config, environment);
  if (retryAfterSeconds === null) return settings;
  return { ...settings, behavior: { ...settings.behavior, retryAfterSeconds } };
}

function simpleSettings(
  { idScope = EMULATOR_ID_SCOPE_DEFAULT, groupKeyFile }: EmulatorFlags,
  caDir: string,
  environment: NodeJS.ProcessEnv,
  log: (line: string) => void,
): EmulatorConfig {
  const key = groupKeyFile === undefined ? groupKey(caDir, environment, log) : readKeyFile(groupKeyFile);
  return { instances: [defaultInstance(idScope, key)], behavior: SERVICE_BEHAVIOR_DEFAULT, faults: [], seed: 1 };
}

function groupKey(caDir: string, environment: NodeJS.ProcessEnv, log: (line: string) => void): string {
  const fromEnvironment = environment[GROUP_KEY_VARIABLE];
  if (fromEnvironment === undefined) {
    const { key, file } = generatedGroupKey(caDir);
    log(`the key of enrollment group "${EMULATOR_GROUP_DEFAULT}" is in ${file}`);
    return key;
  }
  const reason = symmetricKeyProblem(fromEnvironment);
  if (reason === null) return fromEnvironment;
  throw new OperatorError('usage', [problem(`the key in ${GROUP_KEY_VARIABLE} ${reason}`)]);
}
