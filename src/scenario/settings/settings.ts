import { API_VERSION_DEFAULT, GLOBAL_HOST } from '../../dps/endpoint.ts';
import { ON_BAD_ROW, type OnBadRow } from '../../fleet/rejected-lines.ts';
import { REGISTRATION_POLICY_DEFAULT as POLICY } from '../../registration/registration-policy.ts';
import { durationBetween } from '../notation/duration.ts';
import { COLUMN_MAP, THRESHOLD_LIST } from '../notation/lists.ts';
import {
  API_VERSION,
  choice,
  DELIMITER,
  FILE,
  FOLDER,
  HOST,
  ID_SCOPE,
  TEXT,
  VARIABLE,
  wholeNumberBetween,
  YES_NO,
} from '../notation/notation.ts';
import { ALLOCATION_SETTINGS } from './allocation-settings.ts';
import { CERTIFICATE_SETTINGS } from './attestation-settings.ts';
import { LOAD_SETTINGS } from './load-settings.ts';
import { type Setting, setting } from './setting.ts';
import { CONNECTION_SETTINGS } from './target-settings.ts';

/** The seed is one word of the hash behind every jitter. */
const SEED_MAX = 0xffff_ffff;

/** A registration that takes a day is not under way but forgotten. */
const DAY_MS = 86_400_000;

const NO_DEFAULT = { default: null, defaultText: 'none' } as const;
const NOT_A_FLAG = { flag: null } as const;

/**
 * Every setting of a run, declared once: flags, environment variables, scenario keys, help and `--print-config` are made
 * from this table. The name of a setting is that of its flag (`--group-key-file`, `DPSLOAD_GROUP_KEY_FILE`).
 */
