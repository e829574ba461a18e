import { z } from 'zod';
import { isSecretName } from '../../fleet/known-columns.ts';
import type { Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { dottedPath, type YamlDocument, type YamlPath, type YamlPlace } from '../../problem/yaml-document.ts';
import { SETTING_NAMES, type SettingName, settingNamed } from '../settings/settings.ts';

/** The version of the scenario format that this program reads. */
export const SCENARIO_VERSION = 1;

/** Not a setting, since neither a flag nor an environment variable can hold a mapping of groups. */
export const GROUPS_KEY = 'attestation.groups';

const GROUPS_HELP =
  "where the key of each enrollment group is, by the value of the CSV's column group: keyFile or keyVariable, and likewise for a secondary key";

const LEAF = z.union([z.string(), z.number(), z.boolean()]).optional();
/** Thresholds: expressions, or mappings that say whether to abort as well. */
const LIST = z.union([
  LEAF,
  z.array(z.union([z.string(), z.strictObject({ expression: z.string(), abort: z.boolean().optional() })])),
]);
const TEXTS = z.union([LEAF, z.array(z.union([z.string(), z.number()]))]);
const STAGES = z.union([LEAF, z.array(z.strictObject({ rate: LEAF, for: LEAF, ramp: LEAF }))]);
/** One hub, hubs with equal shares, or hubs with weights. */
const HUBS = z.union([LEAF, z.array(z.string()), z.record(z.string(), LEAF)]).optional();
/** Keys of one enrollment group. */
const GROUP_KEYS = ['keyFile', 'keyVariable', 'secondaryKeyFile', 'secondaryKeyVariable'] as const;

export type GroupKey = (typeof GROUP_KEYS)[number];

const KEY_SOURCE = z.strictObject(Object.fromEntries(GROUP_KEYS.map((key) => [key, LEAF])));

/** The dotted path of each mapping in a scenario, with the keys that it may have; the root is ''. */
export const MAPPING_KEYS: ReadonlyMap<string, readonly string[]> = mappingKeys();

let schema: z.ZodType | null = null;

/**
 * Made from the table of settings: the keys of a scenario, and which of them hold a scalar or a mapping. Made when it is first needed: it
 * takes as long as all other settings, and most runs have no scenario file.
 */
export function scenarioFileSchema(): z.ZodType {
  schema ??= mappingSchema('');
  return schema;
}

/** The JSON Schema of a scenario file, for editors. */
export function scenarioSchema(): object {
  return { title: 'dpsload scenario', ...z.toJSONSchema(scenarioFileSchema(), { io: 'input', target: 'draft-7' }) };
}

/** `worker threads (default: 3; leaves one core for the main thread). Write a whole number…` */
function describeSetting(name: SettingName): string {
  const { key, help, defaultText, notation, reason } = settingNamed(name);
  const remedy = notation.kind === 'value' && !MAPPING_KEYS.has(key) ? `. ${notation.remedy}` : '';
  return `${help} (default: ${defaultText}; ${reason})${remedy}`;
}

function mappingKeys(): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, string[]>([['', ['version']]]);
  for (const path of [...SETTING_NAMES.map((name) => settingNamed(name).key), GROUPS_KEY]) {
    const steps = path.split('.');
    steps.forEach((step, depth) => {
      const parent = steps.slice(0, depth).join('.');
      const siblings = keys.get(parent) ?? [];
      if (!siblings.includes(step)) keys.set(parent, [...siblings, step]);
    });
  }
  return keys;
}

function mappingSchema(path: string): z.ZodType {
  const keys = MAPPING_KEYS.get(path) ?? [];
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, schemaAt(path === '' ? key : `${path}.${key}`)])));
}

function schemaAt(path: string): z.ZodType {
  if (path === 'version') return z.literal(SCENARIO_VERSION).describe('version of the scenario format');
  if (path === GROUPS_KEY) return z.record(z.string(), KEY_SOURCE).optional().describe(GROUPS_HELP);
  const name = SETTING_NAMES.find((setting) => settingNamed(setting).key === path);
  const schema = MAPPING_KEYS.has(path) ? mappingSchema(path).optional() : leafSchema(name);
  return name === undefined ? schema : schema.describe(describeSetting(name));
}

