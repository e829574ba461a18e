import { CSV_PROGRAMS } from '../../files/csv-line.ts';
import { EXACT_DUPLICATES } from '../../fleet/duplicates.ts';
import { ON_BAD_ROW } from '../../fleet/rejected-lines.ts';
import { COLUMN_LIST, COLUMN_MAP, THRESHOLD_LIST } from '../notation/lists.ts';
import { choice, DELIMITER, FILE, FOLDER, TEXT, wholeNumberBetween, YES_NO } from '../notation/notation.ts';
import { NOTES } from '../notation/notes.ts';
import { AGENT_SETTINGS } from './agent-settings.ts';
import { ALLOCATION_SETTINGS } from './allocation-settings.ts';
import { ATTESTATION_SETTINGS } from './attestation-settings.ts';
import { ENROLLMENT_SETTINGS, SERVICE_API_SETTINGS } from './enrollment-settings.ts';
import { LOAD_SETTINGS } from './load-settings.ts';
import { EXPECTATION_SETTINGS, REGISTRATION_SETTINGS } from './registration-settings.ts';
import { inGroup, type Setting, setting, unflagged } from './setting.ts';
import { TARGET_SETTINGS } from './target-settings.ts';

/** The seed is one 32-bit word of the hash behind all jitter. */
const SEED_MAX = 0xffff_ffff;

const FOUND_BY_NAME = 'columns are found by name';

/**
 * Every setting of a run and of enrollments, declared once: flags, environment variables, scenario keys, help and `--print-config` are made
 * from this table. A setting is named after its flag (`--group-key-file`, `DPSLOAD_GROUP_KEY_FILE`).
 */
const SETTINGS = {
  ...inGroup('Run', {
    name: unflagged('name', TEXT, { reason: 'the folder identifies a run', help: 'name of the run in its files' }),
  }),
  ...TARGET_SETTINGS,
  ...ATTESTATION_SETTINGS,
  ...inGroup('Fleet', {
    fleet: unflagged('fleet.file', FILE, {
      reason: 'a run needs a fleet',
      help: 'fleet CSV; on the command line, the argument FLEET.csv',
    }),
    delimiter: setting('fleet.delimiter', DELIMITER, {
      defaultText: 'detected',
      reason: 'the first line shows whether it is a comma, semicolon, tab or pipe, or names it (sep=;)',
      help: 'character between the fields of the CSV; write tab for tabs',
    }),
    header: setting('fleet.header', YES_NO, {
      default: true,
      defaultText: 'the first line names the columns',
      reason: FOUND_BY_NAME,
      help: 'the CSV has no header: every line is one registration ID',
    }),
    map: setting('fleet.columns', COLUMN_MAP, {
      default: {},
      defaultText: 'none',
      reason: FOUND_BY_NAME,
      help: 'use a column of the CSV as a known column, for example registration_id=Serial; repeatable',
    }),
    onBadRow: setting('fleet.onBadRow', choice(ON_BAD_ROW), {
      default: 'stop',
      reason: 'a fleet file with a mistake is usually the wrong file',
      help: 'what to do with unusable rows and duplicate IDs: stop lists them and starts nothing, skip leaves them out and lists them in rejected-rows.csv',
    }),
    exactDuplicates: setting(
      'fleet.exactDuplicates',
      { ...choice(EXACT_DUPLICATES), placeholder: 'handling' },
      {
        default: 'reject',
        reason: 'a doubled row usually means a doubled label',
        help: 'what to do with rows that are equal in every field: reject treats them as duplicate IDs, keep-first uses the first, leaves the others out and lists them in rejected-rows.csv',
      },
    ),
  }),
  ...LOAD_SETTINGS,
  ...AGENT_SETTINGS,
  ...EXPECTATION_SETTINGS,
  ...ALLOCATION_SETTINGS,
  ...inGroup('Run', {
    leftBehind: setting('leftBehind', YES_NO, {
      default: false,
      reason: 'registered devices are meant to stay',
      help: 'list the registration records and device identities that the run leaves behind, with the commands to remove them (left-behind.txt); removes nothing',
    }),
    by: setting('results.by', COLUMN_LIST, {
      default: [],
      defaultText: 'the column group, if the fleet has it',
      reason: 'most fleets have no other column to tell devices apart',
      help: 'also show the results by this column of the fleet, such as line; repeatable',
    }),
    csvFor: setting(
      'results.csvFor',
      { ...choice(CSV_PROGRAMS), placeholder: 'program' },
      {
        default: 'plain',
        reason: 'scripts expect plain CSV, with texts as they are',
        help: 'format of the CSV files of the run: plain, excel (byte order mark, CRLF, an apostrophe before texts that could run as formulas), or excel-semicolon (the same with semicolons and decimal commas, for Excel in most of Europe)',
      },
    ),
    note: setting('notes', NOTES, {
      default: {},
      defaultText: 'none',
      reason: 'known only to the operator',
      help: 'note about the run, such as operator=Kim or order=4711, shown in its report and by dpsload runs; adds to the notes of the scenario or an earlier session; repeatable',
    }),
  }),
  ...REGISTRATION_SETTINGS,
  ...inGroup('Run', {
    threshold: setting('thresholds', THRESHOLD_LIST, {
      default: [],
      defaultText: 'none',
      reason: 'without thresholds, every registration must succeed',
      help: 'condition that the run must meet, such as "p95(service) < 3s"; followed by abort, it stops the run when it fails; repeatable',
    }),
    allowLimited: setting('allowLimited', YES_NO, {
      default: false,
      reason: 'nobody knows whether a threshold holds that delays of the load generator itself decide',
      help: 'pass thresholds on time whose outcome depends on delays of the load generator itself',
    }),
    metricsPort: setting('metricsPort', wholeNumberBetween(0, 65_535), {
      reason: 'nothing listens unless asked to',
      help: 'serve /metrics for Prometheus on this port of 127.0.0.1 during the run; 0 = any free port',
    }),
    logFile: setting('run.logFile', FILE, {
      reason: 'progress is shown on stderr',
      help: 'append every notice, and a line of progress every 10 s, to this file, each with the time',
    }),
    out: setting('out', FOLDER, {
      flag: { short: 'o' },
      default: 'results',
      reason: 'in the current folder',
      help: 'folder in which each run gets its own folder',
    }),
    seed: setting('seed', wholeNumberBetween(0, SEED_MAX), {
      default: 1,
      reason: 'repeated runs have the same jitter',
      help: 'seed of all jitter',
    }),
  }),
  ...SERVICE_API_SETTINGS,
  ...ENROLLMENT_SETTINGS,
} as const;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

type ValueOf<Name extends SettingName> = (typeof SETTINGS)[Name] extends Setting<infer Value> ? Value : never;

/** A value for each setting; `null` = none. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<Name> | null };

/** The setting called `name`, the type of its value left open. */
export function settingNamed(name: SettingName): Setting<unknown> {
  return SETTINGS[name] as Setting<unknown>;
}

/** `groupKeyFile` → `--group-key-file`; a setting that is on by default has a flag that switches it off: `--no-header`. */
export function longFlag(name: SettingName): string {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return settingNamed(name).default === true ? `--no-${words}` : `--${words}`;
}

/** `groupKeyFile` → `DPSLOAD_GROUP_KEY_FILE`. */
export function variableOf(name: SettingName): string {
  return `DPSLOAD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
