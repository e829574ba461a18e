import { FAULT_POINTS, type Fault, type FaultRule, HUB_FAULT_POINTS } from '../../src/emulator/service/fault-rule.ts';
import { faultRule } from '../support/fault-rules.ts';

const FAULTS: readonly Fault[] = [
  { kind: 'fragment', bytes: 7, pauseMs: 10 },
  { kind: 'slow-connack', delayMs: 300 },
  { kind: 'lose-connack' },
  { kind: 'refuse-connect', returnCode: 3 },
  { kind: 'lose-suback' },
  { kind: 'refuse-subscription' },
  { kind: 'lose-request' },
  { kind: 'lose-puback' },
  { kind: 'lose-answer' },
  { kind: 'delay-answer', delayMs: 300 },
  { kind: 'duplicate-answer' },
  { kind: 'reorder-answer' },
  { kind: 'malform-answer', form: 'truncated' },
  { kind: 'foreign-request-id' },
  { kind: 'retry-after', value: 'soon' },
  { kind: 'error-answer', errorCode: 500000, retryAfterSeconds: 1 },
  { kind: 'disconnect', when: 'before' },
  { kind: 'disconnect', when: 'after-puback' },
  { kind: 'stall' },
  { kind: 'endless-assigning' },
  { kind: 'slow-assignment', delayMs: 500 },
  { kind: 'fail-assignment', errorCode: 400209, errorMessage: 'The hub refused.' },
];

/** All faults that a session without a network can meet, each now and then. */
export const EVERY_FAULT: readonly FaultRule[] = FAULTS.map((fault) =>
  faultRule(fault, { share: 0.06, points: FAULT_POINTS[fault.kind] }),
);

/** The same at a hub, for the hostile devices alone. */
export const EVERY_HUB_FAULT: readonly FaultRule[] = FAULTS.filter(({ kind }) => HUB_FAULT_POINTS[kind].length > 0).map(
  (fault) => faultRule(fault, { share: 0.06, points: HUB_FAULT_POINTS[fault.kind], registrationIds: 'device-*' }),
);
