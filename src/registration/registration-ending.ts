import type { AnswerBody } from '../dps/payloads.ts';
import type { Progress, RegistrationEnding, Verdict } from './registration-state.ts';

/** @param body of the final answer; `null` when no answer ended the registration */
export function registrationEnding(
  progress: Progress,
  finishedAtMs: number,
  verdict: Verdict,
  body: AnswerBody | null,
): RegistrationEnding {
  const assignment = verdict.result === 'assigned' ? body : null;
  return {
    result: verdict.result,
    assignedHub: assignment?.assignedHub ?? null,
    deviceId: assignment?.deviceId ?? null,
    substatus: assignment?.substatus ?? null,
    attempts: progress.attempts,
    registersSent: progress.registersSent,
    possiblyTwice: progress.possiblyTwice,
    polls: progress.polls,
    throttles: progress.throttles,
    serverErrors: progress.serverErrors,
    staleAnswers: progress.staleAnswers,
    retryAftersClamped: progress.retryAftersClamped,
    errorCode: verdict.errorCode,
    errorMessage: verdict.errorMessage,
    trackingId: verdict.trackingId,
    operationId: progress.operationId ?? body?.operationId ?? null,
    operationFailed: body?.status === 'failed' || body?.status === 'disabled',
    serviceCreatedAt: body?.createdDateTimeUtc ?? null,
    serviceUpdatedAt: body?.lastUpdatedDateTimeUtc ?? null,
    startedAtMs: progress.startedAtMs,
    finishedAtMs,
    waitedMs: progress.waitedMs,
    heldUnderWayMs: progress.heldUnderWayMs,
    phases: progress.phases,
    returnedPayload: body?.payloadJson ?? null,
  };
}
