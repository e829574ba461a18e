import { describe, expect, it } from 'vitest';
import { isLeftToDo, type SettlementState } from '../../src/journal/resume-decision.ts';

/** The options, in the order of the columns below. */
const ASKED = [
  { failed: false, disabled: false },
  { failed: true, disabled: false },
  { failed: false, disabled: true },
  { failed: true, disabled: true },
] as const;

/** For each progress: whether it is registered with the options above, and then the same for a device of the canary. */
const TABLE: Readonly<Record<SettlementState, readonly [fleet: string, canary: string]>> = {
  'never-granted': ['yes yes yes yes', 'yes yes yes yes'],
  open: ['yes yes yes yes', 'yes yes yes yes'],
  cancelled: ['yes yes yes yes', 'yes yes yes yes'],
  throttled: ['yes yes yes yes', 'yes yes yes yes'],
  'timed-out': ['yes yes yes yes', 'yes yes yes yes'],
  disconnected: ['yes yes yes yes', 'yes yes yes yes'],
  failed: ['no yes no yes', 'yes yes yes yes'],
  refused: ['no yes no yes', 'yes yes yes yes'],
  disabled: ['no no yes yes', 'yes yes yes yes'],
  assigned: ['no no no no', 'no no no no'],
};

describe('whether a resumed run registers a device', () => {
  it.each(Object.entries(TABLE))('that came as far as %s', (progress, expected) => {
    const decided = [false, true].map((isCanary) =>
      ASKED.map((retry) => (isLeftToDo(progress as SettlementState, retry, isCanary) ? 'yes' : 'no')).join(' '),
    );
    expect(decided).toEqual(expected);
  });
});
