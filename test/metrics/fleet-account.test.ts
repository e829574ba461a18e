import { describe, expect, it } from 'vitest';
import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { AccountFold, type RowState } from '../../src/metrics/fleet-account.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

const assigned = outcomeRecord(0);
const refused = outcomeRecord(0, notAssigned({ result: 'refused' }));
const unknown = outcomeRecord(0, notAssigned({ result: 'unknown', registersSent: 0 }));
const notStarted = outcomeRecord(0, notAssigned({ result: 'not-started', registersSent: 0 }));
const cancelledUnsent = outcomeRecord(0, notAssigned({ result: 'cancelled', registersSent: 0 }));
const cancelledSent = outcomeRecord(0, notAssigned({ result: 'cancelled' }));

function stateOf(rounds: readonly OutcomeRecord[], wasSelected: boolean | null, isDone = false): RowState | undefined {
  const fold = new AccountFold({ wasSelected: () => wasSelected, isDone, rounds: rounds.length, leftOut: 0 });
  return rounds.map((outcome, index) => fold.add({ ...outcome, round: index + 1 })).at(-1)?.state;
}

describe('the state of a row', () => {
  it.each<[string, readonly OutcomeRecord[], boolean | null, RowState]>([
    ['assigned', [assigned], true, 'assigned'],
    ['refused', [refused], true, 'failed'],
    ['released to a worker that died', [unknown], true, 'unknown'],
    ['cancelled with a register request on its way', [cancelledSent], true, 'unknown'],
    ['cancelled before anything was sent', [cancelledUnsent], true, 'not-started'],
    ['selected and never released', [notStarted], true, 'not-started'],
    ['not selected', [notStarted], false, 'not-selected'],
    ['sent by a run although the last one did not select it', [assigned], false, 'assigned'],
    ['assigned, then failed in the next round', [assigned, refused], true, 'failed'],
    ['failed, then assigned in the next round', [refused, assigned], true, 'assigned'],
    ['assigned, then not started in the next round', [assigned, notStarted], true, 'assigned'],
    ['assigned, then cancelled unsent', [assigned, cancelledUnsent, notStarted], true, 'assigned'],
    ['assigned, then possibly sent', [assigned, unknown], true, 'unknown'],
  ])('%s', (_, rounds, wasSelected, state) => {
    expect(stateOf(rounds, wasSelected)).toBe(state);
  });

  it('of a journal without a record of the selection depends on whether the run was done', () => {
    expect(stateOf([notStarted], null, true)).toBe('not-selected');
    expect(stateOf([notStarted], null, false)).toBe('not-started');
  });
});

it('counts each row of the file once, also those left out', () => {
  const fold = new AccountFold({ wasSelected: (row) => row !== 5, isDone: true, rounds: 1, leftOut: 7 });
  const outcomes = [assigned, assigned, refused, unknown, notStarted, notStarted];
  outcomes.forEach((outcome, row) => {
    fold.add({ ...outcome, row });
  });
  expect(fold.result()).toEqual({
    fileRows: 13,
    assigned: 2,
    failed: 1,
    leftOut: 7,
    notSelected: 1,
    notStarted: 1,
    unknown: 1,
  });
});
