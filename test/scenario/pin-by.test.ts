import { expect, it } from 'vitest';
import { PIN_BY } from '../../src/scenario/notation/pin-by.ts';

it.each([
  ['region', { label: 'region', column: 'region' }],
  ['region=Site name', { label: 'region', column: 'Site name' }],
  ['zone=a=b', { label: 'zone', column: 'a=b' }],
])('rows are pinned by %s', (text, value) => {
  expect(PIN_BY.read(text)).toEqual({ value });
  expect(PIN_BY.show(value)).toBe(text);
});

it.each(['', '=Site', 'region=', 'a b', '-a', `${'a'.repeat(64)}`])('no row is pinned by %j', (text) => {
  expect(PIN_BY.read(text)).toHaveProperty('problem');
});
