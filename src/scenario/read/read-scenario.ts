import { dirname, isAbsolute, join } from 'node:path';
import { isSecret } from '../../dps/device-key.ts';
import { OperatorError, type Problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { dottedPath, YamlDocument, type YamlPath } from '../../problem/yaml-document.ts';
import { type Environment, SECRET_VARIABLES } from '../scenario.ts';
import { SETTING_NAMES, type SettingName, settingNamed } from '../settings/settings.ts';
import { type Given, type Origin, problemAt } from './origin.ts';
import { GROUPS_KEY, MAPPING_KEYS, SCENARIO_SCHEMA, shapeProblems } from './scenario-schema.ts';

/** Where the keys of one enrollment group are to be found. */
export type GivenGroup = {
  readonly keyFile: Given | null;
  readonly keyVariable: Given | null;
  readonly secondaryKeyFile: Given | null;
  readonly secondaryKeyVariable: Given | null;
  readonly origin: Origin;
};

/** What a scenario file gives: texts, not yet read as values. Paths are relative to the working folder. */
export type GivenScenario = {
  readonly settings: ReadonlyMap<SettingName, Given>;
  /** By the name of the enrollment group. */
  readonly groups: ReadonlyMap<string, GivenGroup>;
  /** Environment variables that are put into values. */
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
 * Reads the text of a scenario file. What is wrong with its keys and values is part of the result, to be listed with all other
 * problems.
 *
 * @throws OperatorError when it is no YAML.
 */
export function readScenario(file: string, text: string, environment: Environment): GivenScenario {
  const document = new YamlDocument(file, text);
  const syntaxProblems = document.syntaxProblems();
  if (syntaxProblems.length > 0) throw new OperatorError('usage', syntaxProblems);
  const values = document.values();
  const { error } = SCENARIO_SCHEMA.safeParse(values);
  const problems = error === undefined ? [] : [...shapeProblems(file, document, error.issues)];
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
  if (notation.kind === 'list' && Array.isArray(value)) return givenList(reader, path, value);
  if (notation.kind === 'stages' && Array.isArray(value)) return givenStages(reader, path, value.length);
  if (notation.kind === 'hubs' && isCollection(value)) return givenHubs(reader, path, value);
  if (notation.kind === 'hubs-by-name' && isMapping(value)) return givenHubsByName(reader, path, value);
  if (!isMapping(value)) return givenText(reader, path, notation.kind === 'file');
  const origin = originAt(reader, path);
  // A setting with keys below it is on when its mapping is there.
  if (MAPPING_KEYS.has(key)) return { text: 'true', written: 'true', origin };
  if (notation.kind !== 'map') return null;
  const entries = Object.keys(value).map((entry) => [entry, givenText(reader, [...path, entry], false)] as const);
  const lines = entries.flatMap(([entry, given]) => (given === null ? [] : [`${entry}=${given.text}`])).join('\n');
  return lines === '' ? null : { text: lines, written: lines, origin };
}

/** A line for each: its text, or its `expression` followed by the names of what is true beside it. */
function givenList(reader: Reader, path: YamlPath, items: readonly unknown[]): Given | null {
  const lines = items.flatMap((item, index) => {
    const at = [...path, index];
    const given = givenText(reader, isMapping(item) ? [...at, 'expression'] : at, false);
    return given === null ? [] : [`${given.text}${isMapping(item) && item['abort'] === true ? ' abort' : ''}`];
  });
  const text = lines.join('\n');
  return text === '' ? null : { text, written: text, origin: originAt(reader, path) };
}

/** The list in the form that a flag has. */
function givenStages(reader: Reader, path: YamlPath, stages: number): Given {
  const parts = Array.from({ length: stages }, (_, index) => {
    const at = (key: string): string => givenText(reader, [...path, index, key], false)?.text ?? '';
    const ramp = at('ramp');
    return `${at('rate')}:${at('for')}${ramp === '' || ramp === 'false' ? '' : ramp === 'true' ? ':ramp' : `:${ramp}`}`;
  });
  const text = parts.join(',');
  return { text, written: text, origin: originAt(reader, path) };
}

/** In the form `hub=weight,hub=weight`; a list are hubs without weights. */
function givenHubs(reader: Reader, path: YamlPath, value: unknown): Given {
  const entries = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(Object(value));
  const parts = entries.map((entry) => {
    const text = givenText(reader, [...path, entry], false)?.text ?? '';
    return typeof entry === 'number' ? text : `${entry}=${text}`;
  });
  const text = parts.join(',');
  return { text, written: text, origin: originAt(reader, path) };
}

/** A line for each name: `name: hub=weight,hub=weight`. */
function givenHubsByName(reader: Reader, path: YamlPath, value: Readonly<Record<string, unknown>>): Given {
  const lines = Object.entries(value).map(([name, hubs]) => {
    const at = [...path, name];
    const given = isCollection(hubs) ? givenHubs(reader, at, hubs) : givenText(reader, at, false);
    return `${name}: ${given?.text ?? ''}`;
  });
  const text = lines.join('\n');
  return { text, written: text, origin: originAt(reader, path) };
}

function givenGroups(reader: Reader): ReadonlyMap<string, GivenGroup> {
  const path = GROUPS_KEY.split('.');
  const groups = valueAt(reader.values, path);
  const names = isMapping(groups) ? Object.keys(groups) : [];
  return new Map(
    names.map((name) => {
      const at = [...path, name];
      return [
        name,
        {
          keyFile: givenText(reader, [...at, 'keyFile'], true),
          keyVariable: givenText(reader, [...at, 'keyVariable'], false),
          secondaryKeyFile: givenText(reader, [...at, 'secondaryKeyFile'], true),
          secondaryKeyVariable: givenText(reader, [...at, 'secondaryKeyVariable'], false),
          origin: originAt(reader, at),
        },
      ];
    }),
  );
}

/** The one value at `path`, with environment variables put in; `null` when there is none, or one that cannot be used. */
function givenText(reader: Reader, path: YamlPath, isFile: boolean): Given | null {
  const value = valueAt(reader.values, path);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const written = String(value);
  const origin = originAt(reader, path);
  if (isSecret(written)) {
    const remedy =
      'Put it into a file (keyFile) or an environment variable (keyVariable), and make a new key: this one was written down';
    reader.problems.push(problemAt(origin, `${origin.name} holds a secret`, remedy));
    return null;
  }
  const text = withVariables(reader, written, origin);
  if (text === null) return null;
  return { text: isFile ? inFolderOf(reader.file, text) : text, written, origin };
}

function inFolderOf(file: string, path: string): string {
  return path === '' || isAbsolute(path) ? path : join(dirname(file), path);
}

/** With the values of the environment variables that it names; `null` when one cannot be put in. */
function withVariables(reader: Reader, written: string, origin: Origin): string | null {
  let isWhole = true;
  const text = substitute(written, (name) => {
    const value = reader.environment[name] ?? '';
    reader.variables.push(name);
    const isHidden = SECRET_VARIABLES.includes(name) || isSecret(value);
    if (value !== '' && !isHidden) return value;
    isWhole = false;
    const [reason, remedy] = isHidden
      ? ['which holds a secret', 'Name the variable with keyVariable']
      : ['which is not set', 'Set it, or write the value'];
    reader.problems.push(
      problemAt(origin, `${origin.name} uses the environment variable ${quoteValue(name)}, ${reason}`, remedy),
    );
    return '';
  });
  return isWhole ? text : null;
}

function originAt(reader: Reader, path: YamlPath): Origin {
  const { file, document } = reader;
  return { source: 'scenario', name: dottedPath(path), file, ...document.placeOfValue(path) };
}

function valueAt(values: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((value, step) => (isCollection(value) ? value[step] : undefined), values);
}

function isCollection(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return isMapping(value) || Array.isArray(value);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/*
 * `${NAME}` in a value of a scenario stands for an environment variable. A `$` more takes that meaning away: of two or more
 * before a `{` one is dropped, and `$${NAME}` is the text `${NAME}`.
 */
const REFERENCE = /\$(\$+\{)|\$\{([^}]*)\}/g;

/** Puts in what `valueNamed` says of each name. */
export function substitute(written: string, valueNamed: (name: string) => string): string {
  return written.replace(REFERENCE, (_, literal: string | undefined, name: string) => literal ?? valueNamed(name));
}

/** What is to be written for `text`, so that nothing is put into it. */
export function withoutReferences(text: string): string {
  return text.replace(/\$+\{/g, (dollars) => `$${dollars}`);
}
