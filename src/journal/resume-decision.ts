import type { RegistrationResult } from '../registration/registration-outcome.ts';

/** How far one registration came, by the journal. */
export type SettlementState =
  /** Never released to a worker, or handed back unsent. */
  | 'never-granted'
  /** Released to a worker without an outcome: perhaps sent. */
  | 'open'
  | Exclude<RegistrationResult, 'not-started' | 'unknown'>;

/** What the operator asks for beside what was left undone. */
export type RetryChoice = {
  /** Also those that the service ended as failed, or refused. */
  readonly failed: boolean;
  /** Also those whose enrollment was disabled. */
  readonly disabled: boolean;
};

/** When a resumed run registers a device. */
const RULES: Readonly<Record<SettlementState, 'always' | 'retry-failed' | 'retry-disabled' | 'never'>> = {
  assigned: 'never',

  // What was left undone.
  'never-granted': 'always',
  open: 'always',
  cancelled: 'always',

  // Nothing was decided about the device: another try may go better.
  throttled: 'always',
  'timed-out': 'always',
  disconnected: 'always',

  // The service has said no, and will say it again until somebody changes something.
  failed: 'retry-failed',
  refused: 'retry-failed',
  disabled: 'retry-disabled',
};

/**
 * Whether a resumed run registers a device that came as far as this. The canary is asked again until all of it is assigned:
 * the rest must not start on the word of a run that it stopped.
 */
export function isLeftToDo(progress: SettlementState, retry: RetryChoice, isCanary: boolean): boolean {
  switch (RULES[progress]) {
    case 'always':
      return true;
    case 'retry-failed':
      return retry.failed || isCanary;
    case 'retry-disabled':
      return retry.disabled || isCanary;
    case 'never':
      return false;
  }
}
