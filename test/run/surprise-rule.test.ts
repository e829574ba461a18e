import { describe, expect, it } from 'vitest';
import { type RegistrationOutcome, wasKnownBefore } from '../../src/registration/registration-outcome.ts';
import { canaryRule, markSurprise, surpriseRule } from '../../src/run/stop-rules.ts';
import { outcomeRecord } from '../support/sample-journal.ts';

const RUN_STARTED_AT = Date.parse('2026-03-01T12:00:00Z');
const BEFORE = '2026-02-01T00:00:00.1234567Z';
const WITHIN = '2026-03-01T12:00:05.1234567Z';

function outcome(changes: Partial<RegistrationOutcome>): RegistrationOutcome {
  return outcomeRecord(1, { result: 'assigned', serviceCreatedAt: WITHIN, substatus: 'initialAssignment', ...changes });
}

describe('a device was known before the run', () => {
  it.each<[string, Partial<RegistrationOutcome>, boolean]>([
    ['registered for the first time', {}, false],
    ['with an older record', { serviceCreatedAt: BEFORE }, true],
    ['with a record a little older: clocks differ', { serviceCreatedAt: '2026-03-01T11:56:00Z' }, false],
    ['registered again, says the substatus', { substatus: 'deviceDataMigrated' }, true],
    ['registered again by this run itself', { substatus: 'deviceDataMigrated', possiblyTwice: true }, false],
    ['registered again in a later round', { substatus: 'deviceDataMigrated', round: 2 }, false],
    ['of which the service tells nothing', { serviceCreatedAt: null, substatus: null }, false],
    ['not assigned', { result: 'failed', serviceCreatedAt: BEFORE }, false],
  ])('%s: %o is %s', (_, changes, known) => {
    expect(wasKnownBefore(outcome(changes), RUN_STARTED_AT)).toBe(known);
  });
});

describe('an expectation', () => {
  const KNOWN = outcome({ serviceCreatedAt: BEFORE });
  const NEW = outcome({});

  it.each([
    ['new', KNOWN, 'known-before'],
    ['new', NEW, null],
    ['existing', KNOWN, null],
    ['existing', NEW, 'not-known-before'],
    ['any', KNOWN, null],
    ['any', NEW, null],
  ] as const)('%s marks what is not as expected', (devices, device, mark) => {
    expect(markSurprise(device, { devices, surprisesMax: 0 }, RUN_STARTED_AT).errorCode).toBe(mark);
  });

  it('expects nothing of what is not assigned, and nothing of later rounds', () => {
    for (const changes of [{ result: 'failed', errorCode: '1' }, { round: 2 }] as const) {
      const other = outcome(changes);
      expect(markSurprise(other, { devices: 'existing', surprisesMax: 0 }, RUN_STARTED_AT)).toBe(other);
    }
  });

  it('stops the run with the first that is one too many', () => {
    const expectation = { devices: 'new', surprisesMax: 2 } as const;
    const rule = surpriseRule(expectation);
    const mark = (device: RegistrationOutcome) => markSurprise(device, expectation, RUN_STARTED_AT);
    expect([KNOWN, NEW, KNOWN].map((device) => rule.add(mark(device)))).toEqual([null, null, null]);
    expect(rule.add(mark(KNOWN))).toMatchObject({ reason: 'surprises' });
  });
});

describe('a canary', () => {
  it.each([
    ['assigned', false],
    ['not-started', false],
    ['cancelled', false],
    ['refused', true],
    ['disabled', true],
    ['throttled', true],
    ['timed-out', true],
  ] as const)('that is %s stops the run: %s', (result, stops) => {
    expect(canaryRule().add(outcome({ result })) !== null).toBe(stops);
  });
});
