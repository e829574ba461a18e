import { expect, it } from 'vitest';
import { withoutUrlSecrets } from '../../src/problem/quote-value.ts';

it.each([
  ['https://app.example.net/api/allocate?code=SECRET', 'https://app.example.net/api/allocate'],
  ['https://app.example.net:8443/#SECRET', 'https://app.example.net:8443/'],
  ['https://name:SECRET@app.example.net/a/b', 'https://app.example.net/a/b'],
  ['https://SECRET@SECRET@app.example.net?code=SECRET', 'https://app.example.net'],
  ['HTTP://name:SECRET@APP/', 'HTTP://APP/'],
  ['cannot call http://n:SECRET@a/x?y=SECRET, nor http://b/?SECRET now', 'cannot call http://a/x nor http://b/ now'],
  ['no URL: a?b#c@d', 'no URL: a?b#c@d'],
])('the URLs in %j lose their secrets', (text, expected) => {
  expect(withoutUrlSecrets(text)).toBe(expected);
});
