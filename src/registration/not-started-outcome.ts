import type { Launch } from './launch.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';
import { EMPTY_TALLY } from './registration-tally.ts';

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
    ...EMPTY_TALLY,
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
