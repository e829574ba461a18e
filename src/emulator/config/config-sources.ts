import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isSecret, symmetricKeyProblem } from '../../dps/device-key.ts';
import type { YamlPath } from '../../problem/yaml-document.ts';
import type { ConfigProblems } from './config-problems.ts';

/** Where keys and certificates come from: files beside the configuration file, and the environment. */
export class ConfigSources {
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #problems: ConfigProblems;

  constructor(configFile: string, environment: Readonly<Record<string, string | undefined>>, problems: ConfigProblems) {
    this.#folder = dirname(configFile);
    this.#environment = environment;
    this.#problems = problems;
  }

  /** The base64 key that `name` (`primaryKey`, `secondaryKey`) points at; `null` = neither file nor variable is named. */
  key(keys: Readonly<Record<string, string | undefined>>, name: string, at: YamlPath): string | null {
    const file = keys[`${name}File`];
    const variable = keys[`${name}Variable`];
    if (file !== undefined && variable !== undefined) {
      this.#problems.at(at, `${at.join('.')} names both ${name}File and ${name}Variable`, 'Remove one of them');
    } else if (file !== undefined)
      return this.#checkedKey(this.#read(file, [...at, `${name}File`]), [...at, `${name}File`]);
    else if (variable !== undefined) {
      return this.#checkedKey(this.#environment[variable] ?? '', [...at, `${name}Variable`]);
    }
    return null;
  }

  /** `null` when it cannot be read, which has been noted. */
  certificate(file: string, at: YamlPath): X509Certificate | null {
    const pem = this.#read(file, at);
    if (pem === null) return null;
    try {
      return new X509Certificate(pem);
    } catch {
      this.#problems.at(at, `${file} holds no certificate`, 'Name a PEM file with one certificate');
      return null;
    }
  }

  /** The `file:` URL of a file that is there. */
  fileUrl(file: string, at: YamlPath): string {
    this.#read(file, at);
    return pathToFileURL(resolve(this.#folder, file)).href;
  }

  #checkedKey(text: string | null, at: YamlPath): string | null {
    if (text === null) return null;
    const reason = symmetricKeyProblem(text.trim());
    if (reason === null) return text.trim();
    this.#problems.at(at, `the key that ${at.join('.')} names ${reason}`, 'Give a base64 key of 16 to 64 bytes');
    return null;
  }

  #read(file: string, at: YamlPath): string | null {
    if (isSecret(file)) {
      const remedy = 'Put the key into a file, and make a new one: this one was written down';
      this.#problems.at(at, `${at.join('.')} is a secret, not the name of a file`, remedy);
      return null;
    }
    try {
      return readFileSync(resolve(this.#folder, file), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#problems.at(at, `${file} cannot be read (${code})`, 'Check the path, which is relative to this file');
      return null;
    }
  }
}
