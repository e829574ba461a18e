import { z } from 'zod';
import { SETTING_NAMES, type SettingName, settingNamed } from './settings.ts';

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
export const SCENARIO_SHAPE: z.ZodType = mappingShape('');

/** The JSON Schema of a scenario file, for editors. */
export function scenarioSchema(): object {
  return { title: 'Scenario of dpsload', ...z.toJSONSchema(SCENARIO_SHAPE, { io: 'input', target: 'draft-7' }) };
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
