import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/problem/operator-error.ts';
import {
  checkAtMostOne,
  type Flags,
  gatherSetting,
  gatherSettings,
  givenOrigins,
  listGiven,
  required,
  unknownVariables,
} from '../../src/scenario/read/gather-settings.ts';
import { describeOrigin, type Given, originOf, problemAt } from '../../src/scenario/read/origin.ts';

const IN_FILE = { source: 'scenario', name: 'load.rate', file: 's.yaml', line: 3, column: 9 } as const;
const given = (text: string): Given => ({ text, written: text, origin: IN_FILE });

function gathered(flags: Flags, environment = {}) {
  const problems: Problem[] = [];
  return { ...gatherSettings({ flags, environment }, problems), problems };
}

describe('one setting', () => {
  const scenario = new Map([['rate', given('1/s')]] as const);

  it.each([
    [{ rate: '3/s' }, { DPSLOAD_RATE: '2/s' }, 3, originOf('flag', '--rate')],
    [{}, { DPSLOAD_RATE: '2/s' }, 2, originOf('environment', 'DPSLOAD_RATE')],
    [{}, { DPSLOAD_RATE: '' }, 1, IN_FILE],
    [{}, {}, 1, IN_FILE],
  ])('with flags %j and environment %j has the value of its strongest source', (flags, environment, value, origin) => {
    const problems: Problem[] = [];
    expect(gatherSetting('rate', { flags, environment, scenario }, problems)).toEqual({ value, origin });
    expect(problems).toEqual([]);
  });

  it('is checked in every source, even if a stronger one overrides it', () => {
    const problems: Problem[] = [];
    const sources = {
      flags: { rate: '3/s' },
      environment: { DPSLOAD_RATE: 'fast' },
      scenario: new Map([['rate', given('5')]] as const),
    };
    expect(gatherSetting('rate', sources, problems).value).toBe(3);
    expect(problems.map(({ file, line, column, message }) => [file, line, column, message])).toEqual([
      ['s.yaml', 3, 9, 'load.rate "5" is not a rate from 1/h to 100000/s'],
      [null, null, null, 'DPSLOAD_RATE "fast" is not a rate from 1/h to 100000/s'],
    ]);
  });

  it('without any source has its default, with the reason as its origin', () => {
    const problems: Problem[] = [];
    const sources = { flags: {}, environment: {} };
    expect(gatherSetting('seed', sources, problems)).toEqual({
      value: 1,
      origin: originOf('default', 'repeated runs have the same jitter'),
    });
    expect(gatherSetting('rate', sources, problems)).toEqual({
      value: null,
      origin: originOf('default', 'as fast as the concurrency allows; the closed model'),
    });
  });

  it('is shown as it was written, not with what was substituted', () => {
    const problems: Problem[] = [];
    const written = { text: 'hidden', written: `\${RATE}`, origin: IN_FILE };
    gatherSetting('rate', { flags: {}, environment: {}, scenario: new Map([['rate', written]] as const) }, problems);
    expect(problems[0]?.message).toContain(`"\${RATE}"`);
    expect(problems[0]?.message).not.toContain('hidden');
  });
});

describe('the origins of settings', () => {
  it('list what was given, with its places, and leave out defaults', () => {
    const { origins } = gathered({ host: 'h' }, { DPSLOAD_ID_SCOPE: '0ne00000000' });
    expect(listGiven(origins, ['host', 'port', 'idScope'])).toBe('--host, DPSLOAD_ID_SCOPE');
    expect(givenOrigins(origins, ['port', 'fleet'])).toEqual([]);
    expect(gathered({ fleet: 'f.csv' }).origins.fleet.name).toBe('the argument FLEET.csv');
  });

  it('are described with file, line and column, as problems at them are', () => {
    expect(describeOrigin(IN_FILE)).toBe('load.rate (s.yaml:3:9)');
    expect(describeOrigin(originOf('flag', '--rate'))).toBe('--rate');
    expect(problemAt(IN_FILE, 'is wrong', 'Correct it')).toEqual({
      file: 's.yaml',
      line: 3,
      column: 9,
      message: 'is wrong',
      remedy: 'Correct it',
    });
  });
});

describe('settings that exclude each other', () => {
  it.each<[Flags, number, string[]]>([
    [{}, 0, []],
    [{ rate: '1/s' }, 1, []],
    [{ rate: '1/s', atOnce: 'false' }, 1, []],
    [{ rate: '1/s', atOnce: 'true' }, 2, ['more than one load shape given: --rate, --at-once']],
  ])('%j', (flags, count, messages) => {
    const { problems, ...settings } = gathered(flags);
    expect(checkAtMostOne(settings, ['rate', 'stages', 'atOnce'], 'load shape', problems)).toBe(count);
    expect(problems.map(({ message }) => message)).toEqual(messages);
  });
});

describe('environment variables with our prefix', () => {
  it.each([
    ['DPSLOAD_RATE', []],
    ['DPSLOAD_GROUP_KEY', []],
    ['DPSLOAD_SCENARIO', []],
    ['DPSLOAD_MINE', []],
    ['OTHER', []],
    ['DPSLOAD_RTE', ['Rename it to DPSLOAD_RATE, or unset it']],
    ['DPSLOAD_NOTHING_LIKE_IT', ['Unset it; dpsload run --help lists the known variables']],
  ])('%s', (name, remedies) => {
    expect(unknownVariables({ [name]: 'x' }, ['DPSLOAD_MINE']).map(({ remedy }) => remedy)).toEqual(remedies);
  });
});

it('a required value that is missing without a problem is a broken invariant', () => {
  expect(required(0)).toBe(0);
  expect(() => required(null)).toThrow('a required setting has no value');
});
