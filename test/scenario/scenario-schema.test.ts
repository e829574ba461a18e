import { describe, expect, it } from 'vitest';
import { YamlDocument } from '../../src/problem/yaml-document.ts';
import { MAPPING_KEYS, scenarioFileSchema, schemaProblems } from '../../src/scenario/read/scenario-schema.ts';
import { SETTING_NAMES, settingNamed } from '../../src/scenario/settings/settings.ts';

/** Each problem as `line:column message. remedy`. */
function problemsOf(text: string): readonly string[] {
  const document = new YamlDocument('s.yaml', text);
  const { error } = scenarioFileSchema().safeParse(document.values());
  return schemaProblems('s.yaml', document, error?.issues ?? []).map(({ file, line, column, message, remedy }) => {
    expect(file).toBe('s.yaml');
    return `${line}:${column} ${message}. ${remedy}`;
  });
}

describe('problems with the schema of a scenario', () => {
  it.each<[string, readonly string[]]>([
    ['version: 1\nload: { rate: 5/s }\n', []],
    ['version: 1\nload: { stages: [{ rate: 10/s, for: 1m, ramp: true }] }\n', []],
    ['version: 1\nallocation: { groups: { a: { hub-a: 2 }, b: [hub-a, hub-b], c: hub-c } }\n', []],
    ['version: 1\nattestation: { groups: { a: { keyFile: x, secondaryKeyVariable: Y } } }\n', []],
    ['version: 2\n', ['1:10 version is not 1. Write version: 1']],
    ['version: 1\nlaod: {}\n', ['2:1 unknown key "laod". Write load']],
    ['version: 1\nrate: 5/s\n', ['2:1 unknown key "rate". Move it to load']],
    [
      'version: 1\nattestation: { token: x }\n',
      [
        '2:16 unknown key "token" in attestation. Never write a secret here: put it into a file (keyFile) or an environment variable (keyVariable)',
      ],
    ],
    [
      'version: 1\nthresholds: { a: b }\n',
      [
        '2:13 thresholds is not a list of thresholds. Write a list of expressions, or of { expression: …, abort: true }',
      ],
    ],
    [
      'version: 1\nload: { stages: { rate: 1/s } }\n',
      [
        '2:17 load.stages is not a list of stages. Write a list of { rate: …, for: … }, with ramp: true where the rate changes gradually',
      ],
    ],
    [
      'version: 1\nload: { stages: [{ rat: 1/s, for: 1m }] }\n',
      ['2:20 unknown key "rat" in load.stages.0. Write rate'],
    ],
    [
      'version: 1\nload: { rate: [] }\n',
      ['2:15 load.rate is not a single value. Write a text, number, true or false, or remove the key'],
    ],
    [
      'version: 1\nattestation: { groups: [] }\n',
      ['2:24 attestation.groups is not a mapping. Write name: value pairs'],
    ],
    [
      'version: 1\nattestation: { groups: { a: x } }\n',
      ['2:29 attestation.groups.a is not a mapping. Write name: value pairs'],
    ],
  ])('of %j', (text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

describe('the mappings of a scenario', () => {
  it('lead to every setting', () => {
    for (const { key } of SETTING_NAMES.map(settingNamed)) {
      const steps = key.split('.');
      steps.forEach((step, depth) => {
        expect(MAPPING_KEYS.get(steps.slice(0, depth).join('.'))).toContain(step);
      });
    }
  });
});
