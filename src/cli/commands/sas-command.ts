import { Command } from 'commander';
import { loadKey } from '../../attestation/attestation-keys.ts';
import { connectUsername } from '../../dps/connect-identity.ts';
import { deriveDeviceKey } from '../../dps/device-key.ts';
import { registrationIdProblem } from '../../dps/registration-id.ts';
import { buildSasToken } from '../../dps/sas-token.ts';
import { pollTopic, RESPONSE_TOPIC_FILTER, registerTopic } from '../../dps/topics.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { durationBetween } from '../../scenario/notation/duration.ts';
import { gatherSetting } from '../../scenario/read/gather-settings.ts';
import {
  DEVICE_KEY_VARIABLE,
  type Environment,
  GROUP_KEY_VARIABLE,
  type SecretSource,
} from '../../scenario/scenario.ts';
import { variableOf } from '../../scenario/settings/settings.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { secretFileNameProblem } from '../host/secret-file-names.ts';
import { givenFlags, readFlag, settingOption } from './options.ts';

/** One second to one year. */
const EXPIRES_IN = durationBetween(1_000, 31_536_000_000);

/** As in the official SDKs. */
const EXPIRES_IN_DEFAULT = '1h';

const KEY_REMEDY = `Set ${GROUP_KEY_VARIABLE} or ${DEVICE_KEY_VARIABLE}, or give --group-key-file or --device-key-file; only one of these`;

type SasFlags = {
  readonly registrationId: string;
  readonly expiresIn: string;
  readonly deviceKeyFile?: string;
  readonly mqtt?: true;
};

export function sasCommand(): Command {
  const command = new Command('sas')
    .description('Prints the SAS token with which a device registers: the MQTT password, and nothing else on stdout.')
    .addOption(settingOption('idScope').helpGroup('Options:'))
    .requiredOption('--registration-id <id>', 'registration ID of the device (default: none; required)')
    .option('--expires-in <duration>', 'lifetime of the token, such as 30m or 24h', EXPIRES_IN_DEFAULT)
    .addOption(settingOption('groupKeyFile').helpGroup('Options:'))
    .option(
      '--device-key-file <file>',
      `file with the base64 key of the device (default: the environment variable ${DEVICE_KEY_VARIABLE})`,
    )
    .addOption(settingOption('apiVersion').helpGroup('Options:'))
    .option('-v, --mqtt', 'also print client ID, user name and topics on stderr (default: no)')
    .addHelpText(
      'after',
      `
Environment:
  ${GROUP_KEY_VARIABLE} holds the base64 key of the enrollment group, from which the
  device key is derived; ${DEVICE_KEY_VARIABLE} holds the device key itself.
  Keys are never flags.

Example:
  read -rs ${GROUP_KEY_VARIABLE} && export ${GROUP_KEY_VARIABLE}
  dpsload sas --id-scope 0ne00111111 --registration-id line-a-000001 --mqtt
`,
    );
  return command.action((flags: SasFlags) => printToken(command, flags, process.env));
}

/** Device keys are derived from a group key; a device key is used as it is. */
type KeyChoice = { readonly of: 'group' | 'device'; readonly source: SecretSource };

async function printToken(command: Command, flags: SasFlags, environment: Environment): Promise<void> {
  const { registrationId } = flags;
  const { idScope, apiVersion, expiresInMs, key } = readInput(command, flags, environment);
  const loaded = await loadKey(key.source, environment, `the ${key.of} key`);
  if ('problem' in loaded) throw new OperatorError('usage', [loaded.problem]);
  const deviceKey = key.of === 'group' ? deriveDeviceKey(loaded.key, registrationId) : loaded.key;
  const expiryMs = systemClock(hrtimeMs()).epochMs() + expiresInMs;
  process.stdout.write(`${buildSasToken(idScope, registrationId, deviceKey, Math.floor(expiryMs / 1_000))}\n`);
  if (flags.mqtt) process.stderr.write(mqttHelp({ idScope, registrationId, apiVersion }));
}

function readInput(command: Command, flags: SasFlags, environment: Environment) {
  const problems: Problem[] = [];
  const given = givenFlags(command);
  const { value: idScope, origin } = gatherSetting('idScope', { flags: given, environment }, problems);
  if (origin.source === 'default') problems.push(problem('no ID scope given', 'Give --id-scope SCOPE'));
  const { value: apiVersion } = gatherSetting('apiVersion', { flags: given, environment }, problems);
  const reason = registrationIdProblem(flags.registrationId);
  if (reason !== null) problems.push(problem(`the registration ID ${reason}`, 'Correct --registration-id'));
  const expiresInMs = readFlag('--expires-in', flags.expiresIn, EXPIRES_IN, problems);
  const keyFileVariable = variableOf('groupKeyFile');
  const secretName = secretFileNameProblem(keyFileVariable, environment[keyFileVariable] ?? '');
  if (secretName !== null) problems.push(secretName);
  const key = keyChoice(given.groupKeyFile, flags.deviceKeyFile, environment, problems);
  if (problems.length > 0 || expiresInMs === null || key === null || idScope === null || apiVersion === null) {
    throw new OperatorError('usage', problems);
  }
  return { idScope, apiVersion, expiresInMs, key };
}

/** Flags override the environment; two keys from the same kind of source are refused. */
function keyChoice(
  groupKeyFile: string | undefined,
  deviceKeyFile: string | undefined,
  environment: Environment,
  problems: Problem[],
): KeyChoice | null {
  const fromFile = (of: KeyChoice['of'], file: string | undefined): KeyChoice[] =>
    file === undefined || file === '' ? [] : [{ of, source: { kind: 'file', file } }];
  const fromVariable = (of: KeyChoice['of'], variable: string): KeyChoice[] =>
    (environment[variable] ?? '') === '' ? [] : [{ of, source: { kind: 'environment', variable } }];
  const flagged = [...fromFile('group', groupKeyFile), ...fromFile('device', deviceKeyFile)];
  const ambient = [
    ...fromFile('group', environment[variableOf('groupKeyFile')]),
    ...fromVariable('group', GROUP_KEY_VARIABLE),
    ...fromVariable('device', DEVICE_KEY_VARIABLE),
  ];
  const [key, rival] = flagged.length > 0 ? flagged : ambient;
  if (key === undefined) problems.push(problem('no key given', KEY_REMEDY));
  if (rival !== undefined) problems.push(problem('more than one key given', KEY_REMEDY));
  return key ?? null;
}

function mqttHelp(identity: { idScope: string; registrationId: string; apiVersion: string }): string {
  return `client ID  ${identity.registrationId}
user name  ${connectUsername(identity, `dpsload/${dpsloadVersion()}`)}
password   the token
subscribe  ${RESPONSE_TOPIC_FILTER}
register   ${registerTopic('1')}
           with the payload {"registrationId":"${identity.registrationId}"}
poll       ${pollTopic('2', 'OPERATION_ID')}
           with the operationId of the response, after its retry-after
`;
}
