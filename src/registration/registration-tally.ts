import type { RegistrationOutcome } from './registration-outcome.ts';

/** What has been counted and measured of a registration; goes into the outcome as it is. */
export type RegistrationTally = Pick<
  RegistrationOutcome,
  | 'attempts'
  | 'registersSent'
  | 'possiblyTwice'
  | 'polls'
  | 'throttles'
  | 'serverErrors'
  | 'staleAnswers'
  | 'retryAftersClamped'
  | 'waitedMs'
  | 'heldUnderWayMs'
  | 'operationId'
  | 'phases'
>;

/** Of a registration that has not begun. */
export const EMPTY_TALLY: RegistrationTally = Object.freeze({
  attempts: 0,
  registersSent: 0,
  possiblyTwice: false,
  polls: 0,
  throttles: 0,
  serverErrors: 0,
  staleAnswers: 0,
  retryAftersClamped: 0,
  waitedMs: 0,
  heldUnderWayMs: 0,
  operationId: null,
  phases: Object.freeze({
    tcpMs: null,
    tlsMs: null,
    connackMs: null,
    subackMs: null,
    acceptedMs: null,
    assignedMs: null,
  }),
});
