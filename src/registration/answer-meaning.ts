import type { ConnectionFailure, ConnectionFailureCode } from '../conversation/connection-failure.ts';
import { ERROR_CODES } from '../dps/error-codes.ts';
import { type AnswerBody, isOperationId } from '../dps/payloads.ts';
import type { RegistrationResult } from './registration-outcome.ts';
import type { RegistrationVerdict, RequestKind } from './registration-state.ts';

/** What an answer asks of the client. The first five are final. */
export type AnswerMeaning =
  | 'assigned'
  | 'failed' // the operation ended so
  | 'disabled'
  | 'unauthorized'
  | 'rejected' // another 4xx
  | 'pending' // the service is at work: poll
  | 'throttled'
  | 'serverError'
  | 'conflict' // the same ID is being registered elsewhere at this moment
  | 'operationGone' // the service no longer knows the operation: register again
  | 'malformed';

export type AnswerOf = {
  readonly asked: RequestKind;
  /** HTTP-like, from the topic. */
  readonly status: number;
  /** `null` when the payload is no JSON object. */
  readonly body: AnswerBody | null;
  /** The operation that this conversation already knows; poll answers need not name it. */
  readonly operationId: string | null;
};

/** Topic status first, since an error's body may be anything; 200 and 202 are told apart by the body's status alone. */
export function answerMeaning({ asked, status, body, operationId }: AnswerOf): AnswerMeaning {
  if (status === 429) return 'throttled';
  if (status === 409) return 'conflict';
  if (status === 401) return 'unauthorized';
  if (status === 404 && asked === 'poll' && body?.errorCode === ERROR_CODES.operationNotFound) return 'operationGone';
  if (status >= 400 && status < 500) return 'rejected';
  if (status >= 500 && status < 600) return 'serverError';
  if (status < 200 || status >= 300 || body === null) return 'malformed';
  return operationMeaning(body, operationId);
}

function operationMeaning(body: AnswerBody, operationId: string | null): AnswerMeaning {
  switch (body.status) {
    case 'assigned':
      return body.assignedHub ? 'assigned' : 'malformed';
    case 'assigning':
    case 'unassigned':
      return isOperationId(operationId ?? body.operationId) ? 'pending' : 'malformed';
    case 'failed':
      return 'failed';
    case 'disabled':
      return 'disabled';
    default:
      return 'malformed';
  }
}

/** `refused` is final: the same credentials and the same peer would fail again. `disconnected` is tried again. */
const CONNECTION_FAILURE_RESULTS: Readonly<Record<ConnectionFailureCode, 'refused' | 'disconnected'>> = {
  dns: 'disconnected',
  'tcp-refused': 'disconnected',
  'tcp-timeout': 'disconnected',
  'tcp-reset': 'disconnected',
  'tcp-failed': 'disconnected',
  'tls-host-name': 'refused',
  'tls-unknown-ca': 'refused',
  'tls-expired': 'refused',
  'client-certificate': 'refused',
  'tls-failed': 'disconnected',
  // A front end that is overloaded answers 503.
  'websocket-refused': 'disconnected',
  'connack-1': 'refused',
  'connack-2': 'refused',
  // "Server unavailable": a busy service, and also the answer to an unknown ID scope.
  'connack-3': 'disconnected',
  'connack-4': 'refused',
  'connack-5': 'refused',
  'suback-refused': 'refused',
  closed: 'disconnected',
  'protocol-error': 'disconnected',
};

/** Every answer but success that ends a registration, or would if it could not be asked again. */
type ConclusiveMeaning = Exclude<AnswerMeaning, 'pending' | 'assigned'>;

const ANSWER_RESULTS: Readonly<Record<ConclusiveMeaning, RegistrationResult>> = {
  failed: 'failed',
  disabled: 'disabled',
  unauthorized: 'refused',
  rejected: 'failed',
  throttled: 'throttled',
  serverError: 'failed',
  conflict: 'failed',
  operationGone: 'failed',
  malformed: 'failed',
};

/** How a registration ends by a lost connection. */
export function connectionVerdict({ code, message }: ConnectionFailure): RegistrationVerdict {
  return { result: CONNECTION_FAILURE_RESULTS[code], errorCode: code, errorMessage: message, trackingId: null };
}

/** How a registration ends by an answer: with the service's own words, where it has any. */
export function answerVerdict(
  meaning: ConclusiveMeaning,
  status: number,
  body: AnswerBody | null,
): RegistrationVerdict {
  const result = ANSWER_RESULTS[meaning];
  if (meaning === 'malformed')
    return clientVerdict(result, 'malformed-answer', `The answer (${status}) cannot be read`);
  return {
    result,
    errorCode: body?.errorCode?.toString() ?? codeWithoutBody(status, meaning),
    errorMessage: body?.errorMessage ?? null,
    // Empty in the throttling answers that were seen.
    trackingId: body?.trackingId || null,
  };
}

/** @param key of the device's, from 0: that it was not the first is for the operator to know. */
export function assignedVerdict(key: number): RegistrationVerdict {
  const [errorCode, errorMessage] =
    key === 0 ? [null, null] : ['secondary-key', 'The service refused the primary key, and accepted the secondary one'];
  return { result: 'assigned', errorCode, errorMessage, trackingId: null };
}

/** How a registration ends by the client's own limits. */
export function clientVerdict(
  result: RegistrationResult,
  errorCode: string,
  errorMessage: string,
): RegistrationVerdict {
  return { result, errorCode, errorMessage, trackingId: null };
}

/** An error's status stands for its missing code; a 200 with status `failed` gives `status-failed`. */
function codeWithoutBody(status: number, meaning: ConclusiveMeaning): string {
  return status >= 400 ? String(status) : `status-${meaning}`;
}
