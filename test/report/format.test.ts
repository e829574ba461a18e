import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatNoun,
  formatShare,
  formatUntrusted,
  withCommas,
} from '../../src/report/format.ts';

describe('numbers for people', () => {
  it.each([
    [formatCount, 0, '0'],
    [formatCount, 999, '999'],
    [formatCount, 1000, '1,000'],
    [formatCount, 1_234_567, '1,234,567'],
    [formatMs, null, '–'],
    [formatMs, 0, '0.00'],
    [formatMs, 0.004, '0.00'],
    [formatMs, 9.994, '9.99'],
    [formatMs, 9.996, '10.0'],
    [formatMs, 99.94, '99.9'],
    [formatMs, 99.96, '100'],
    [formatMs, 3_210.4, '3,210'],
    [formatDuration, null, '–'],
    [formatDuration, 0, '0.0 s'],
    [formatDuration, 9_949, '9.9 s'],
    [formatDuration, 9_951, '10 s'],
    [formatDuration, 59_499, '59 s'],
    [formatDuration, 59_500, '1 min 0 s'],
    [formatDuration, 3_599_400, '59 min 59 s'],
    [formatDuration, 3_600_000, '1 h 0 min'],
    [formatDuration, 60_000_000, '16 h 40 min'],
    [formatShare, 1 / 3, '33.3%'],
    [formatShare, 1, '100.0%'],
    [formatBytes, 0, '0 bytes'],
    [formatBytes, 9_940, '9.9 kB'],
    [formatBytes, 152_400_000, '152 MB'],
    [formatBytes, 1_520_000_000, '1.5 GB'],
    [formatBytes, null, '–'],
  ] as [(value: number | null) => string, number | null, string][])('%o %d → %s', (format, value, expected) => {
    expect(format(value)).toBe(expected);
  });

  it.each([
    [0, '0 rows'],
    [1, '1 row'],
    [2000, '2,000 rows'],
  ])('%d', (count, expected) => {
    expect(formatNoun(count, 'row')).toBe(expected);
  });
});

it.each([
  ['0.123456', '0.123456'],
  ['1234567.1234567', '1,234,567.1234567'],
  ['1.234e-7', '1.234e-7'],
])('%s → %s', (digits, expected) => {
  expect(withCommas(digits)).toBe(expected);
});

describe('what others wrote', () => {
  it.each([
    ['plain', 20, 'plain'],
    ['a\nb\r\n\tc', 20, 'a b c'],
    ['\u001b[31mred\u001b[0m', 20, '[31mred [0m'],
    ['\u0007bell\u0000', 20, 'bell'],
    ['left\u202eright', 20, 'left right'],
    ['0123456789', 5, '0123…'],
    ['01234', 5, '01234'],
    ['rejects the connection; check host and port', 41, 'rejects the connection; check host and…'],
    ['rejects the connection; check host and port', 40, 'rejects the connection; check host and…'],
    ['rejects the connection; check host and port', 39, 'rejects the connection; check host and…'],
    ['rejects the connection; check host and port', 38, 'rejects the connection; check host…'],
    ['a 0123456789', 10, 'a 0123456…'],
  ])('%j in %d characters', (text, charactersMax, expected) => {
    expect(formatUntrusted(text, charactersMax)).toBe(expected);
  });
});
