import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { parseRequestTopic, type RequestTopic } from '../../dps/topics.ts';
import type { Seen } from './connect-rules.ts';
import type { PublishStep } from './conversation.ts';
import { type ConnectionFacts, type DeviceFacts, type LastAnswer, OUTSTANDING_MAX } from './exchange.ts';

/** Timers and clocks of devices may be off by this much. */
const TOLERANCE_MS = 100;
/** Shortest pause before a retry, and before a poll without retry-after. */
const PAUSE_MIN_MS = 1_000;
/** One quick retry may be another key, or another address. */
const HASTY_RETRIES_MAX = 1;
/** On its way to the device and back. */
const PUBACK_WITHIN_MS = 1_000;

/** What a PUBLISH of the device shows, before the facts take it in. @param isWhole whether nothing of the connection was forgotten */
export function publishFindings(
  publish: PublishStep,
  connection: ConnectionFacts,
  device: DeviceFacts,
  { registrationId, isWhole }: { readonly registrationId: string; readonly isWhole: boolean },
): readonly Seen[] {
  const { topic, qos, retain, payloadBytes } = publish;
  const seen: Seen[] = [];
  if (qos === 2) seen.push(['publish-qos-2', 'PUBLISH with QoS 2']);
  if (retain) seen.push(['publish-retain', 'PUBLISH with RETAIN']);
  if (payloadBytes > MESSAGE_BYTES_MAX) seen.push(['message-too-large', `${payloadBytes} bytes`]);
  const request = parseRequestTopic(topic);
  if (request === null) return [...seen, ['other-topic', topic]];
  if (!connection.isSubscribed && isWhole) seen.push(['request-before-suback', `${request.kind} before SUBACK`]);
  if (connection.outstanding.has(request.requestId) && !publish.isDuplicate) {
    seen.push(['request-id-reused', `$rid=${request.requestId} for two requests at once`]);
  }
  const [oldest] = connection.unacknowledged;
  if (oldest !== undefined && publish.atMs - oldest > PUBACK_WITHIN_MS) {
    seen.push(['no-puback', 'an answer with QoS 1 that was not acknowledged']);
  }
  if (request.kind === 'register') seen.push(...registerFindings(publish, registrationId, device));
  return [...seen, ...paceFindings(request, publish.atMs, device)];
}

function registerFindings({ payload }: PublishStep, registrationId: string, device: DeviceFacts): readonly Seen[] {
  const seen: Seen[] = [];
  const problem = bodyProblem(payload, registrationId);
  if (problem !== null) seen.push(['register-body', problem]);
  const { operationId, last } = device;
  if (operationId !== null && last?.status === 202) {
    seen.push(['register-again', `a register request while operation ${operationId} is in progress`]);
  }
  return seen;
}

/** A body that was cut cannot be judged. The SDK for C# sends an empty one. */
function bodyProblem(payload: string, registrationId: string): string | null {
  if (payload === '' || payload.endsWith('…')) return null;
  let body: unknown;
  try {
    body = JSON.parse(payload);
  } catch {
    return 'a body that is not JSON';
  }
  const id: unknown = (body as { registrationId?: unknown } | null)?.registrationId;
  if (typeof id !== 'string' || foldRegistrationId(id) === foldRegistrationId(registrationId)) return null;
  return `registrationId ${id} over the connection of ${registrationId}`;
}

/** Whether a request came too early after the answer before it. */
function paceFindings({ kind }: RequestTopic, atMs: number, device: DeviceFacts): readonly Seen[] {
  const { last } = device;
  if (last === null) return [];
  if (isRefusal(last)) return retryFindings(atMs, last, device);
  device.hastyRetries = 0;
  if (last.status !== 202 || kind !== 'poll') return [];
  const afterMs = Math.round(atMs - last.atMs);
  if (last.retryAfterSeconds === null) {
    const isHasty = afterMs < PAUSE_MIN_MS - TOLERANCE_MS;
    return isHasty ? [['poll-without-pause', `a poll ${afterMs} ms after an answer without retry-after`]] : [];
  }
  return isTooEarly(atMs, last) ? [['poll-before-retry-after', tooEarly('a poll', afterMs, last)]] : [];
}

function retryFindings(atMs: number, last: LastAnswer, device: DeviceFacts): readonly Seen[] {
  const afterMs = Math.round(atMs - last.atMs);
  if (isTooEarly(atMs, last))
    return [['retry-after-ignored', tooEarly(`a request after ${last.status}`, afterMs, last)]];
  if (last.retryAfterSeconds !== null) return [];
  return isHastyRetry(atMs, last.atMs, device)
    ? [['retry-without-backoff', `again and again a request at once after ${last.status}, now after ${afterMs} ms`]]
    : [];
}

/** From the request on: the SDK for C counts from there. */
function isTooEarly(atMs: number, { retryAfterSeconds, requestedAtMs }: LastAnswer): boolean {
  return retryAfterSeconds !== null && atMs - requestedAtMs < retryAfterSeconds * 1_000 - TOLERANCE_MS;
}

function tooEarly(what: string, afterMs: number, { retryAfterSeconds }: LastAnswer): string {
  return `${what} after ${afterMs} ms, retry-after ${retryAfterSeconds} s`;
}

/** Counts retries in a row that came at once. Returns whether this is one too many. */
export function isHastyRetry(atMs: number, refusedAtMs: number, device: DeviceFacts): boolean {
  const isHasty = atMs - refusedAtMs < PAUSE_MIN_MS - TOLERANCE_MS;
  device.hastyRetries = isHasty ? device.hastyRetries + 1 : 0;
  return device.hastyRetries > HASTY_RETRIES_MAX;
}

function isRefusal({ status }: LastAnswer): boolean {
  return status >= 400;
}

/** The facts take a request in. */
export function takeRequest({ topic, atMs }: PublishStep, { outstanding }: ConnectionFacts, device: DeviceFacts): void {
  const request = parseRequestTopic(topic);
  if (request === null || outstanding.size === OUTSTANDING_MAX) return;
  const { kind, requestId } = request;
  outstanding.set(requestId, { kind, atMs, operationId: request.kind === 'poll' ? request.operationId : null });
  if (kind === 'register') device.operationId = null;
}
