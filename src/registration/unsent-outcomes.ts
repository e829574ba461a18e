import type { Launch } from './launch.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';
import { NO_COUNTS } from './registration-state.ts';

/** A launch, or a row that never became one. */
export type NotStarted = Omit<
  Launch,
  'sequence' | 'notBeforeMs' | 'deviceKey' | 'certificateFile' | 'keyFile' | 'payloadJson'
> & {
  readonly sequence: number | null;
};

/** The outcome of a launch that was handed back before anything of it was sent. */
export function notStartedOutcome(launch: NotStarted): RegistrationOutcome {
  return {
    row: launch.row,
    round: launch.round,
    sequence: launch.sequence,
    registrationId: launch.registrationId,
    group: launch.group,
    expectedHub: launch.expectedHub,
    otherValues: launch.otherValues,
    result: 'not-started',
    assignedHub: null,
    deviceId: null,
    substatus: null,
    ...NO_COUNTS,
    errorCode: null,
    errorMessage: null,
    trackingId: null,
    operationFailed: false,
    serviceCreatedAt: null,
    serviceUpdatedAt: null,
    intendedAtMs: launch.intendedAtMs,
    startedAtMs: null,
    finishedAtMs: null,
    heldMs: launch.heldMs,
    returnedPayload: null,
  };
}

/**
 * The outcome of a launch whose credentials cannot be used: nothing of it was sent. Where that passes it is `disconnected`, as one for
 * which no socket could be had, so that a resumed run tries it again.
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