function leafSchema(name: SettingName | undefined): z.ZodType {
  switch (name === undefined ? 'value' : settingNamed(name).notation.kind) {
    case 'map':
      return z.record(z.string(), LEAF).optional();
    case 'list':
      return LIST;
    case 'texts':
      return TEXTS;
    case 'stages':
      return STAGES;
    case 'hubs':
      return HUBS;
    case 'hubs-by-name':
      return z.union([LEAF, z.record(z.string(), HUBS)]).optional();
    default:
      return LEAF;
  }
}

type Issue = z.core.$ZodIssue;

const SECRET_REMEDY =
  'Never write a secret here: put it into a file (keyFile) or an environment variable (keyVariable)';

/** Keys of the scenario that hold a list of mappings. */
const LISTS: ReadonlyMap<
  string,
  { readonly noun: string; readonly itemKeys: readonly string[]; readonly remedy: string }
> = new Map([
  [
    settingNamed('threshold').key,
    {
      noun: 'thresholds',
      itemKeys: ['expression', 'abort'],
      remedy: 'Write a list of expressions, or of { expression: …, abort: true }',
    },
  ],
  [
    settingNamed('stages').key,
    {
      noun: 'stages',
      itemKeys: ['rate', 'for', 'ramp'],
      remedy: 'Write a list of { rate: …, for: … }, with ramp: true where the rate changes gradually',
    },
  ],
]);

/** The list that a path is in, or leads to. */
function listAt(path: YamlPath) {
  const place = path.findIndex((_, depth) => LISTS.has(path.slice(0, depth + 1).join('.')));
  return LISTS.get(path.slice(0, place + 1).join('.')) ?? null;
}

/** Turns the issues of `scenarioFileSchema` into problems with line and column. */
export function schemaProblems(file: string, document: YamlDocument, issues: readonly Issue[]): readonly Problem[] {
  const problemAt = (place: YamlPlace, [message, remedy]: readonly [string, string]): Problem => {
    return { file, ...place, message, remedy };
  };
  return issues.flatMap((issue) => {
    const path = issue.path as YamlPath;
    if (issue.code !== 'unrecognized_keys') {
      return [problemAt(document.placeOfValue(path), wrongValue(path, issue))];
    }
    return issue.keys.map((key) => problemAt(document.placeOfKey(path, key), unknownKey(path, key)));
  });
}

function wrongValue(path: YamlPath, issue: Issue): readonly [message: string, remedy: string] {
  const dotted = path.join('.');
  if (dotted === 'version') return [`version is not ${SCENARIO_VERSION}`, `Write version: ${SCENARIO_VERSION}`];
  const list = listAt(path);
  if (list !== null) return [`${dottedPath(path)} is not a list of ${list.noun}`, list.remedy];
  if (issue.code === 'invalid_union') {
    return [`${dottedPath(path)} is not a single value`, 'Write a text, number, true or false, or remove the key'];
  }
  const keys = MAPPING_KEYS.get(dotted);
  const name = dotted === '' ? 'the scenario' : dottedPath(path);
  return [
    `${name} is not a mapping`,
    keys === undefined ? 'Write name: value pairs' : `Write a mapping with the keys ${keys.join(', ')}`,
  ];
}

function unknownKey(path: YamlPath, key: string): readonly [message: string, remedy: string] {
  const where = path.length === 0 ? '' : ` in ${dottedPath(path)}`;
  const message = `unknown key ${quoteValue(key)}${where}`;
  const keys = MAPPING_KEYS.get(path.join('.')) ?? listAt(path)?.itemKeys ?? GROUP_KEYS;
  const similar = similarWord(key, keys);
  if (similar !== null) return [message, `Write ${similar}`];
  if (isSecretName(key)) return [message, SECRET_REMEDY];
  const elsewhere = [...MAPPING_KEYS].find(([mapping, siblings]) => mapping !== '' && siblings.includes(key));
  if (elsewhere !== undefined) return [message, `Move it to ${elsewhere[0]}`];
  return [message, `Use one of the keys ${keys.join(', ')}`];
}
