import type { z } from 'zod';
import { type Problem, ProblemList } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import type { YamlDocument, YamlPath } from '../../problem/yaml-document.ts';

/** Collects what is wrong with one configuration file, each with its line and column. */
export class ConfigProblems {
  readonly #file: string;
  readonly #document: YamlDocument;
  readonly #list = new ProblemList();

  constructor(file: string, document: YamlDocument) {
    this.#file = file;
    this.#document = document;
    this.#list.add(...document.syntaxProblems());
  }

  at(path: YamlPath, message: string, remedy: string): void {
    this.#list.add(this.#problem(path, message, remedy));
  }

  /** What zod found, in the order of the file. @param schema JSON Schema of the file, which knows the allowed keys. */
  addIssues(issues: readonly z.core.$ZodIssue[], schema: object): void {
    const problems = issues.flatMap((issue): Problem[] => {
      const path = issue.path as YamlPath;
      if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => this.#unknownKey(path, key, schema));
      return [this.#problem(path, `${path.join('.')} ${sentenceEnd(issue)}`, remedyFor(path, schema))];
    });
    this.#list.add(...problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  }

  /** @throws OperatorError when there is any problem. */
  throwIfAny(): void {
    this.#list.throwIfAny('usage');
  }

  #problem(path: YamlPath, message: string, remedy: string): Problem {
    return { file: this.#file, ...this.#document.placeOfValue(path), message, remedy };
  }

  #unknownKey(path: YamlPath, key: string, schema: object): Problem {
    const known = keysAt(schema, path);
    const similar = similarWord(key, known);
    const remedy = similar === null ? `The keys here are ${known.join(', ')}` : `Write ${similar}`;
    const where = path.length === 0 ? '' : ` in ${path.join('.')}`;
    const place = this.#document.placeOfKey(path, key);
    return { file: this.#file, ...place, message: `unknown key ${quoteValue(key)}${where}`, remedy };
  }
}

/** Our own messages begin with a verb; zod's default ones are about types. */
function sentenceEnd(issue: z.core.$ZodIssue): string {
  if (!issue.message.startsWith('Invalid input')) return issue.message;
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  return issue.code === 'invalid_type' ? `must be a ${issue.expected}` : 'is not allowed here';
}

function remedyFor(path: YamlPath, schema: object): string {
  const keys = keysAt(schema, path);
  return keys.length === 0 ? 'Correct the value' : `The keys here are ${keys.join(', ')}`;
}

type JsonSchema = {
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
};

/** The keys that a JSON Schema allows in the mapping at `path`; empty when none can stand there. */
export function keysAt(schema: object, path: readonly (string | number)[]): readonly string[] {
  const root: JsonSchema = schema;
  let places = alternatives(root, root);
  for (const step of path) {
    places = places.flatMap(({ properties, items }) => {
      const next = typeof step === 'number' ? items : properties?.[step];
      return next === undefined ? [] : alternatives(next, root);
    });
  }
  return [...new Set(places.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The schemas that may stand for `schema`: references followed, unions taken apart. */
function alternatives(schema: JsonSchema, root: JsonSchema): readonly JsonSchema[] {
  const referred = root.definitions?.[schema.$ref?.replace('#/definitions/', '') ?? ''];
  if (referred !== undefined) return alternatives(referred, root);
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  return choices === undefined ? [schema] : choices.flatMap((choice) => alternatives(choice, root));
}
