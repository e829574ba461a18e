import { expect, it } from 'vitest';
import { AllocationCounts } from '../../src/allocation/allocation-counts.ts';
import { DeviceHistory } from '../../src/allocation/movement.ts';
import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { HUBS, notAssigned, outcomeRecord, sessionRecord } from '../support/sample-journal.ts';

const failed = (row: number): OutcomeRecord => outcomeRecord(row, notAssigned({ result: 'throttled' }));
const assigned = (row: number): OutcomeRecord => outcomeRecord(row, { assignedHub: HUBS[0] });
const notStarted = (row: number): OutcomeRecord => outcomeRecord(row, notAssigned({ result: 'not-started' }));
const knownBefore = (row: number): OutcomeRecord =>
  outcomeRecord(row, { serviceCreatedAt: '2020-01-02T03:04:06.1234567Z', substatus: 'deviceDataMigrated' });

it.each<[name: string, rounds: readonly OutcomeRecord[], initial: number, unassigned: number]>([
  ['assigned at last', [failed(0), assigned(0)], 1, 0],
  ['never assigned', [failed(0), failed(0), failed(0)], 0, 1],
  ['assigned at first', [assigned(0), failed(0)], 1, 0],
  ['never assigned, in the rounds that it began', [failed(0), notStarted(0)], 0, 1],
  ['in each of these ways', [failed(0), failed(0), failed(1), assigned(1), assigned(2), failed(2)], 2, 1],
])('a device that is %s counts once, however many rounds', (_, rounds, initial, unassigned) => {
  const [history, counts] = [new DeviceHistory(sessionRecord().startedAtEpochMs), new AllocationCounts('fleet')];
  for (const [index, outcome] of rounds.entries()) counts.add(history.step({ ...outcome, round: index + 1 }), null);
  expect(counts.cohorts().get('')).toMatchObject({ initial, unassigned });
});

it('a device that had a hub before the run does not count, though its first round failed', () => {
  const [history, counts] = [new DeviceHistory(sessionRecord().startedAtEpochMs), new AllocationCounts('fleet')];
  for (const outcome of [failed(0), knownBefore(0)]) counts.add(history.step(outcome), null);
  expect(counts.cohorts().size).toBe(0);
});
