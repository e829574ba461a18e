import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { isSecret, symmetricKeyProblem } from '../../dps/device-key.ts';
import { type Problem, ProblemList, unreadableFile } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { dottedPath, YamlDocument, type YamlPath } from '../../problem/yaml-document.ts';
import { CHOOSE_KEYS } from '../service/notation.ts';

/** One configuration file, with the problems found in it. */
type ConfigFile = { readonly file: string; readonly document: YamlDocument; readonly problems: ProblemList };

/**
 * A place in a configuration file: notes problems with line and column, and reads the files that the configuration names,
 * which are relative to it.
 */
export class ConfigPlace {
  readonly #config: ConfigFile;
  readonly #path: YamlPath;

  private constructor(config: ConfigFile, path: YamlPath) {
    this.#config = config;
    this.#path = path;
  }

  /** @throws OperatorError when the file cannot be read, or is not plain YAML. */
  static rootOf(file: string): ConfigPlace {
    return ConfigPlace.ofText(file, readText(file), 'YAML');
  }

  /** @param file name of the text, for messages @throws OperatorError when the text is not plain YAML, such as JSON. */
  static ofText(file: string, text: string, format: 'YAML' | 'JSON'): ConfigPlace {
    const document = new YamlDocument(file, text, format);
    const root = new ConfigPlace({ file, document, problems: new ProblemList() }, []);
    root.#config.problems.add(...document.syntaxProblems());
    root.throwIfAny();
    return root;
  }

  at(...steps: YamlPath): ConfigPlace {
    return new ConfigPlace(this.#config, [...this.#path, ...steps]);
  }

  /** The whole file, checked against `schema`. @throws OperatorError with everything that is wrong, in the file's order. */
  parse<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
    const { document, problems } = this.#config;
    const { data, error } = schema.safeParse(document.values(), { reportInput: true, error: defaultMessage });
    const found = error?.issues.flatMap((issue) => this.at(...(issue.path as YamlPath)).#problemsOf(issue)) ?? [];
    problems.add(...found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
    this.throwIfAny();
    return data as z.output<Schema>;
  }

  /** @param predicate what is wrong, to follow the path of this place. */
  note(predicate: string, remedy: string): void {
    this.#config.problems.add(this.#problem(predicate, remedy));
  }

  /** @throws OperatorError when a problem was noted anywhere in the file. */
  throwIfAny(): void {
    this.#config.problems.throwIfAny('usage');
  }

  /** A base64 key; `null` = it is not one, which has been noted. */
  key(text: string): string | null {
    const key = text.trim();
    const reason = symmetricKeyProblem(key);
    if (reason === null) return key;
    this.note(
      `names a key that ${reason}`,
      'Put a base64 key of 16 to 64 bytes into the variable or file that it names',
    );
    return null;
  }

  /** `null` = the file holds no certificate, which has been noted. */
  certificate(file: string): X509Certificate | null {
    const pem = this.text(file);
    if (pem === null) return null;
    try {
      return new X509Certificate(pem);
    } catch {
      this.note(`names ${file}, which contains no certificate`, 'Name a PEM file with one certificate');
      return null;
    }
  }

  /** The `file:` URL of a file that exists; otherwise, this has been noted. */
  fileUrl(file: string): string {
    this.text(file);
    return pathToFileURL(this.#resolve(file)).href;
  }

  /** `null` = the file cannot be read, which has been noted. */
  text(file: string): string | null {
    if (isSecret(file)) {
      const remedy = 'Put the key into a file, and create a new key: this one is exposed';
      this.note('is a secret, not the name of a file', remedy);
      return null;
    }
    try {
      return readFileSync(this.#resolve(file), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.note(`names ${file}, which cannot be read (${code})`, 'Check the path, which is relative to this file');
      return null;
    }
  }

  #resolve(file: string): string {
    return resolve(dirname(this.#config.file), file);
  }

  #problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
    const { message } = issue;
    if (issue.code === 'unrecognized_keys') {
      const known = message.slice(CHOOSE_KEYS.length);
      return issue.keys.map((key) => this.#unknownKey(key, known));
    }
    if (message.startsWith(CHOOSE_KEYS)) {
      return [this.#problem(issue.input === undefined ? 'is missing' : 'must be a mapping', message)];
    }
    const remedy = issue.code === 'custom' ? issue.params?.['remedy'] : chooseKind(issue);
    return [this.#problem(message, remedy ?? 'Correct the value')];
  }

  #unknownKey(key: string, known: string): Problem {
    const similar = similarWord(key, known.split(', '));
    const { file, document } = this.#config;
    return {
      file,
      ...document.placeOfKey(this.#path, key),
      message: `unknown key ${quoteValue(key)}${this.#path.length === 0 ? '' : ` in ${dottedPath(this.#path)}`}`,
      remedy: similar === null ? `Use one of the keys ${known}` : `Write ${similar}`,
    };
  }

  #problem(predicate: string, remedy: string): Problem {
    const { file, document } = this.#config;
    const message = this.#path.length === 0 ? predicate : `${dottedPath(this.#path)} ${predicate}`;
    return { file, ...document.placeOfValue(this.#path), message, remedy };
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadableFile(file, error);
  }
}

/** Lists the kinds of mapping there are, when the one given is none of them. */
function chooseKind(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== 'invalid_union' || !('options' in issue) || issue.options === undefined) return undefined;
  const kinds = issue.options.map(String);
  const given = (issue.input as Readonly<Record<string, unknown>>)[issue.discriminator ?? ''];
  const similar = typeof given === 'string' ? similarWord(given, kinds) : null;
  return similar === null ? `Choose one of ${kinds.join(', ')}` : `Write ${similar}, or another of ${kinds.join(', ')}`;
}

/** For values whose schema has no text of its own. */
function defaultMessage({ code, input, expected }: z.core.$ZodRawIssue): string {
  if (code !== 'invalid_type') return 'is not allowed here';
  if (input === undefined) return 'is missing';
  return expected === 'array' ? 'must be a list' : `must be a ${expected}`;
}
