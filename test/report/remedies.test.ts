import { describe, expect, it } from 'vitest';
import { CONNECTION_FAILURE_CODES } from '../../src/conversation/connection-failure.ts';
import { ERROR_CODES } from '../../src/dps/error-codes.ts';
import { remedyFor } from '../../src/report/remedies.ts';

describe('a remedy', () => {
  it.each([
    ...CONNECTION_FAILURE_CODES,
    ...Object.values(ERROR_CODES).map(String),
    'no-answer',
    'deadline',
  ])('is known for %s, one sentence without a full stop', (code) => {
    expect(remedyFor(code)).toMatch(/^[A-Z].*[^.\s]$/);
  });

  it.each([
    ['401999', '401000'],
    ['404', '404201'],
    ['429', '429001'],
    ['500123', '500000'],
  ])('of %s, which nobody has seen, is that of its status', (code, known) => {
    expect(remedyFor(code)).toBe(remedyFor(known));
  });

  it.each(['', 'toString', '42', '999999', 'what'])('of %j is not known', (code) => {
    expect(remedyFor(code)).toBeNull();
  });
});
