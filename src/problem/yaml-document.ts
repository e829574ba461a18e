import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { Problem } from './operator-error.ts';
import { isSecretLike } from './quote-value.ts';

export type YamlPath = readonly (string | number)[];

/** `attestation.groups.line-a`, for messages. */
export function dottedPath(path: YamlPath): string {
  return path.map((step) => (isSecretLike(String(step)) ? '…' : step)).join('.');
}

export type YamlPlace = { readonly line: number; readonly column: number };

/** A parsed YAML file that knows the place of each value. */
export class YamlDocument {
  readonly #file: string;
  readonly #format: 'YAML' | 'JSON';
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @param format what the text is called in messages: JSON is YAML, too */
  constructor(file: string, text: string, format: 'YAML' | 'JSON' = 'YAML') {
    this.#file = file;
    this.#format = format;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
  }

  /** Syntax errors, and aliases. If there are any, do not read the values. */
  syntaxProblems(): readonly Problem[] {
    const problems = [...this.#document.errors, ...this.#document.warnings].map((error) => {
      // The text of an error may quote the file, which may hold a secret.
      const text = isSecretLike(error.message) ? error.code : error.message;
      return this.#problemAt(error.pos[0], `is not valid ${this.#format}: ${text}`, `Correct the ${this.#format}`);
    });
    visit(this.#document, {
      Alias: (_, { range }) => {
        // A few lines of nested aliases can expand to more values than fit in memory.
        problems.push(this.#problemAt(range?.[0] ?? 0, 'aliases are not supported', 'Write the value itself'));
      },
    });
    return problems;
  }

  /** The values as plain JavaScript. */
  values(): unknown {
    return this.#document.toJS();
  }

  /** Returns the place of the value at `path`, or of the deepest existing node on the way to it. */
  placeOfValue(path: YamlPath): YamlPlace {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      const next: unknown = isCollection(node) ? node.get(step, true) : undefined;
      if (!isNode(next)) break;
      node = next;
    }
    return this.#placeOf(node);
  }

  /** Returns the place of `key` in the mapping at `path`. */
  placeOfKey(path: YamlPath, key: string): YamlPlace {
    const mapping = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    const pair = isMap(mapping)
      ? mapping.items.find(({ key: node }) => isScalar(node) && String(node.value) === key)
      : undefined;
    return pair === undefined ? this.placeOfValue(path) : this.#placeOf(pair.key);
  }

  #placeOf(node: unknown): YamlPlace {
    return this.#placeAt(isNode(node) ? ((node as Node).range?.[0] ?? 0) : 0);
  }

  #problemAt(offset: number, message: string, remedy: string): Problem {
    return { file: this.#file, ...this.#placeAt(offset), message, remedy };
  }

  #placeAt(offset: number): YamlPlace {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}
