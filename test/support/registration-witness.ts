import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import type { RegistrationPolicy } from '../../src/registration/registration-policy.ts';

/** `otherKey`, `again`: refused, but the device has another key, or may show its certificate once more. */
type Meaning =
  | 'otherKey'
  | 'again'
  | 'pending'
  | 'throttled'
  | 'serverError'
  | 'malformed'
  | 'conflict'
  | 'gone'
  | 'final';
type Request = { readonly kind: 'register' | 'poll'; readonly requestId: string };

const REQUEST =
  /^\$dps\/registrations\/(PUT\/iotdps-register|GET\/iotdps-get-operationstatus)\/\?\$rid=([^&]+)(?:&operationId=([^&]+))?$/;
const ANSWER = /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]+)(?:&retry-after=(\d+))?$/;

/** Another try with the same credentials, against the same peer, would fail again. */
const REFUSALS = /^(connack-[1245]|suback-refused|tls-(host-name|unknown-ca|expired))$/;

/**
 * Stands at the wire, sees what one device sends and is sent, and says what it must have come to. Reads topics and bodies by
 * itself, with nothing of the code that it watches.
 */
export class RegistrationWitness {
  readonly registrationId: string;
  readonly #policy: RegistrationPolicy;
  readonly #keys: number;
  /** The one in use; its number is its password. */
  #key = 0;
  #certificateRetried = false;
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  #opens = 0;
  #registers = 0;
  #polls = 0;
  #stale = 0;
  #throttles = 0;
  #serverErrors = 0;
  #clamped = 0;
  #possiblyTwice = false;
  #connected = false;
  readonly #requestIds = new Set<string>();
  #inFlight: Request | null = null;
  #operationId: string | null = null;
  #pollsOfOperation = 0;
  #retries = 0;
  #lastMeaning: Meaning | null = null;
  /** Nothing may be sent after it. */
  #final: { readonly result: string } | null = null;
  /** No request may be sent before. */
  #notBeforeMs = 0;
  /** Since when nothing is under way: neither a connection being made nor a request. */
  #idleSinceMs: number | null = null;
  #idleMs = 0;

  constructor(registrationId: string, policy: RegistrationPolicy, keys: number) {
    this.registrationId = registrationId;
    this.#policy = policy;
    this.#keys = keys;
  }

