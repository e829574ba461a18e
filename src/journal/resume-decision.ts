import type { RegistrationResult } from '../registration/registration-outcome.ts';

/** How far a registration got, according to the journal. */
export type SettlementState =
  /** Never released to a worker, or returned unsent. */
  | 'never-granted'
  /** Released to a worker without an outcome: possibly sent. */
  | 'open'
  | Exclude<RegistrationResult, 'not-started' | 'unknown'>;

/** Settled registrations that the operator wants repeated. */
export type RetryChoice = {
  /** Repeat those that the service ended as failed or refused. */
  readonly failed: boolean;
  /** Repeat those whose enrollment was disabled. */
  readonly disabled: boolean;
};

/** When a resumed run registers a device. */
const RULES: Readonly<Record<SettlementState, 'always' | 'retry-failed' | 'retry-disabled' | 'never'>> = {
  assigned: 'never',

  // Not settled.
  'never-granted': 'always',
  open: 'always',
  cancelled: 'always',

  // The service decided nothing about the device: another try may succeed.
  throttled: 'always',
  'timed-out': 'always',
  disconnected: 'always',

  // The service said no, and will repeat it until somebody changes something.
  failed: 'retry-failed',
  refused: 'retry-failed',
  disabled: 'retry-disabled',
};

/**
 * Returns whether a resumed run registers a device in this state. Canary devices are repeated until all are assigned: the rest
 * must not start after a run that the canary stopped.
 */
export function isLeftToDo(progress: SettlementState, retry: RetryChoice, isCanary: boolean): boolean {
  const rule = RULES[progress];
  if (rule === 'always' || rule === 'never') return rule === 'always';
  return isCanary || (rule === 'retry-failed' ? retry.failed : retry.disabled);
}
