import type { Launch } from './launch.ts';
import { notStartedOutcome } from './not-started-outcome.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';

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
