import { describe, expect, it } from 'vitest';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { neverConnectedRule } from '../../src/run/stop-rules.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

const refused = notAssigned({
  result: 'disconnected',
  attempts: 5,
  errorCode: 'connack-3',
  errorMessage: 'wrong scope',
});

/** What the rule says of each of `count` devices that end one after the other. */
function verdicts(rule: ReturnType<typeof neverConnectedRule>, count: number, outcome: Partial<RegistrationOutcome>) {
  return Array.from({ length: count }, (_, row) => rule.add(outcomeRecord(row, outcome)));
}

describe('a run of which no device ever connected', () => {
  it('is stopped at the twentieth device, and names its failure', () => {
    const said = verdicts(neverConnectedRule(), 20, refused);
    expect(said.slice(0, 19).every((cause) => cause === null)).toBe(true);
    expect(said[19]).toEqual({
      reason: 'unreachable',
      message: 'no device has connected; the last failure was: wrong scope',
    });
  });

  it('is no such run while one is connected and under way, however many end before it', () => {
    const rule = neverConnectedRule();
    verdicts(rule, 19, refused);
    rule.deviceConnected?.();
    expect(verdicts(rule, 100, refused).every((cause) => cause === null)).toBe(true);
  });

  it.each([
    ['that were never tried', { attempts: 0, result: 'refused' }],
    ['that the operator cancelled', { result: 'cancelled' }],
  ] as const)('is not judged by devices %s', (_, outcome) => {
    expect(verdicts(neverConnectedRule(), 50, { ...refused, ...outcome }).every((cause) => cause === null)).toBe(true);
  });
});
