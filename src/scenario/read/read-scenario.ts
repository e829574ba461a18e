import { dirname, isAbsolute, join } from 'node:path';
import { isSecret } from '../../dps/device-key.ts';
import { OperatorError, type Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { dottedPath, YamlDocument, type YamlPath } from '../../problem/yaml-document.ts';
import { type Environment, SECRET_VARIABLES } from '../scenario.ts';
import { SETTING_NAMES, type SettingName, settingNamed } from '../settings/settings.ts';
import { type Given, type Origin, problemAt } from './origin.ts';
import { GROUPS_KEY, type GroupKey, MAPPING_KEYS, scenarioFileSchema, schemaProblems } from './scenario-schema.ts';

/** The places that may name a key. */
type GivenKey = { readonly file: Given | null; readonly variable: Given | null };

/** The keys of one enrollment group. */
export type GivenGroup = { readonly primary: GivenKey; readonly secondary: GivenKey; readonly origin: Origin };

/** The texts in a scenario file, not yet read as values. Paths are relative to the working folder. */
export type GivenScenario = {
  readonly settings: ReadonlyMap<SettingName, Given>;
  /** By the name of the enrollment group. */
  readonly groups: ReadonlyMap<string, GivenGroup>;
  /** Environment variables that values refer to. */
  readonly variables: readonly string[];
  readonly problems: readonly Problem[];
};

type Reader = {
  readonly file: string;
  readonly document: YamlDocument;
  readonly values: unknown;
  readonly environment: Environment;
  readonly variables: string[];
  readonly problems: Problem[];
};

/**
 * Reads the text of a scenario file. Problems with its keys and values are part of the result, to be listed together with all
 * others.
 *
 * @throws OperatorError when it is not YAML.
 */
export function readScenario(file: string, text: string, environment: Environment): GivenScenario {
  const document = new YamlDocument(file, text);
  const syntaxProblems = document.syntaxProblems();
  if (syntaxProblems.length > 0) throw new OperatorError('usage', syntaxProblems);
  const values = document.values();
  const { error } = scenarioFileSchema().safeParse(values);
  const problems = error === undefined ? [] : [...schemaProblems(file, document, error.issues)];
  const reader: Reader = { file, document, values, environment, variables: [], problems };
  const settings = new Map<SettingName, Given>();
  for (const name of SETTING_NAMES) {
    const given = givenSetting(reader, name);
    if (given !== null) settings.set(name, given);
  }
  return { settings, groups: givenGroups(reader), variables: reader.variables, problems };
}

function givenSetting(reader: Reader, name: SettingName): Given | null {
  const { key, notation } = settingNamed(name);
  const path = key.split('.');
  const value = valueAt(reader.values, path);
  if (['list', 'texts'].includes(notation.kind) && Array.isArray(value)) return givenList(reader, path, value);
  if (notation.kind === 'stages' && Array.isArray(value)) return givenStages(reader, path, value.length);
  if (notation.kind === 'hubs' && isCollection(value)) return givenHubs(reader, path, value);
  if (notation.kind === 'hubs-by-name' && isMapping(value)) return givenHubsByName(reader, path, value);
  if (!isMapping(value)) return givenText(reader, path, notation.kind === 'file');
  // A setting with keys below it is on when its mapping is present.
  if (MAPPING_KEYS.has(key)) return composed(reader, path, 'true');
  if (notation.kind !== 'map') return null;
  const entries = Object.keys(value).map((entry) => [entry, givenText(reader, [...path, entry], false)] as const);
  const lines = entries.flatMap(([entry, given]) => (given === null ? [] : [`${entry}=${given.text}`])).join('\n');
  return lines === '' ? null : composed(reader, path, lines);
}

/** A collection in the text form that a flag has. */
function composed(reader: Reader, path: YamlPath, text: string): Given {
  return { text, written: text, origin: originAt(reader, path) };
}

/** One line for each item: its text, or its `expression` followed by `abort` if that is true. */
function givenList(reader: Reader, path: YamlPath, items: readonly unknown[]): Given | null {
  const lines = items.flatMap((item, index) => {
    const at = [...path, index];
    const given = givenText(reader, isMapping(item) ? [...at, 'expression'] : at, false);
    return given === null ? [] : [`${given.text}${isMapping(item) && item['abort'] === true ? ' abort' : ''}`];
  });
  const text = lines.join('\n');
  return text === '' ? null : composed(reader, path, text);
}

function givenStages(reader: Reader, path: YamlPath, stages: number): Given {
  const parts = Array.from({ length: stages }, (_, index) => {
    const at = (key: string): string => givenText(reader, [...path, index, key], false)?.text ?? '';
    const ramp = at('ramp');
    return `${at('rate')}:${at('for')}${ramp === '' || ramp === 'false' ? '' : ramp === 'true' ? ':ramp' : `:${ramp}`}`;
  });
  return composed(reader, path, parts.join(','));
}

/** In the form `hub=weight,hub=weight`; a list has hubs without weights. */
function givenHubs(reader: Reader, path: YamlPath, value: unknown): Given {
  const entries = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(Object(value));
  const parts = entries.map((entry) => {
    const text = givenText(reader, [...path, entry], false)?.text ?? '';
    return typeof entry === 'number' ? text : `${entry}=${text}`;
  });
  return composed(reader, path, parts.join(','));
}

/** A line for each name: `name: hub=weight,hub=weight`. */
function givenHubsByName(reader: Reader, path: YamlPath, value: Readonly<Record<string, unknown>>): Given {
  const lines = Object.entries(value).map(([name, hubs]) => {
    const at = [...path, name];
    const given = isCollection(hubs) ? givenHubs(reader, at, hubs) : givenText(reader, at, false);
    return `${name}: ${given?.text ?? ''}`;
  });
  return composed(reader, path, lines.join('\n'));
}

function givenGroups(reader: Reader): ReadonlyMap<string, GivenGroup> {
  const path = GROUPS_KEY.split('.');
  const groups = valueAt(reader.values, path);
  const names = isMapping(groups) ? Object.keys(groups) : [];
  return new Map(
    names.map((name) => {
      const at = [...path, name];
      const keyAt = (file: GroupKey, variable: GroupKey): GivenKey => ({
        file: givenText(reader, [...at, file], true),
        variable: givenText(reader, [...at, variable], false),
      });
      const primary = keyAt('keyFile', 'keyVariable');
      const secondary = keyAt('secondaryKeyFile', 'secondaryKeyVariable');
      return [name, { primary, secondary, origin: originAt(reader, at) }];
    }),
  );
}

/** The scalar at `path`, with environment variables substituted; `null` when there is none, or it cannot be used. */
function givenText(reader: Reader, path: YamlPath, isFile: boolean): Given | null {
  const value = valueAt(reader.values, path);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const written = String(value);
  const origin = originAt(reader, path);
  if (isSecret(written)) {
    const remedy =
      'Put it into a file (keyFile) or an environment variable (keyVariable), and create a new key: this one is exposed';
    reader.problems.push(problemAt(origin, `${origin.name} contains a secret`, remedy));
    return null;
  }
  const text = substituteVariables(reader, written, origin);
  if (text === null) return null;
  return { text: isFile ? inFolderOf(reader.file, text) : text, written, origin };
}

function inFolderOf(file: string, path: string): string {
  return path === '' || isAbsolute(path) ? path : join(dirname(file), path);
}

/** Substitutes environment variables; `null` when one of them cannot be used. */
function substituteVariables(reader: Reader, written: string, origin: Origin): string | null {
  let isComplete = true;
  const text = substitute(written, (name) => {
    const value = reader.environment[name] ?? '';
    reader.variables.push(name);
    const isHidden = SECRET_VARIABLES.includes(name) || isSecret(value);
    if (value !== '' && !isHidden) return value;
    isComplete = false;
    const [reason, remedy] = isHidden
      ? ['which holds a secret', 'Name the variable with keyVariable instead']
      : ['which is not set', 'Set it, or write the value itself'];
    const message = `${origin.name} uses the environment variable ${quoteValue(name)}, ${reason}`;
    reader.problems.push(problemAt(origin, message, remedy));
    return '';
  });
  return isComplete ? text : null;
}

function originAt(reader: Reader, path: YamlPath): Origin {
  const { file, document } = reader;
  return { source: 'scenario', name: dottedPath(path), file, ...document.placeOfValue(path) };
}

/** @returns `undefined` where there is nothing */
export function valueAt(values: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((value, step) => (isCollection(value) ? value[step] : undefined), values);
}

function isCollection(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return isMapping(value) || Array.isArray(value);
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/*
 * `${NAME}` in a value of a scenario stands for an environment variable. To write the text `${NAME}` itself, put another `$`
 * before it: `$${NAME}`. Wherever two or more `$` precede a `{`, one of them is dropped.
 */
const REFERENCE = /\$(\$+\{)|\$\{([^}]*)\}/g;

/** Replaces each reference by what `valueNamed` returns for its name. */
export function substitute(written: string, valueNamed: (name: string) => string): string {
  return written.replace(REFERENCE, (_, literal: string | undefined, name: string) => literal ?? valueNamed(name));
}

/** Escapes `text`: the inverse of `substitute`. */
export function withoutReferences(text: string): string {
  return text.replace(/\$+\{/g, (dollars) => `$${dollars}`);
}
