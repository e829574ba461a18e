/*
 * subscribe   C→S  $dps/registrations/res/#
 * register    C→S  $dps/registrations/PUT/iotdps-register/?$rid={requestId}
 * poll        C→S  $dps/registrations/GET/iotdps-get-operationstatus/?$rid={requestId}&operationId={operationId}
 * any answer  S→C  $dps/registrations/res/{status}/?$rid={requestId}[&retry-after={seconds}]
 */

export const RESPONSE_TOPIC_FILTER = '$dps/registrations/res/#';

const REGISTER_PREFIX = '$dps/registrations/PUT/iotdps-register/?';
const POLL_PREFIX = '$dps/registrations/GET/iotdps-get-operationstatus/?';
const RESPONSE_TOPIC = /^\$dps\/registrations\/res\/(\d{1,9})\/\?(.*)$/;

export type RequestTopic =
  | { readonly kind: 'register'; readonly requestId: string }
  | { readonly kind: 'poll'; readonly requestId: string; readonly operationId: string };

export type ResponseTopic = {
  /** HTTP-like status: 202 = keep polling, 200 = final (look at the body), 4xx and 5xx = error body. */
  readonly status: number;
  readonly requestId: string;
  /** Whole seconds; `null` when absent or not a whole number. */
  readonly retryAfterSeconds: number | null;
};

export function registerTopic(requestId: string): string {
  return `${REGISTER_PREFIX}$rid=${requestId}`;
}

export function pollTopic(requestId: string, operationId: string): string {
  return `${POLL_PREFIX}$rid=${requestId}&operationId=${operationId}`;
}

/** `$rid` first and `retry-after` last: some official SDKs cannot parse any other order. */
export function responseTopic(response: ResponseTopic): string {
  const { status, requestId, retryAfterSeconds } = response;
  const retryAfter = retryAfterSeconds === null ? '' : `&retry-after=${retryAfterSeconds}`;
  return `$dps/registrations/res/${status}/?$rid=${requestId}${retryAfter}`;
}

/** `null` when the topic is not a request, or lacks `$rid` or a poll's operation ID. */
export function parseRequestTopic(topic: string): RequestTopic | null {
  if (topic.startsWith(REGISTER_PREFIX)) {
    const requestId = parseMembers(topic.slice(REGISTER_PREFIX.length)).get('$rid');
    return requestId ? { kind: 'register', requestId } : null;
  }
  if (topic.startsWith(POLL_PREFIX)) {
    const members = parseMembers(topic.slice(POLL_PREFIX.length));
    const requestId = members.get('$rid');
    const operationId = members.get('operationId');
    return requestId && operationId ? { kind: 'poll', requestId, operationId } : null;
  }
  return null;
}

/** Accepts members in any order, and `retry-after` in any case. `null` when the topic is not an answer. */
export function parseResponseTopic(topic: string): ResponseTopic | null {
  const match = RESPONSE_TOPIC.exec(topic);
  if (!match) return null;
  const [, status = '', query = ''] = match;
  const members = parseMembers(query);
  const requestId = members.get('$rid');
  if (!requestId) return null;
  const retryAfter = members.get('retry-after');
  const retryAfterSeconds = retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
  return { status: Number(status), requestId, retryAfterSeconds };
}

/** `name=value` pairs separated by `&`; folds names other than `$rid` and `operationId` to lower case. */
function parseMembers(query: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (const member of query.split('&')) {
    const equals = member.indexOf('=');
    if (equals < 0) continue;
    const name = member.slice(0, equals);
    members.set(name === '$rid' || name === 'operationId' ? name : name.toLowerCase(), member.slice(equals + 1));
  }
  return members;
}
