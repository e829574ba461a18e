import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JournalFormatError } from '../../src/journal/journal-line.ts';
import type { SettlementState } from '../../src/journal/resume-decision.ts';
import { SettlementIndex } from '../../src/journal/settlement-index.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { grantRecord, notAssigned, outcomeRecord } from '../support/sample-journal.ts';

/** What one record says of one registration: released, or ended with a result. */
type Step =
  | 'grant'
  | 'back'
  | 'assigned'
  | 'assignedAtOnce'
  | 'refused'
  | 'cancelled'
  | 'accepted'
  | 'rejected'
  | 'pollsFailed'
  | 'failed'
  | 'disabled'
  | 'unanswered'
  | 'forgotten'
  | 'forgottenThenFailed';

const OUTCOMES: Readonly<Record<Exclude<Step, 'grant'>, Partial<RegistrationOutcome>>> = {
  back: notAssigned({ result: 'not-started', registersSent: 0 }),
  assigned: {},
  // In the answer to the register request, which named no operation.
  assignedAtOnce: { operationId: null },
  refused: notAssigned({ result: 'refused' }),
  cancelled: notAssigned({ result: 'cancelled' }),
  // The service had accepted the request before the end.
  accepted: notAssigned({ result: 'cancelled', operationId: '4.0b1c.00000000' }),
  // The service had accepted the request, and ended its operation without an assignment.
  failed: notAssigned({ result: 'failed', operationId: '4.0b1c.00000000', operationFailed: true }),
  disabled: notAssigned({ result: 'disabled', operationId: '4.0b1c.00000000', operationFailed: true }),
  // The service did not accept the request.
  rejected: notAssigned({ result: 'failed', errorCode: '404201' }),
  // The service had accepted the request, and answered its polls with errors.
  pollsFailed: notAssigned({ result: 'failed', errorCode: '500000', operationId: '4.0b1c.00000000' }),
  unanswered: notAssigned({ result: 'timed-out', possiblyTwice: true }),
  // The service had accepted the request, and knew its operation no more.
  forgotten: notAssigned({ result: 'timed-out', errorCode: 'deadline', possiblyTwice: true }),
  forgottenThenFailed: notAssigned({
    result: 'failed',
    operationId: '4.0b1c.00000000',
    operationFailed: true,
    possiblyTwice: true,
  }),
};

/** The index after `steps`, each of which stands 100 bytes behind the one before. */
function indexAfter(steps: readonly Step[], row = 1, round = 1): SettlementIndex {
  const index = new SettlementIndex(3, 2);
  steps.forEach((step, place) => {
    if (step === 'grant') index.addGrant(grantRecord(row, row, { round }));
    else index.addOutcome(outcomeRecord(row, { round, ...OUTCOMES[step] }), place * 100);
  });
  return index;
}

