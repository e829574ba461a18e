import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTES } from '../../src/scenario/notation/notes.ts';
import { scenarioKeys } from '../../src/scenario/read/print-scenario.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { resumeScenario } from '../../src/scenario/read/resume-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';

const KEY = 'c2VjcmV0IGtleSB0aGF0IG5vYm9keSBzaG91bGQgc2VlIGhlcmU=';

/** How a scenario refers to an environment variable. */
const reference = (name: string): string => `$\{${name}}`;

const flags = { emulator: 'true', fleet: 'fleet.csv' };

const resolved = (text: string, given: object = {}, environment: Readonly<Record<string, string>> = {}) =>
  resolveScenario({ flags: { ...flags, ...given }, environment, cores: 4, scenarioFile: { file: 's.yaml', text } });

describe('notes', () => {
  it('read as they are shown', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,8}$/);
    const notes = fc.dictionary(name, fc.stringMatching(/^[!-~]([ -~]{0,15}[!-~])?$/), {
      minKeys: 1,
      maxKeys: 20,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(notes, (written) => {
        const reading = NOTES.read(NOTES.show(written));
        // Some of these look like secrets.
        if ('problem' in reading) expect(reading.isSecret).toBe(true);
        else expect(reading.value).toEqual(written);
      }),
    );
  });

  it.each([
    ['without =', 'order', 'is not a name and a text'],
    ['without a name', '=4711', 'is not a name and a text'],
    ['with a blank in the name', 'work order=4711', 'is not a name and a text'],
    ['with a name of 33 characters', `${'n'.repeat(33)}=1`.replaceAll('nn', 'n.'), 'is not a name and a text'],
    ['with a name that objects have', '__proto__=1', 'is not a name and a text'],
    ['without a text', 'order= ', 'has no text for order'],
    ['with a long text', `order=${'a b '.repeat(51)}`, 'has more than 200 characters for order'],
    ['with a control character', 'order=4711\u001b[31m', 'has a control character in order'],
    ['given twice', 'order=1\norder=2', 'names order twice'],
    [
      'more than 20 of them',
      Array.from({ length: 21 }, (_, place) => `n${place}=1`).join('\n'),
      'has more than 20 notes',
    ],
  ])('are refused %s', (_, text, problem) => {
    expect(NOTES.read(text)).toMatchObject({ problem });
  });

  it.each([
    ['a symmetric key', `order=${KEY}`],
    ['a key in the name', `${KEY.slice(0, 30)}=valued`],
    ['a token', 'token=abc'],
    ['a password', 'password=hunter2'],
    ['a key beside other words', `order=see ${KEY}`],
    ['a connection string', 'order=SharedAccessKey=x'],
  ])('never hold %s, nor quote it', async (_, note) => {
    const error = await operatorError(() => resolved('version: 1', { note }));
    expect(String(error)).toContain('--note (not shown: it looks like a secret) is or may be a secret');
    expect(String(error)).not.toContain(note.split('=')[1]);
  });

  it('of flag, variable and scenario add up, the stronger one of a name counting', () => {
    const text = `version: 1\nnotes: { line: 4, order: 1, operator: "${reference('WHO')}" }`;
    const { scenario } = resolved(
      text,
      { note: 'order=3\nshift=late' },
      { DPSLOAD_NOTE: 'order=2\nplant=B', WHO: 'Kim' },
    );
    expect(scenario.notes).toEqual({ line: '4', order: '3', operator: 'Kim', plant: 'B', shift: 'late' });
  });

  it('are kept by a resumed run, which may add some', () => {
    const first = resolved('version: 1', { note: `order=4711\noperator=Kim ${reference('A')}` });
    const resume = (given: object) =>
      resumeScenario({ file: 'run.json', settings: scenarioKeys(first), flags: given, environment: {}, cores: 4 });
    expect(resume({}).scenario.notes).toEqual({ order: '4711', operator: `Kim ${reference('A')}` });
    expect(resume({ note: 'operator=Lee' }).scenario.notes).toEqual({ order: '4711', operator: 'Lee' });
  });

  it('are limited in sum, so that a resumed run can read them', () => {
    const lines = (prefix: string, count: number) => Array.from({ length: count }, (_, place) => `${prefix}${place}=1`);
    const text = `version: 1\nnotes: ${JSON.stringify(Object.fromEntries(lines('a', 15).map((line) => line.split('='))))}`;
    expect(Object.keys(resolved(text, { note: lines('b', 5).join('\n') }).scenario.notes)).toHaveLength(20);
    expect(() => resolved(text, { note: lines('b', 6).join('\n') })).toThrow(/--note .* has more than 20 notes/s);
  });
});
