import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JournalFormatError } from '../../src/journal/journal-codec.ts';
import { SettlementIndex } from '../../src/journal/settlement-index.ts';
import { grantRecord, outcomeRecord } from '../support/sample-journal.ts';

/** What one record does to one registration. */
type Step = 'grant' | 'outcome';

/** The index after `steps`, each of which stands 100 bytes behind the one before. */
function after(steps: readonly Step[], row = 1, round = 1): SettlementIndex {
  const index = new SettlementIndex(3, 2);
  steps.forEach((step, place) => {
    if (step === 'grant') index.addGrant(grantRecord(row, row, { round }));
    else index.addOutcome(outcomeRecord(row, { round }), place * 100);
  });
  return index;
}

describe('how far a registration is settled', () => {
  it.each<[Step[], number | null, boolean, boolean]>([
    // steps → offset of the outcome that counts, open, released twice
    [[], null, false, false],
    [['grant'], null, true, false],
    [['grant', 'outcome'], 100, false, false],
    [['grant', 'grant'], null, true, true],
    [['grant', 'grant', 'outcome'], 200, false, true],
    [['grant', 'outcome', 'grant'], null, true, false],
    [['grant', 'outcome', 'grant', 'outcome'], 300, false, false],
  ])('after %j', (steps, offset, open, twice) => {
    const index = after(steps);
    expect([index.outcomeOffset(1, 1), index.isOpen(1, 1), index.wasReleasedTwice(1, 1)]).toEqual([
      offset,
      open,
      twice,
    ]);
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
    index.addOutcome(outcomeRecord(1), 100);
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