describe('how far a registration is settled', () => {
  it.each<[Step[], number | null, SettlementState, boolean, boolean]>([
    // steps → offset of the outcome that counts, progress, perhaps sent, possibly twice
    [[], null, 'never-granted', false, false],
    [['grant'], null, 'open', true, false],
    [['grant', 'assigned'], 100, 'assigned', true, false],
    [['grant', 'refused'], 100, 'refused', false, false],
    [['grant', 'back'], 100, 'never-granted', false, false],
    [['grant', 'back', 'grant', 'assigned'], 300, 'assigned', true, false],
    // The run died while it was under way.
    [['grant', 'grant'], null, 'open', true, false],
    [['grant', 'grant', 'refused'], 200, 'refused', false, true],
    [['grant', 'grant', 'assigned'], 200, 'assigned', true, true],
    [['grant', 'grant', 'back'], null, 'open', true, false],
    [['grant', 'grant', 'back', 'grant', 'assigned'], 400, 'assigned', true, true],
    // Tried again after an outcome.
    [['grant', 'refused', 'grant'], null, 'open', true, false],
    [['grant', 'refused', 'grant', 'assigned'], 300, 'assigned', true, false],
    [['grant', 'refused', 'grant', 'back'], 100, 'refused', false, false],
    [['grant', 'cancelled', 'grant', 'assigned'], 300, 'assigned', true, false],
    [['grant', 'accepted', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'accepted', 'grant', 'back'], 100, 'cancelled', true, false],
    [['grant', 'accepted', 'grant', 'refused'], 300, 'refused', true, true],
    [['grant', 'rejected', 'grant', 'assigned'], 300, 'assigned', true, false],
    [['grant', 'failed', 'grant', 'assigned'], 300, 'assigned', true, false],
    [['grant', 'disabled', 'grant', 'assigned'], 300, 'assigned', true, false],
    [['grant', 'pollsFailed'], 100, 'failed', true, false],
    [['grant', 'pollsFailed', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'forgotten'], 100, 'timed-out', true, false],
    [['grant', 'forgotten', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'forgottenThenFailed', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'accepted', 'grant', 'failed', 'grant', 'assigned'], 500, 'assigned', true, true],
    [['grant', 'unanswered', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'unanswered', 'grant', 'refused', 'grant', 'assigned'], 500, 'assigned', true, true],
    // Registered once more though it was assigned.
    [['grant', 'assigned', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'assignedAtOnce', 'grant', 'assigned'], 300, 'assigned', true, true],
    [['grant', 'assigned', 'grant'], 100, 'assigned', true, true],
    [['grant', 'assigned', 'grant', 'grant', 'back'], 100, 'assigned', true, true],
    [['grant', 'assigned', 'grant', 'back'], 100, 'assigned', true, false],
    [['grant', 'assigned', 'grant', 'refused'], 100, 'assigned', true, false],
    [['grant', 'assigned', 'grant', 'accepted'], 100, 'assigned', true, true],
    [['grant', 'assigned', 'grant', 'unanswered'], 100, 'assigned', true, true],
  ])('after %j', (steps, offset, progress, perhapsSent, twice) => {
    const index = indexAfter(steps);
    expect({
      offset: index.outcomeOffset(1, 1),
      progress: index.progressOf(1, 1),
      open: index.isOpen(1, 1),
      perhapsSent: index.wasPossiblySent(1, 1),
      twice: index.isPossiblyTwice(1, 1),
    }).toEqual({ offset, progress, open: progress === 'open', perhapsSent, twice });
  });

  it('tells every result apart', () => {
    for (const result of REGISTRATION_RESULTS.filter((name) => name !== 'not-started' && name !== 'unknown')) {
      const index = new SettlementIndex(1, 1);
      index.addGrant(grantRecord(0, 0));
      index.addOutcome(outcomeRecord(0, { result }), 0);
      expect(index.progressOf(0, 1)).toBe(result);
    }
  });

  it('is kept when rows are added', () => {
    const index = indexAfter(['grant', 'assigned'], 2, 2);
    index.growTo(5);
    expect([index.outcomeOffset(2, 2), index.progressOf(4, 2), index.complete]).toEqual([100, 'never-granted', false]);
    index.addOutcome(outcomeRecord(4, { round: 2 }), 700);
    expect(index.outcomeOffset(4, 2)).toBe(700);
  });

  it('is not mixed up between rows and rounds', () => {
    const place = fc.record({ row: fc.nat(6), round: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(fc.uniqueArray(place, { selector: ({ row, round }) => `${row}/${round}` }), (settled) => {
        const index = new SettlementIndex(7, 3);
        settled.forEach(({ row, round }, offset) => {
          index.addOutcome(outcomeRecord(row, { round }), offset);
        });
        settled.forEach(({ row, round }, offset) => {
          expect(index.outcomeOffset(row, round)).toBe(offset);
        });
        expect(index.complete).toBe(settled.length === 21);
      }),
    );
  });

  it('is complete when every registration has its outcome', () => {
    const index = new SettlementIndex(2, 1);
    index.addGrant(grantRecord(0, 1));
    index.addOutcome(outcomeRecord(0), 0);
    expect(index.complete).toBe(false);
    index.addOutcome(outcomeRecord(1, OUTCOMES.refused), 100);
    expect(index.complete).toBe(true);
    index.addGrant(grantRecord(1, 1));
    expect(index.complete).toBe(false);
  });

  it.each([
    [3, 1],
    [0, 0],
    [0, 3],
  ])('refuses row %d of round %d, which the fleet does not have', (row, round) => {
    const index = new SettlementIndex(3, 2);
    expect(() => index.addOutcome(outcomeRecord(row, { round }), 0)).toThrow(JournalFormatError);
    expect(() => index.addGrant(grantRecord(row, row, { round }))).toThrow(JournalFormatError);
  });
});
