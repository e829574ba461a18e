import { expect, it } from 'vitest';
import { isLoopback } from '../../src/dps/loopback.ts';

it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.255.0.9', '::1'])('%s is this machine', (host) => {
  expect(isLoopback(host)).toBe(true);
});

// The last ones exist nowhere, and a name service may say anything of them.
it.each([
  '',
  '128.0.0.1',
  '127.0.0.1.example.com',
  'localhost.example.com',
  '127.999.0.1',
  '127.0.0.256',
  '127.1',
])('%j may be another one', (host) => {
  expect(isLoopback(host)).toBe(false);
});
