import { z } from 'zod';
import { isSecretName } from '../../fleet/known-columns.ts';
import type { Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { dottedPath, type YamlDocument, type YamlPath, type YamlPlace } from '../../problem/yaml-document.ts';
import { SETTING_NAMES, type SettingName, settingNamed } from '../settings/settings.ts';

/** Version of the scenario's keys that this program reads. */
export const SCENARIO_VERSION = 1;

/** Keys that are not settings, since neither flag nor environment can hold them. */
export const GROUPS_KEY = 'attestation.groups';

const GROUPS_HELP =
  "where the key of each enrollment group is, by the CSV's column group: keyFile or keyVariable, and the same for a secondary key";

const LEAF = z.union([z.string(), z.number(), z.boolean()]).optional();
const MAP = z.record(z.string(), LEAF).optional();
/** A threshold: its expression, alone or with what it does beside. */
const LIST = z.union([
  LEAF,
  z.array(z.union([z.string(), z.strictObject({ expression: z.string(), abort: z.boolean().optional() })])),
]);
const STAGES = z.union([LEAF, z.array(z.strictObject({ rate: LEAF, for: LEAF, ramp: LEAF }))]);
/** One hub, hubs that get equal shares, or hubs with their weights. */
const HUBS = z.union([LEAF, z.array(z.string()), z.record(z.string(), LEAF)]).optional();
/** Where the keys of one enrollment group are. */
export const GROUP_KEYS = ['keyFile', 'keyVariable', 'secondaryKeyFile', 'secondaryKeyVariable'] as const;

const KEY_SOURCE = z.strictObject(Object.fromEntries(GROUP_KEYS.map((key) => [key, LEAF])));

/** The mappings of a scenario: the dotted path of each, with the keys that it may have; the root is ''. */
export const MAPPING_KEYS: ReadonlyMap<string, readonly string[]> = mappingKeys();

/** The shape of a scenario, made from the table of settings: which keys there are, and where one value or a mapping stands. */
export const SCENARIO_SCHEMA: z.ZodType = mappingShape('');

/** The JSON Schema of a scenario file, for editors. */
export function scenarioSchema(): object {
  return { title: 'Scenario of dpsload', ...z.toJSONSchema(SCENARIO_SCHEMA, { io: 'input', target: 'draft-7' }) };
}

/** `registrations in flight, over all workers; such as 50/s (default: …)` */
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

function mappingShape(path: string): z.ZodType {
  const keys = MAPPING_KEYS.get(path) ?? [];
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, shapeAt(path === '' ? key : `${path}.${key}`)])));
}

function shapeAt(path: string): z.ZodType {
  if (path === 'version') return z.literal(SCENARIO_VERSION).describe('version of the keys of a scenario');
  if (path === GROUPS_KEY) return z.record(z.string(), KEY_SOURCE).optional().describe(GROUPS_HELP);
  const name = SETTING_NAMES.find((setting) => settingNamed(setting).key === path);
  const shape = MAPPING_KEYS.has(path) ? mappingShape(path).optional() : leafShape(name);
  return name === undefined ? shape : shape.describe(describeSetting(name));
}

function leafShape(name: SettingName | undefined): z.ZodType {
  const kind = name === undefined ? 'value' : settingNamed(name).notation.kind;
  const hubsByName = z.union([LEAF, z.record(z.string(), HUBS)]).optional();
  const shapes = {
    map: MAP,
    list: LIST,
    stages: STAGES,
    hubs: HUBS,
    'hubs-by-name': hubsByName,
    file: LEAF,
    value: LEAF,
  };
  return shapes[kind];
}

type Issue = z.core.$ZodIssue;

const SECRET_REMEDY =
  'A secret is named, never written: put it into a file (keyFile) or an environment variable (keyVariable)';

const LIST_REMEDY = 'Write a list of expressions, or of { expression: …, abort: true }';

/** What is wrong with the keys of a scenario, each with its line and column. */
export function shapeProblems(file: string, document: YamlDocument, issues: readonly Issue[]): readonly Problem[] {
  const problemAt = (place: YamlPlace, message: string, remedy: string): Problem => ({
    file,
    ...place,
    message,
    remedy,
  });
  return issues.flatMap((issue) => {
    const path = issue.path as YamlPath;
    if (issue.code !== 'unrecognized_keys') {
      return [problemAt(document.placeOfValue(path), ...wrongValue(path, issue))];
    }
    return issue.keys.map((key) => problemAt(document.placeOfKey(path, key), ...unknownKey(path, key)));
  });
}

function wrongValue(path: YamlPath, issue: Issue): readonly [message: string, remedy: string] {
  const dotted = path.join('.');
  if (dotted === 'version') return [`version is not ${SCENARIO_VERSION}`, `Write version: ${SCENARIO_VERSION}`];
  if (path[0] === 'thresholds') {
    return [`${dottedPath(path)} is no list of thresholds`, LIST_REMEDY];
  }
  if (issue.code === 'invalid_union') {
    return [`${dottedPath(path)} is not one value`, 'Write one text, number, true or false, or remove the key'];
  }
  const keys = MAPPING_KEYS.get(dotted);
  const name = dotted === '' ? 'the scenario' : dottedPath(path);
  return [
    `${name} is not a mapping`,
    keys === undefined ? 'Write name: value pairs' : `Write it with keys of ${keys.join(', ')}`,
  ];
}

function unknownKey(path: YamlPath, key: string): readonly [message: string, remedy: string] {
  const where = path.length === 0 ? '' : ` in ${dottedPath(path)}`;
  const message = `unknown key ${quoteValue(key)}${where}`;
  const ofItem = path[0] === 'thresholds' ? ['expression', 'abort'] : GROUP_KEYS;
  const keys = MAPPING_KEYS.get(path.join('.')) ?? ofItem;
  const similar = similarWord(key, keys);
  if (similar !== null) return [message, `Write ${similar}`];
  if (isSecretName(key)) return [message, SECRET_REMEDY];
  const elsewhere = [...MAPPING_KEYS].find(([mapping, siblings]) => mapping !== '' && siblings.includes(key));
  if (elsewhere !== undefined) return [message, `It belongs into ${elsewhere[0]}`];
  return [message, `The keys here are ${keys.join(', ')}`];
}
