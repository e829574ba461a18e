import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINKED_HUBS } from '../../src/scenario/notation/linked-hubs.ts';
import {
  API_VERSION,
  DELIMITER,
  FILE,
  HOST,
  ID_SCOPE,
  type Notation,
  parseWholeNumber,
  VARIABLE,
  wholeNumberBetween,
  YES_NO,
} from '../../src/scenario/notation/notation.ts';
import { formatRate, parseRate, RATE_PER_SECOND_MAX } from '../../src/scenario/notation/rate.ts';
import { parseDuration, printDuration } from '../../src/time/duration.ts';
import { symmetricKeys } from '../support/arbitraries.ts';

describe('durations', () => {
  it.each([
    ['5m', 300_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1h1m1s1ms', 3_661_001],
    ['90m', 5_400_000],
    ['0s', 0],
    ['1m500ms', 60_500],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    'm',
    '1.5s',
    '5 m',
    '-5s',
    '5M',
    '5min',
    '30s1h',
    '1m1m',
    '1ms5s',
    '5d',
    '٣s',
    '1e3s',
  ])('%j is none', (text) => expect(parseDuration(text)).toBeNull());

  it('are read as they are shown', () => {
    fc.assert(
      fc.property(fc.nat(86_400_000), (ms) => {
        expect(parseDuration(printDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('rates', () => {
  it.each([
    ['900/min', 15],
    ['50/s', 50],
    ['1000/h', 1000 / 3600],
    ['0.5/s', 0.5],
    ['1/h', 1 / 3600],
    [`${RATE_PER_SECOND_MAX}/s`, RATE_PER_SECOND_MAX],
  ])('%s is %d a second', (text, perSecond) => {
    expect(parseRate(text)).toBe(perSecond);
  });

  it.each([
    '',
    '50',
    '50/',
    '/s',
    '50/sec',
    '50/m',
    '50 / s',
    '-1/s',
    '0/s',
    '0.0/s',
    '1e3/s',
    '0.9/h',
    '100001/s',
    '1/2/s',
  ])('%j is none', (text) => expect(parseRate(text)).toBeNull());

  it('are read as they are shown', () => {
    const rates = fc.tuple(
      fc.integer({ min: 1, max: 100_000_000 }),
      fc.constantFrom('s', 'min', 'h'),
      fc.constantFrom(1, 10, 1000),
    );
    fc.assert(
      fc.property(rates, ([count, unit, divisor]) => {
        const perSecond = parseRate(`${count / divisor}/${unit}`);
        fc.pre(perSecond !== null);
        expect(parseRate(formatRate(perSecond ?? 0))).toBe(perSecond);
      }),
    );
  });
});

describe('whole numbers', () => {
  it.each([
    ['0', 0],
    ['007', 7],
    ['9007199254740991', 9007199254740991],
  ])('%s', (text, value) => expect(parseWholeNumber(text)).toBe(value));

  it.each(['', '-1', '+1', '1.0', '1e3', '0x10', ' 1', '1_000', '9007199254740993', '٣', 'NaN'])('%j is none', (text) =>
    expect(parseWholeNumber(text)).toBeNull());

  it('lie between their limits, both included', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(60), (a, b, value) => {
        const [min, max] = a < b ? [a, b] : [b, a];
        expect('value' in wholeNumberBetween(min, max).read(String(value))).toBe(value >= min && value <= max);
      }),
    );
  });
});

describe('words', () => {
  it.each<[string, Notation<unknown>, readonly string[], readonly string[]]>([
    [
      'host',
      HOST as Notation<unknown>,
      ['global.azure-devices-provisioning.net', 'localhost', '127.0.0.1', '::1', 'a'],
      ['', 'https://a.b', 'a.b/c', 'a:8883', 'a b', '-a', 'a..b', 'a.'],
    ],
    [
      'ID scope',
      ID_SCOPE as Notation<unknown>,
      ['0ne00111111', '0cn0000000A'],
      ['', '0ne0011111', '0NE00111111', 'ne000111111', '0ne00111111 '],
    ],
    [
      'api-version',
      API_VERSION as Notation<unknown>,
      ['2021-06-01', '2025-07-01-preview'],
      ['', '2021', '2021-6-1', 'latest'],
    ],
    [
      'delimiter',
      DELIMITER as Notation<unknown>,
      [',', ';', '|', 'tab', '\\t', '\t', ' '],
      ['', 'a', '1', '"', '\n', '\r', ';;', 'é'],
    ],
    ['yes or no', YES_NO as Notation<unknown>, ['true', 'false', 'TRUE', '1', '0', 'yes', 'no'], ['', 'y', '2', 'on']],
    ['variable', VARIABLE as Notation<unknown>, ['LINE_B_KEY', '_x', 'a1'], ['', '1A', 'A-B', '$A', 'A B']],
    ['file', FILE as Notation<unknown>, ['a', '/x/y z.csv', '../k.key'], ['', 'a\nb', 'a\0b']],
  ])('%s', (_, notation, good, bad) => {
    for (const text of good) expect([text, 'value' in notation.read(text)]).toEqual([text, true]);
    for (const text of bad) expect([text, 'problem' in notation.read(text)]).toEqual([text, true]);
  });

  it('that are keys cannot be names of files or variables', () => {
    fc.assert(
      fc.property(symmetricKeys, (key) => {
        fc.pre(key.endsWith('=') || key.length >= 64);
        expect(FILE.read(key)).toHaveProperty('problem');
        expect(VARIABLE.read(key)).toHaveProperty('problem');
      }),
    );
  });
});

describe('linked hubs', () => {
  it.each([
    ['a hub twice', 'hub-a=S1:2,HUB-A=S1:2'],
    ['no units', 'hub-a=S1:0'],
    ['an unknown tier', 'hub-a=F1:1'],
  ])('are refused with %s', (_, text) => {
    expect(LINKED_HUBS.read(text)).toEqual({ problem: 'is not a list of hubs' });
  });
});
