import { expect, it } from 'vitest';
import { percentDecoded } from '../../src/dps/percent-encoding.ts';

it.each([
  ['a%2Fb', 'a/b'],
  ['a+b', 'a+b'],
  ['%C3%A9', 'é'],
  ['\u{d800}', '\u{d800}'],
  ['100%', null],
  ['%E9', null],
])('%j is decoded to %j', (text, decoded) => {
  expect(percentDecoded(text)).toBe(decoded);
});