  opened(password: string | null, atMs: number): void {
    if (password !== String(this.#key)) this.violations.push(`used key ${password} in place of ${this.#key}`);
    if (this.#connected) this.violations.push('opened a second connection');
    if (this.#final !== null) this.violations.push(`opened a connection after it was ${this.#final.result}`);
    this.#connected = true;
    this.#opens += 1;
    this.#retries = 0;
    this.#endIdle(atMs);
  }

  /** @param failureCode why the connection was lost; `null` when the device closed it */
  closed(failureCode: string | null, atMs: number): void {
    this.#connected = false;
    if (failureCode !== null && REFUSALS.test(failureCode)) this.#final = { result: 'refused' };
    if (this.#inFlight?.kind === 'register') this.#possiblyTwice = true;
    this.#inFlight = null;
    this.#idleSinceMs ??= atMs;
  }

  published(topic: string, payload: string, atMs: number): void {
    const [, path, requestId = '', operationId] = REQUEST.exec(topic) ?? [];
    const kind = path?.startsWith('PUT') ? 'register' : 'poll';
    if (path === undefined) this.violations.push(`published ${topic}`);
    if (this.#inFlight !== null) this.violations.push('sent a request while another was in flight');
    if (this.#requestIds.has(requestId)) this.violations.push(`used $rid ${requestId} twice`);
    if (atMs < this.#notBeforeMs)
      this.violations.push(`sent a request ${this.#notBeforeMs - atMs} ms before retry-after`);
    this.#requestIds.add(requestId);
    this.#endIdle(atMs);
    this.#inFlight = { kind, requestId };
    if (kind === 'register') this.#registered(payload);
    else this.#polled(operationId);
  }

  delivered(topic: string, payload: string, atMs: number): void {
    const [, status, requestId, retryAfter] = ANSWER.exec(topic) ?? [];
    if (this.#inFlight === null || requestId !== this.#inFlight.requestId) {
      this.#stale += 1;
      return;
    }
    const { kind } = this.#inFlight;
    this.#inFlight = null;
    this.#idleSinceMs = atMs;
    this.#act(kind, Number(status), parse(payload));
    const asksForPause = this.#lastMeaning !== 'final' && this.#retries <= this.#policy.requestRetriesMax;
    if (retryAfter !== undefined && asksForPause) this.#askedToPause(Number(retryAfter) * 1000, atMs);
  }

  /** Everything in which the outcome, or the way to it, is not as it was at the wire. */
  problems(outcome: RegistrationOutcome, recordedHub: string | null): readonly string[] {
    const { startedAtMs, finishedAtMs } = outcome;
    if (startedAtMs === null || finishedAtMs === null) return ['no times'];
    const idleMs = this.#idleMs + (this.#idleSinceMs === null ? 0 : finishedAtMs - this.#idleSinceMs);
    const seen: Partial<RegistrationOutcome> = {
      registrationId: this.registrationId,
      attempts: this.#opens,
      registersSent: this.#registers,
      polls: this.#polls,
      staleAnswers: this.#stale,
      throttles: this.#throttles,
      serverErrors: this.#serverErrors,
      retryAftersClamped: this.#clamped,
      possiblyTwice: this.#possiblyTwice,
      waitedMs: idleMs,
    };
    const wrong = Object.entries(seen)
      .filter(([name, value]) => outcome[name as keyof RegistrationOutcome] !== value)
      .map(([name, value]) => `${name} is ${outcome[name as keyof RegistrationOutcome]}, seen ${value}`);
    const problems = [...this.violations, ...wrong, ...this.#endProblems(outcome, recordedHub)];
    if (this.#connected) problems.push('left its connection open');
    if (this.#opens > this.#policy.attemptsMax) problems.push('too many connections');
    if (finishedAtMs - startedAtMs > this.#policy.deadlineMs) problems.push('ended after its deadline');
    return problems;
  }

  #registered(payload: string): void {
    this.#registers += 1;
    if (this.#operationId !== null) this.violations.push('registered again with an operation to poll');
    if (payload !== `{"registrationId":"${this.registrationId}"}`) this.violations.push(`registered ${payload}`);
  }

  #polled(operationId: string | undefined): void {
    this.#polls += 1;
    this.#pollsOfOperation += 1;
    if (operationId === undefined || operationId !== this.#operationId) this.violations.push(`polled ${operationId}`);
    if (this.#pollsOfOperation > this.#policy.pollsMax) this.violations.push('too many polls');
  }

  #act(kind: Request['kind'], status: number, body: Body): void {
    const meaning = this.#meaningOf(kind, status, body);
    this.#lastMeaning = meaning;
    if (meaning === 'throttled') this.#throttles += 1;
    if (meaning === 'serverError' || meaning === 'malformed') this.#serverErrors += 1;
    if ((meaning === 'serverError' || meaning === 'malformed') && kind === 'register') this.#possiblyTwice = true;
    if (meaning === 'pending') this.#operationId ??= body?.operationId ?? null;
    if (meaning === 'gone') {
      this.#possiblyTwice = true;
      this.#operationId = null;
      this.#pollsOfOperation = 0;
    }
    if (meaning === 'otherKey') this.#key += 1;
    if (meaning === 'again') this.#certificateRetried = true;
    if (meaning === 'final') this.#final = { result: resultOf(status, body) };
    else if (meaning !== 'pending') this.#retries += 1;
  }

  #meaningOf(kind: Request['kind'], status: number, body: Body): Meaning {
    if (status === 429) return 'throttled';
    if (status >= 500) return 'serverError';
    if (status === 409) return 'conflict';
    if (status === 404 && kind === 'poll' && body?.errorCode === 404203) return 'gone';
    if (status === 401 && this.#opens < this.#policy.attemptsMax) {
      if (this.#key + 1 < this.#keys) return 'otherKey';
      const isAskedAgain = this.#policy.retriesInvalidCertificate && !this.#certificateRetried;
      if (isAskedAgain && body?.errorCode === 401002) return 'again';
    }
    if (status >= 400) return 'final';
    if (body?.status === 'failed' || body?.status === 'disabled') return 'final';
    if (body?.status === 'assigned' && body.registrationState?.assignedHub) return 'final';
    const working = body?.status === 'assigning' || body?.status === 'unassigned';
    return working && (this.#operationId ?? body.operationId) ? 'pending' : 'malformed';
  }

  #askedToPause(askedMs: number, atMs: number): void {
    if (askedMs > this.#policy.retryAfterMaxMs) this.#clamped += 1;
    this.#notBeforeMs = atMs + Math.min(askedMs, this.#policy.retryAfterMaxMs);
  }

  #endProblems({ result, assignedHub, errorCode }: RegistrationOutcome, recordedHub: string | null): readonly string[] {
    const problems: string[] = [];
    if (this.#final !== null) {
      if (result !== this.#final.result) problems.push(`${result}, though the service said ${this.#final.result}`);
    } else if (result === 'assigned' || result === 'disabled') {
      problems.push(`${result}, which the service never said`);
    }
    if (result === 'assigned') {
      if (assignedHub !== recordedHub) problems.push(`assigned to ${assignedHub}, recorded at ${recordedHub}`);
    } else if (assignedHub !== null) problems.push(`${result}, but at ${assignedHub}`);
    if (result === 'throttled' && this.#lastMeaning !== 'throttled') problems.push('throttled without a 429');
    const isSilent = result === 'cancelled' || (result === 'assigned' && this.#key === 0);
    if ((errorCode === null) !== isSilent) problems.push(`${result}: ${errorCode}`);
    if (this.#retries > this.#policy.requestRetriesMax + 1) problems.push('too many repeated requests');
    return problems;
  }

  #endIdle(atMs: number): void {
    if (this.#idleSinceMs !== null) this.#idleMs += atMs - this.#idleSinceMs;
    this.#idleSinceMs = null;
  }
}

type Body = {
  readonly operationId?: string;
  readonly status?: string;
  readonly errorCode?: number;
  readonly registrationState?: { readonly assignedHub?: string };
} | null;

function parse(payload: string): Body {
  try {
    return JSON.parse(payload) as Body;
  } catch {
    return null;
  }
}

function resultOf(status: number, body: Body): string {
  if (status === 401) return 'refused';
  return status >= 400 ? 'failed' : (body?.status ?? 'failed');
}
