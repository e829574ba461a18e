import { ERROR_CODES } from '../dps/error-codes.ts';
import { isOperationId } from '../dps/operation-id.ts';
import type { AnswerBody } from '../dps/payloads.ts';
import type { RequestKind } from './registration-state.ts';

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
