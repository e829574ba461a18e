import type { Launch } from './launch.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';
import { NO_COUNTS } from './registration-state.ts';

/** A launch, or a row that was never launched. */
export type NotStarted = Pick<
  RegistrationOutcome,
  'row' | 'round' | 'sequence' | 'registrationId' | 'group' | 'expectedHub' | 'otherValues' | 'intendedAtMs' | 'heldMs'
>;

/** The outcome of a launch that was handed back before anything was sent. */
export function notStartedOutcome(launch: NotStarted): RegistrationOutcome {
  const { row, round, sequence, registrationId, group, expectedHub, otherValues, intendedAtMs, heldMs } = launch;
  return {
    kind: 'outcome',
    ...{ row, round, sequence, registrationId, group, expectedHub, otherValues, intendedAtMs, heldMs },
    ...NO_COUNTS,
    launchesIncluded: 0,
    result: 'not-started',
    assignedHub: null,
    deviceId: null,
    substatus: null,
    errorCode: null,
    errorMessage: null,
    trackingId: null,
    operationFailed: false,
    serviceCreatedAt: null,
    serviceUpdatedAt: null,
    startedAtMs: null,
    finishedAtMs: null,
    slotWaitMs: 0,
    stalled: null,
    returnedPayload: null,
    agent: null,
  };
}

/**
 * The outcome of a launch whose credentials are unusable, so that nothing was sent. A temporary problem counts as `disconnected`, like a
 * lack of sockets, so that a resumed run tries the row again.
 */
export function refusedOutcome(
  launch: Launch,
  { code, message, passes }: { readonly code: string; readonly message: string; readonly passes: boolean },
  atMs: number,
): RegistrationOutcome {
  return {
    ...notStartedOutcome(launch),
    result: passes ? 'disconnected' : 'refused',
    errorCode: code,
    errorMessage: message,
    intendedAtMs: launch.intendedAtMs ?? atMs,
    startedAtMs: atMs,
    finishedAtMs: atMs,
  };
}
