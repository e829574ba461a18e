import { describe, expect, it } from 'vitest';
import { shifted } from '../../src/agents/run-axis.ts';
import { notStartedOutcome } from '../../src/registration/unsent-outcomes.ts';
import type { FromWorker, ToWorker } from '../../src/worker/worker-messages.ts';
import { launch } from '../support/launches.ts';
import { QUIET_HEALTH } from '../support/session-bench.ts';

const LAUNCH = { ...launch(7, 100), notBeforeMs: 120, heldMs: 20 };

const TO_WORKER: readonly [message: ToWorker, moved: ToWorker][] = [
  [
    { type: 'launch', launches: [LAUNCH, { ...LAUNCH, intendedAtMs: null, notBeforeMs: null }] },
    {
      type: 'launch',
      launches: [
        { ...LAUNCH, intendedAtMs: 1_100, notBeforeMs: 1_120 },
        { ...LAUNCH, intendedAtMs: null, notBeforeMs: null },
      ],
    },
  ],
  [
    { type: 'outageBegan', sinceMs: 5 },
    { type: 'outageBegan', sinceMs: 1_005 },
  ],
  [{ type: 'cancelAll' }, { type: 'cancelAll' }],
];

const OUTCOME = { ...notStartedOutcome(LAUNCH), intendedAtMs: 100, startedAtMs: 130, finishedAtMs: null, waitedMs: 7 };

const FROM_WORKER: readonly [message: FromWorker, moved: FromWorker][] = [
  [
    { type: 'outcomes', events: null, outcomes: [OUTCOME] },
    { type: 'outcomes', events: null, outcomes: [{ ...OUTCOME, intendedAtMs: 1_100, startedAtMs: 1_130 }] },
  ],
  [
    { type: 'throttled', atMs: 9, retryAfterSeconds: 3 },
    { type: 'throttled', atMs: 1_009, retryAfterSeconds: 3 },
  ],
  [
    {
      type: 'health',
      events: null,
      ...QUIET_HEALTH,
      aliveAtMs: 50,
      losses: [{ sequence: 1, atMs: 60, reached: true }],
    },
    {
      type: 'health',
      events: null,
      ...QUIET_HEALTH,
      aliveAtMs: 1_050,
      losses: [{ sequence: 1, atMs: 1_060, reached: true }],
    },
  ],
  [
    { type: 'health', events: null, ...QUIET_HEALTH },
    { type: 'health', events: null, ...QUIET_HEALTH },
  ],
  [{ type: 'ready' }, { type: 'ready' }],
];

describe('the axis of the run', () => {
  it.each(TO_WORKER)('moves every moment in %o, and no duration', (message, moved) => {
    expect(shifted(message, 1_000)).toEqual(moved);
    expect(shifted(moved, -1_000)).toEqual(message);
  });

  it.each(FROM_WORKER)('moves every moment in %o, and no duration, on the way back', (message, moved) => {
    expect(shifted(message, 1_000)).toEqual(moved);
    expect(shifted(moved, -1_000)).toEqual(message);
  });
});
