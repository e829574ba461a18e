import type { z } from 'zod';
import { isSecretName } from '../fleet/known-column.ts';
import type { Problem } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { similarWord } from '../problem/similar-word.ts';
import { dottedPath, type YamlDocument, type YamlPath, type YamlPlace } from '../problem/yaml-document.ts';
import { GROUP_KEYS, MAPPING_KEYS, SCENARIO_VERSION } from './scenario-shape.ts';

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
