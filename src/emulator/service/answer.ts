import { ERROR_CODES } from '../../dps/error-codes.ts';
import type { ErrorBody, OperationStatus, RegistrationStateBody } from '../../dps/payloads.ts';

/** An answer to the device on `$dps/registrations/res/{status}/…`. */
export type ServiceAnswer = {
  readonly status: number;
  /** `null` = the answer has no retry-after. */
  readonly retryAfterSeconds: number | null;
  /** JSON text. */
  readonly body: string;
  /** Why the request was refused, for the log; `null` = it was not. */
  readonly refusal: string | null;
};

/** 202, the first answer to an accepted register request, without a registration state. */
export function acceptedAnswer(operationId: string, retryAfterSeconds: number | null): ServiceAnswer {
  return statusAnswer(202, retryAfterSeconds, { operationId, status: 'assigning' });
}

/** The answer to a poll: 202 while the operation is in progress, then 200 however it ended. */
export function operationAnswer(
  operationId: string,
  registrationState: RegistrationStateBody,
  retryAfterSeconds: number | null,
): ServiceAnswer {
  const { status } = registrationState;
  const body = { operationId, status, registrationState };
  if (status === 'assigning') return statusAnswer(202, retryAfterSeconds, body);
  const answer = statusAnswer(200, null, body);
  if (status !== 'failed') return answer;
  return { ...answer, refusal: `failed with ${registrationState.errorCode}: ${registrationState.errorMessage}` };
}

/** 200 with `status: "disabled"`. There is no operation, so its ID is empty. */
export function disabledAnswer(registrationId: string): ServiceAnswer {
  const registrationState: RegistrationStateBody = { registrationId, status: 'disabled' };
  const answer = statusAnswer(200, null, { operationId: '', status: 'disabled', registrationState });
  return { ...answer, refusal: 'the enrollment is disabled' };
}

const MESSAGES: ReadonlyMap<number, string> = new Map([
  [ERROR_CODES.badRequest, 'Bad Request'],
  [ERROR_CODES.unauthorized, 'Unauthorized'],
  [ERROR_CODES.invalidCertificate, 'Invalid certificate.'],
  [ERROR_CODES.enrollmentNotFound, 'Enrollment not found.'],
  [ERROR_CODES.operationNotFound, 'Operation not found.'],
  [ERROR_CODES.preconditionFailed, 'Precondition failed.'],
  [ERROR_CODES.throttled, 'Operations are being throttled for this tenant.'],
  [ERROR_CODES.internal, 'Internal server error.'],
]);

export type ErrorDetails = {
  /** For the log. */
  readonly refusal: string;
  readonly trackingId: string;
  readonly retryAfterSeconds: number | null;
};

/** An error answer in the service's words for the code. */
export function errorAnswer(errorCode: number, details: ErrorDetails, nowMs: number): ServiceAnswer {
  const { refusal, trackingId, retryAfterSeconds } = details;
  const message = MESSAGES.get(errorCode) ?? 'Error';
  const body: ErrorBody = { errorCode, trackingId, message, timestampUtc: utcTimestamp(nowMs) };
  return { status: Math.floor(errorCode / 1000), retryAfterSeconds, body: JSON.stringify(body), refusal };
}

function statusAnswer(status: number, retryAfterSeconds: number | null, body: OperationStatus): ServiceAnswer {
  return { status, retryAfterSeconds, body: JSON.stringify(body), refusal: null };
}

/** `2022-08-31T22:02:50.5163352Z`: the service writes seven fraction digits; the last four are 0 here. */
export function utcTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '0000Z');
}
