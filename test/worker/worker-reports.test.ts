import { expect, it } from 'vitest';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { notStartedOutcome } from '../../src/registration/unsent-outcomes.ts';
import { OutcomeBatcher } from '../../src/worker/worker-reports.ts';
import { launch } from '../support/launches.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function observedBatcher() {
  const clock = new VirtualClock();
  const batches: (readonly RegistrationOutcome[])[] = [];
  return { clock, batches, batcher: new OutcomeBatcher(clock, (batch) => batches.push(batch)) };
}

it('sends a full batch at once, and the rest after 100 ms', () => {
  const { clock, batches, batcher } = observedBatcher();
  for (let sequence = 0; sequence < 300; sequence += 1) batcher.add(notStartedOutcome(launch(sequence)));
  expect(batches.map(({ length }) => length)).toEqual([256]);
  clock.advanceTo(99);
  expect(batches).toHaveLength(1);
  clock.advanceTo(100);
  expect(batches.flat().map(({ sequence }) => sequence)).toEqual(Array.from({ length: 300 }, (_, index) => index));
});

it('sends nothing when there is nothing to report, and leaves no timer', () => {
  const { clock, batches, batcher } = observedBatcher();
  batcher.flush();
  batcher.add(notStartedOutcome(launch(0)));
  batcher.flush();
  clock.runToEnd();
  expect(batches.map(({ length }) => length)).toEqual([1]);
  expect(clock.timers).toBe(0);
});
