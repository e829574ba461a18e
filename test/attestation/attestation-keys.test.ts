import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAttestationKeys } from '../../src/attestation/attestation-keys.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import type { AttestationChoice } from '../../src/scenario/scenario.ts';

const KEY_A = Buffer.alloc(64, 'a').toString('base64');
const KEY_B = Buffer.alloc(32, 'b').toString('base64');
const WRONG_KEY = 'c2hvcnQ=';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dpsload-keys-'));
  writeFileSync(join(folder, 'a.key'), `  ${KEY_A}\r\n`);
  writeFileSync(join(folder, 'wrong.key'), WRONG_KEY);
  writeFileSync(join(folder, 'empty.key'), '\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string) => ({ kind: 'file', file: join(folder, name) }) as const;
const variable = (name: string) => ({ kind: 'environment', variable: name }) as const;

async function problemsOf(choice: AttestationChoice, environment: Record<string, string>): Promise<OperatorError> {
  const error = await loadAttestationKeys(choice, environment).catch((caught: unknown) => caught);
  if (!(error instanceof OperatorError)) throw new Error('no OperatorError');
  return error;
}

describe('keys', () => {
  it('come from files and from the environment, trimmed', async () => {
    const choice: AttestationChoice = {
      kind: 'group-key',
      key: file('a.key'),
      groups: { 'line-b': variable('LINE_B_KEY'), ['__proto__']: variable('LINE_B_KEY') },
      secondary: { key: variable('LINE_B_KEY'), groups: { 'line-b': file('a.key') } },
    };
    const keys = await loadAttestationKeys(choice, { LINE_B_KEY: ` ${KEY_B} ` });
    expect(keys).toMatchObject({ kind: 'group-key', defaultKey: KEY_A });
    expect(keys.kind === 'group-key' && Object.entries(keys.groups)).toEqual([
      ['line-b', KEY_B],
      ['__proto__', KEY_B],
    ]);
    expect(keys.kind === 'group-key' && keys.secondary).toEqual({ defaultKey: KEY_B, groups: { 'line-b': KEY_A } });
    expect(structuredClone(keys)).toEqual(keys);
  });

  it('are absent where none is named', async () => {
    expect(
      await loadAttestationKeys({ kind: 'group-key', key: null, groups: {}, secondary: { key: null, groups: {} } }, {}),
    ).toEqual({
      kind: 'group-key',
      defaultKey: null,
      groups: {},
      secondary: { defaultKey: null, groups: {} },
    });
    expect(await loadAttestationKeys({ kind: 'device-key' }, {})).toEqual({ kind: 'device-key' });
  });
});

describe('mistakes', () => {
  it('are listed all at once, with their place, and without any key', async () => {
    const error = await problemsOf(
      {
        kind: 'group-key',
        key: variable('GROUP_KEY'),
        groups: {
          'line-a': file('absent.key'),
          'line-b': file('wrong.key'),
          'line-c': file('empty.key'),
          'line-d': variable('LINE_D_KEY'),
          'line-e': file('a.key'),
          'line-f': variable('EMPTY_KEY'),
        },
        secondary: { key: variable('SECOND_KEY'), groups: { 'line-a': file('wrong.key') } },
      },
      { LINE_D_KEY: WRONG_KEY, EMPTY_KEY: '' },
    );
    expect(error.kind).toBe('usage');
    const readable = 'Name a readable file that contains only the key';
    const whole = 'Give the complete base64 key, as the DPS instance shows it';
    const short = 'decodes to 5 bytes; keys have 16 to 64 bytes';
    expect(error.problems.map(({ file: place, message, remedy }) => [place, message, remedy])).toEqual([
      [null, 'the group key is missing: GROUP_KEY is not set', 'Set GROUP_KEY to the key'],
      [join(folder, 'absent.key'), 'the key of group "line-a" cannot be read: ENOENT', readable],
      [join(folder, 'wrong.key'), `the key of group "line-b" ${short}`, whole],
      [join(folder, 'empty.key'), 'the key of group "line-c" is empty', whole],
      [null, `the key of group "line-d", from LINE_D_KEY, ${short}`, whole],
      [null, 'the key of group "line-f" is missing: EMPTY_KEY is not set', 'Set EMPTY_KEY to the key'],
      [null, 'the secondary group key is missing: SECOND_KEY is not set', 'Set SECOND_KEY to the key'],
      [join(folder, 'wrong.key'), `the secondary key of group "line-a" ${short}`, whole],
    ]);
    expect(error.message).not.toContain(WRONG_KEY);
    expect(error.message).not.toContain(KEY_A);
  });
});
