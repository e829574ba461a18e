import type { ConnectionFailure, ConnectionFailureCode } from '../conversation/connection-failure.ts';
import type { Answer } from '../conversation/conversation.ts';
import { ERROR_CODES } from '../dps/error-codes.ts';
import { type AnswerBody, isOperationId } from '../dps/payloads.ts';
import type { RegistrationResult } from './registration-outcome.ts';
import type { RegistrationVerdict, RequestKind } from './registration-state.ts';

/*
 * Which answers and failures end a registration, and which are tried again. How long to pause before that: retry-delay.ts.
 */

/** What an answer means to the client. The first five are final. */
export type AnswerMeaning =
  | 'assigned'
  | 'failed' // the operation failed
  | 'disabled'
  | 'unauthorized'
  | 'rejected' // another 4xx
  | 'pending' // the service is still working: poll
  | 'throttled'
  | 'serverError'
  | 'conflict' // the same ID is being registered elsewhere
  | 'operationGone' // the service no longer knows the operation: register again
  | 'malformed';

export type AnswerContext = Pick<Answer, 'status' | 'body'> & {
  readonly asked: RequestKind;
  /** The operation already known to the client; answers to polls need not name it. */
  readonly operationId: string | null;
};

/** The status comes first, since the body of an error may be anything; only the body's status distinguishes 200 from 202. */
export function answerMeaning({ asked, status, body, operationId }: AnswerContext): AnswerMeaning {
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

/** Final, since the same credentials and the same peer would fail again. Other failures end as `disconnected` and are tried again. */
const REFUSALS: ReadonlySet<ConnectionFailureCode> = new Set<ConnectionFailureCode>([
  'tls-host-name',
  'tls-unknown-ca',
  'tls-expired',
  'client-certificate',
  // Not connack-3, "server unavailable": the answer of a busy service, as well as to an unknown ID scope.
  'connack-1',
  'connack-2',
  'connack-4',
  'connack-5',
  // Not websocket-refused: an overloaded front end answers 503.
  'suback-refused',
]);

/** Every answer except success that ends a registration, or would end it if no retry were left. */
type ConclusiveMeaning = Exclude<AnswerMeaning, 'pending' | 'assigned'>;

/** All others end as `failed`. */
const ANSWER_RESULTS: Readonly<Partial<Record<ConclusiveMeaning, RegistrationResult>>> = {
  disabled: 'disabled',
  unauthorized: 'refused',
  throttled: 'throttled',
};

/** How a registration ends when its connection is lost. */
export function connectionVerdict({ code, message }: ConnectionFailure): RegistrationVerdict {
  return clientVerdict(REFUSALS.has(code) ? 'refused' : 'disconnected', code, message);
}

/** How a registration ends with an answer: in the service's own words, if it sent any. */
export function answerVerdict(
  meaning: ConclusiveMeaning,
  status: number,
  body: AnswerBody | null,
): RegistrationVerdict {
  const result = ANSWER_RESULTS[meaning] ?? 'failed';
  if (meaning === 'malformed') return clientVerdict(result, 'malformed-answer', `The answer (${status}) is unreadable`);
  return {
    result,
    errorCode: body?.errorCode?.toString() ?? codeWithoutBody(status, meaning),
    errorMessage: body?.errorMessage ?? null,
    // Empty in the throttling answers captured so far.
    trackingId: body?.trackingId || null,
  };
}

/** Tells the operator when it was not the primary key that worked. @param key index of the device's key, from 0 */
export function assignedVerdict(key: number): RegistrationVerdict {
  if (key === 0) return { result: 'assigned', errorCode: null, errorMessage: null, trackingId: null };
  const message = 'The service refused the primary key and accepted the secondary key';
  return clientVerdict('assigned', 'secondary-key', message);
}

/** A verdict in the client's own words. */
export function clientVerdict(
  result: RegistrationResult,
  errorCode: string,
  errorMessage: string,
): RegistrationVerdict {
  return { result, errorCode, errorMessage, trackingId: null };
}

/** An error without a code takes its status for one; a 200 with status `failed` gives `status-failed`. */
function codeWithoutBody(status: number, meaning: ConclusiveMeaning): string {
  return status >= 400 ? String(status) : `status-${meaning}`;
}
