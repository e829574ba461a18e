import type { Launch } from './launch.ts';
import { notStartedOutcome } from './not-started-outcome.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';

/** The outcome of a launch whose credentials cannot be used: nothing of it was sent. */
export function refusedOutcome(
  launch: Launch,
  { code, message }: { readonly code: string; readonly message: string },
  atMs: number,
): RegistrationOutcome {
  return {
    ...notStartedOutcome(launch),
    result: 'refused',
    errorCode: code,
    errorMessage: message,
    intendedAtMs: launch.intendedAtMs ?? atMs,
    startedAtMs: atMs,
    finishedAtMs: atMs,
  };
}