const SETTINGS = {
  name: setting({
    key: 'name',
    ...NOT_A_FLAG,
    notation: TEXT,
    ...NO_DEFAULT,
    reason: 'a run is known by its folder',
    help: 'name of the run in its files',
    group: 'Run',
  }),
  emulator: setting({
    key: 'target.emulator',
    notation: YES_NO,
    default: false,
    defaultText: 'no',
    reason: 'a target is never implied',
    help: 'aim at the embedded DPS emulator, started for this run',
    group: 'Target',
  }),
  emulatorConfig: setting({
    key: 'target.emulator.config',
    notation: FILE,
    default: null,
    defaultText: 'one enrollment group, three evenly weighted hubs',
    reason: 'enough for a first run',
    help: 'YAML file that shapes the emulator',
    group: 'Target',
  }),
  throwAway: setting({
    key: 'target.emulator.throwAway',
    ...NOT_A_FLAG,
    notation: YES_NO,
    default: false,
    defaultText: 'no; a group key also without a configuration of the emulator',
    reason: "keys are the operator's",
    help: 'make the group key (DPSLOAD_GROUP_KEY in the configuration of the emulator), or the CA of x509, for this run alone',
    group: 'Target',
  }),
  host: setting({
    key: 'target.host',
    notation: HOST,
    ...NO_DEFAULT,
    reason: 'a target is never implied',
    help: `aim at a DPS instance: ${GLOBAL_HOST}, or the instance's own host name; needs --id-scope`,
    group: 'Target',
  }),
  idScope: setting({
    key: 'target.idScope',
    notation: ID_SCOPE,
    ...NO_DEFAULT,
    reason: 'a target is never implied',
    help: 'ID scope of the DPS instance',
    group: 'Target',
  }),
  ...CONNECTION_SETTINGS,
  apiVersion: setting({
    key: 'target.apiVersion',
    notation: API_VERSION,
    default: API_VERSION_DEFAULT,
    reason: 'the oldest that reports every substatus',
    help: 'api-version of the device API',
    group: 'Target',
  }),
  attestation: setting({
    key: 'attestation.kind',
    notation: { ...choice(['group-key', 'device-key', 'x509']), placeholder: 'kind' },
    default: 'group-key',
    reason: 'a fleet is mostly one enrollment group',
    help: 'group-key derives device keys from the key of an enrollment group, device-key takes each from the column device_key, x509 uses certificates',
    group: 'Keys',
  }),
  groupKeyFile: setting({
    key: 'attestation.keyFile',
    notation: FILE,
    default: null,
    defaultText: 'the environment variable DPSLOAD_GROUP_KEY',
    reason: 'keys are never given on the command line',
    help: 'file with the base64 key of the enrollment group',
    group: 'Keys',
  }),
  groupKeyVariable: setting({
    key: 'attestation.keyVariable',
    ...NOT_A_FLAG,
    notation: VARIABLE,
    default: null,
    defaultText: 'DPSLOAD_GROUP_KEY',
    reason: 'keys are never given on the command line',
    help: 'name of the environment variable with the base64 key of the enrollment group',
    group: 'Keys',
  }),
  secondaryKeyFile: setting({
    key: 'attestation.secondaryKeyFile',
    notation: FILE,
    ...NO_DEFAULT,
    reason: 'a key that is wrong should be seen',
    help: 'file with the secondary key of the enrollment group; tried for a device whose primary one the service refuses',
    group: 'Keys',
  }),
  secondaryKeyVariable: setting({
    key: 'attestation.secondaryKeyVariable',
    ...NOT_A_FLAG,
    notation: VARIABLE,
    ...NO_DEFAULT,
    reason: 'a key that is wrong should be seen',
    help: 'name of the environment variable with the secondary key of the enrollment group',
    group: 'Keys',
  }),
  ...CERTIFICATE_SETTINGS,
  fleet: setting({
    key: 'fleet.file',
    ...NOT_A_FLAG,
    notation: FILE,
    ...NO_DEFAULT,
    reason: 'a run needs a fleet',
    help: 'the fleet CSV; on the command line it is the argument FLEET.csv',
    group: 'Fleet',
  }),
  delimiter: setting({
    key: 'fleet.delimiter',
    notation: DELIMITER,
    default: ',',
    defaultText: 'a comma',
    reason: 'RFC 4180',
    help: 'what separates the fields of the CSV; the word tab for tabs',
    group: 'Fleet',
  }),
  header: setting({
    key: 'fleet.header',
    notation: YES_NO,
    default: true,
    defaultText: 'the first line names the columns',
    reason: 'columns are found by their names',
    help: 'the CSV has no header: every line is one registration ID',
    group: 'Fleet',
  }),
  map: setting({
    key: 'fleet.columns',
    notation: COLUMN_MAP,
    default: {},
    defaultText: 'none',
    reason: 'columns are found by their names',
    help: 'use the column NAME of the CSV as a known one, for example registration_id=Serial; repeatable',
    group: 'Fleet',
  }),
  onBadRow: setting<OnBadRow>({
    key: 'fleet.onBadRow',
    notation: choice(ON_BAD_ROW),
    default: 'stop',
    reason: 'a fleet file with a mistake is mostly the wrong file',
    help: 'what a row does that cannot be used, or whose ID is there twice: stop begins nothing and lists them, skip leaves them out and lists them in rejected-rows.csv',
    group: 'Fleet',
  }),
  ...LOAD_SETTINGS,
  ...ALLOCATION_SETTINGS,
  attempts: setting({
    key: 'registration.attempts',
    notation: wholeNumberBetween(1, 1_000),
    default: POLICY.attemptsMax,
    reason: 'what five tries in turn do not reach is not there',
    help: 'connections opened for one registration ID',
    group: 'Each registration',
  }),
  deadline: setting({
    key: 'registration.deadline',
    notation: durationBetween(1, DAY_MS),
    default: POLICY.deadlineMs,
    reason: 'five times the minute in which the service gives up on a hub',
    help: 'the whole registration, from its actual start',
    group: 'Each registration',
  }),
  requestRetries: setting({
    key: 'registration.requestRetries',
    ...NOT_A_FLAG,
    notation: wholeNumberBetween(0, 100_000),
    default: POLICY.requestRetriesMax,
    reason: 'at pauses of 10 s that is the whole deadline',
    help: 'requests repeated on one connection, after 429, 5xx, 409 or a lost operation',
    group: 'Each registration',
  }),
  polls: setting({
    key: 'registration.polls',
    ...NOT_A_FLAG,
    notation: wholeNumberBetween(1, 100_000),
    default: POLICY.pollsMax,
    reason: 'ends endless assigning',
    help: 'polls of one operation',
    group: 'Each registration',
  }),
  connectTimeout: setting({
    key: 'registration.connectTimeout',
    ...NOT_A_FLAG,
    notation: durationBetween(1, DAY_MS),
    default: POLICY.connectTimeoutMs,
    reason: 'a front end under load was seen to take seconds for a TLS handshake',
    help: 'from opening a connection to its CONNACK',
    group: 'Each registration',
  }),
  responseTimeout: setting({
    key: 'registration.responseTimeout',
    ...NOT_A_FLAG,
    notation: durationBetween(1, DAY_MS),
    default: POLICY.responseTimeoutMs,
    reason: 'what the official SDKs wait',
    help: 'from a request to its answer, and from SUBSCRIBE to SUBACK',
    group: 'Each registration',
  }),
  pollDelay: setting({
    key: 'registration.pollDelay',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.pollDelayDefaultMs,
    reason: 'what the official SDKs wait',
    help: 'pause before a poll when the service sends no retry-after',
    group: 'Each registration',
  }),
  pollDelayMin: setting({
    key: 'registration.pollDelayMin',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.pollDelayMinMs,
    reason: 'a retry-after of 0 would make a tight loop',
    help: 'shortest pause before a poll, also where retry-after asks for less',
    group: 'Each registration',
  }),
  retryAfterMax: setting({
    key: 'registration.retryAfterMax',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.retryAfterMaxMs,
    reason: 'longer than any that was seen',
    help: 'a longer retry-after is cut to this, and counted',
    group: 'Each registration',
  }),
  retryDelayBase: setting({
    key: 'registration.retryDelayBase',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.retryDelayBaseMs,
    reason: "the service's guidance for large fleets",
    help: 'first step of the exponential backoff',
    group: 'Each registration',
  }),
  retryDelayMax: setting({
    key: 'registration.retryDelayMax',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.retryDelayMaxMs,
    reason: "the service's guidance for large fleets",
    help: 'longest step of the exponential backoff',
    group: 'Each registration',
  }),
  conflictDelayMin: setting({
    key: 'registration.conflictDelayMin',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.conflictDelayMinMs,
    reason: 'somebody else registers the same ID at this moment',
    help: 'shortest pause after a 409',
    group: 'Each registration',
  }),
  conflictDelayMax: setting({
    key: 'registration.conflictDelayMax',
    ...NOT_A_FLAG,
    notation: durationBetween(0, DAY_MS),
    default: POLICY.conflictDelayMaxMs,
    reason: 'somebody else registers the same ID at this moment',
    help: 'longest pause after a 409',
    group: 'Each registration',
  }),
  retryInvalidCertificate: setting({
    key: 'registration.retryInvalidCertificate',
    ...NOT_A_FLAG,
    notation: YES_NO,
    default: POLICY.retriesInvalidCertificate,
    defaultText: 'no',
    reason: 'a certificate that is wrong is refused for as long as it is asked',
    help: 'connect once more where the service calls the certificate invalid (401002): good ones were seen to be refused now and then',
    group: 'Each registration',
  }),
  threshold: setting({
    key: 'thresholds',
    notation: THRESHOLD_LIST,
    default: [],
    defaultText: 'none',
    reason: 'without one, every registration must succeed',
    help: 'what the run must keep, such as "p95(service) < 3s"; with abort behind it, it stops the run; repeatable',
    group: 'Run',
  }),
  allowLimited: setting({
    key: 'allowLimited',
    notation: YES_NO,
    default: false,
    defaultText: 'no',
    reason: 'times that a slow load generator took say nothing of the service',
    help: 'judge thresholds on time also when the load generator was the limit',
    group: 'Run',
  }),
  metricsPort: setting({
    key: 'metricsPort',
    notation: wholeNumberBetween(0, 65_535),
    ...NO_DEFAULT,
    reason: 'nothing listens unasked',
    help: 'serve /metrics for Prometheus on this port of 127.0.0.1 while the run goes on; 0 = any free one',
    group: 'Run',
  }),
  out: setting({
    key: 'out',
    flag: { short: 'o' },
    notation: FOLDER,
    default: 'results',
    reason: 'beside the work at hand',
    help: 'folder that gets one folder for each run',
    group: 'Run',
  }),
  seed: setting({
    key: 'seed',
    notation: wholeNumberBetween(0, SEED_MAX),
    default: 1,
    reason: 'the same run twice has the same jitter',
    help: 'seed of every jitter',
    group: 'Run',
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

type ValueOf<Name extends SettingName> = (typeof SETTINGS)[Name] extends Setting<infer Value> ? Value : never;

/** A value for each setting; `null` = none. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<Name> | null };

/** The setting called `name`, its value's type left open. */
export function settingNamed(name: SettingName): Setting<unknown> {
  return SETTINGS[name] as Setting<unknown>;
}

/** `groupKeyFile` → `--group-key-file`; a setting that is on unless switched off: `--no-header`. */
export function longFlag(name: SettingName): string {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return settingNamed(name).default === true ? `--no-${words}` : `--${words}`;
}

/** `groupKeyFile` → `DPSLOAD_GROUP_KEY_FILE`. */
export function variableOf(name: SettingName): string {
  return `DPSLOAD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
