/*
 * One registration, client side. The rule: everything that changes a registration's state lives in this file. It has no clock,
 * no timers, no randomness and no I/O: the driver brings events with their time, carries out the commands in their order, and
 * brings `woke` at `wakeAtMs`.
 *
 *   connecting ──► subscribing ──► awaitingResponse ──► done
 *       ▲               │            │        ▲
 *       │               ▼            ▼        │ ask
 *       └─reconnect── pausing ◄──────┘        │
 *                       └─────────────────────┘
 *
 * Where register requests need permits, `ask` leads through awaitingPermit, but for the request that the launch's own permit
 * is for: the first, on the first connection, before that permit lapses.
 */
import { ERROR_CODES } from '../dps/error-codes.ts';
import { type AnswerBody, parseAnswerBody, registerBody } from '../dps/payloads.ts';
import { parseResponseTopic, pollTopic, RESPONSE_TOPIC_FILTER, registerTopic } from '../dps/topics.ts';
import {
  type AnswerMeaning,
  answerMeaning,
  answerVerdict,
  assignedVerdict,
  clientVerdict,
  connectionVerdict,
} from './answer-meaning.ts';
import type { RegistrationPhases } from './registration-outcome.ts';
import type { RegistrationPolicy } from './registration-policy.ts';
import {
  EMPTY_TALLY,
  type RegistrationCommand,
  type RegistrationEnding,
  type RegistrationEvent,
  type RegistrationProgress,
  type RegistrationState,
  type RegistrationSubject,
  type RegistrationVerdict,
  type RequestKind,
  type Transition,
} from './registration-state.ts';
import { conflictDelayMs, jitter, retryDelayMs } from './retry-delay.ts';

type Phase = RegistrationState['phase'];
type In<P extends Phase> = Extract<RegistrationState, { phase: P }>;
type Open = Exclude<RegistrationState, { phase: 'done' }>;
type On<E extends RegistrationEvent['type']> = Extract<RegistrationEvent, { type: E }>;
type Handler<S, E> = (state: S, event: E, policy: RegistrationPolicy) => Transition;
type Transitions = {
  readonly [P in Phase]: { readonly [E in RegistrationEvent['type']]?: Handler<In<P>, On<E>> };
};

/** What each event does in each phase. Where nothing stands, it does nothing. */
const TRANSITIONS: Transitions = {
  connecting: {
    tcpConnected: (state, { atMs }) => stay({ ...state, progress: measured(state.progress, 'tcpMs', atMs) }),
    secured: (state, { atMs }) => stay({ ...state, progress: measured(state.progress, 'tlsMs', atMs) }),
    connected: subscribe,
    message: dropAnswer,
    lost: connectionLost,
    woke: due(unanswered('no-connack', 'The service did not answer CONNECT')),
    cancelled: cancel,
  },
  subscribing: {
    subscribed: (state, { atMs }, policy) => ask(measured(state.progress, 'subackMs', atMs), atMs, policy),
    message: dropAnswer,
    lost: connectionLost,
    woke: due(unanswered('no-suback', 'The service did not answer SUBSCRIBE')),
    cancelled: cancel,
  },
  awaitingResponse: {
    message: receive,
    lost: connectionLost,
    woke: due(unanswered('no-answer', 'The service did not answer the request')),
    cancelled: cancel,
  },
  awaitingPermit: {
    permitGranted: (state, { atMs }, policy) => register(leaving(state, atMs), atMs, policy),
    message: dropAnswer,
    lost: (state, event, policy) => withdrawing(connectionLostIdle(state, event, event.atMs, policy)),
    woke: due((state) => stay(state)),
    cancelled: (state, event) => withdrawing(cancel(state, event)),
  },
  pausing: {
    message: dropAnswer,
    lost: connectionLostInPause,
    woke: due(resume),
    cancelled: cancel,
  },
  done: {},
};

type AnswerHandler = (progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy) => Transition;
type Answer = {
  readonly atMs: number;
  readonly asked: RequestKind;
  readonly status: number;
  readonly retryAfterSeconds: number | null;
  readonly body: AnswerBody | null;
};

/** What each answer to the request in flight does. */
const ANSWERS: Readonly<Record<AnswerMeaning, AnswerHandler>> = {
  assigned: (progress, { atMs, body }) =>
    finish(measuredAssignment(progress, atMs), atMs, assignedVerdict(progress.key), body),
  failed: (progress, answer) => conclude(progress, answer, 'failed'),
  disabled: (progress, answer) => conclude(progress, answer, 'disabled'),
  unauthorized: notAuthorized,
  rejected: (progress, answer) => conclude(progress, answer, 'rejected'),
  pending: pollLater,
  throttled: (progress, answer, policy) => {
    const again = askAgain({ ...progress, throttles: progress.throttles + 1 }, answer, 'throttled', policy);
    const report = { type: 'reportThrottle', retryAfterSeconds: answer.retryAfterSeconds } as const;
    return { state: again.state, commands: [report, ...again.commands] };
  },
  serverError: (progress, answer, policy) =>
    askAgain(countServerError(progress, answer), answer, 'serverError', policy),
  malformed: (progress, answer, policy) => askAgain(countServerError(progress, answer), answer, 'malformed', policy),
  conflict: (progress, answer, policy) => askAgain(progress, answer, 'conflict', policy),
  operationGone: (progress, answer, policy) => askAgain(forgetOperation(progress), answer, 'operationGone', policy),
};

/** The first transition of a registration that starts at `atMs`. */
export function begin(subject: RegistrationSubject, atMs: number, policy: RegistrationPolicy): Transition {
  const progress: RegistrationProgress = {
    subject,
    startedAtMs: atMs,
    deadlineAtMs: atMs + policy.deadlineMs,
    ...EMPTY_TALLY,
    milestoneAtMs: atMs,
    acceptedAtMs: null,
    pollsOfOperation: 0,
    key: 0,
    certificateRetried: false,
    requestRetries: 0,
    troublesInARow: 0,
    trouble: null,
  };
  return connect(progress, atMs, policy);
}

/** Total: every event may come in every phase. */
export function step(state: RegistrationState, event: RegistrationEvent, policy: RegistrationPolicy): Transition {
  const handler = TRANSITIONS[state.phase][event.type] as Handler<RegistrationState, RegistrationEvent> | undefined;
  return handler === undefined ? stay(state) : handler(state, event, policy);
}

// ---- connection

function connect(progress: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  const phases = { ...progress.phases, tcpMs: null, tlsMs: null, connackMs: null, subackMs: null };
  const attempts = progress.attempts + 1;
  const connecting = { ...progress, attempts, phases, milestoneAtMs: atMs, requestRetries: 0 };
  const wakeAtMs = byDeadline(progress, atMs + policy.connectTimeoutMs);
  const open: RegistrationCommand = { type: 'openConnection', key: progress.key };
  return { state: { phase: 'connecting', wakeAtMs, progress: connecting }, commands: [open] };
}

function subscribe(state: In<'connecting'>, { atMs }: On<'connected'>, policy: RegistrationPolicy): Transition {
  const progress = measured(state.progress, 'connackMs', atMs);
  const wakeAtMs = byDeadline(progress, atMs + policy.responseTimeoutMs);
  return {
    state: { phase: 'subscribing', wakeAtMs, progress },
    commands: [{ type: 'subscribe', topicFilter: RESPONSE_TOPIC_FILTER }],
  };
}

function connectionLost(state: Open, { atMs, failure }: On<'lost'>, policy: RegistrationPolicy): Transition {
  const verdict = connectionVerdict(failure);
  const progress = leaving(state, atMs);
  return verdict.result === 'refused' ? finish(progress, atMs, verdict) : reconnect(progress, atMs, verdict, policy);
}

/** Keeps the pause that the service asked for. */
function connectionLostInPause(state: In<'pausing'>, event: On<'lost'>, policy: RegistrationPolicy): Transition {
  return state.then === 'reconnect' ? stay(state) : connectionLostIdle(state, event, state.wakeAtMs, policy);
}

/** A 429 stays the cause when it is for its sake that the connection idled. */
function connectionLostIdle(
  state: In<'pausing' | 'awaitingPermit'>,
  { atMs, failure }: On<'lost'>,
  notBeforeMs: number,
  policy: RegistrationPolicy,
): Transition {
  const progress = leaving(state, atMs);
  const verdict = progress.trouble?.result === 'throttled' ? progress.trouble : connectionVerdict(failure);
  return reconnect(progress, atMs, verdict, policy, notBeforeMs);
}

/** The other side kept silent for too long. */
function unanswered(errorCode: string, message: string): Handler<Open, On<'woke'>> {
  return (state, { atMs }, policy) =>
    reconnect(leaving(state, atMs), atMs, clientVerdict('timed-out', errorCode, message), policy);
}

function reconnect(
  progress: RegistrationProgress,
  atMs: number,
  trouble: RegistrationVerdict,
  policy: RegistrationPolicy,
  notBeforeMs: number = atMs,
): Transition {
  const lost: RegistrationCommand = { type: 'reportLost' };
  if (progress.attempts >= policy.attemptsMax) {
    const { state, commands } = finish(progress, atMs, trouble);
    return { state, commands: [lost, ...commands] };
  }
  const troubled = withTrouble(progress, trouble);
  const untilMs = Math.max(notBeforeMs, atMs + backoffMs(troubled, policy));
  return pause(troubled, 'reconnect', atMs, untilMs, [lost, { type: 'closeConnection' }]);
}

// ---- requests

/** Polls the operation where there is one, else registers, with a permit. */
function ask(progress: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  if (progress.operationId !== null) return poll(progress, progress.operationId, atMs, policy);
  return hasPermit(progress, atMs, policy) ? register(progress, atMs, policy) : awaitPermit(progress, atMs);
}

/** The permit of the launch is for one request; too late, its place within the quota may be another's. */
function hasPermit(progress: RegistrationProgress, atMs: number, { permitLapseMs }: RegistrationPolicy): boolean {
  if (permitLapseMs === null) return true;
  const isFirst = progress.attempts === 1 && progress.registersSent === 0;
  return isFirst && atMs <= progress.startedAtMs + permitLapseMs;
}

function awaitPermit(progress: RegistrationProgress, atMs: number): Transition {
  return {
    state: { phase: 'awaitingPermit', wakeAtMs: progress.deadlineAtMs, askedAtMs: atMs, progress },
    commands: [{ type: 'requestPermit', repeats: progress.registersSent > 0 }],
  };
}

/** Nobody waits for the permit any more. */
function withdrawing({ state, commands }: Transition): Transition {
  return { state, commands: [{ type: 'withdrawPermit' }, ...commands] };
}

function register(before: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  const requestId = nextRequestId(before);
  const { registrationId, payloadJson } = before.subject;
  const progress = {
    ...before,
    registersSent: before.registersSent + 1,
    phases: { ...before.phases, acceptedMs: null, assignedMs: null },
    milestoneAtMs: atMs,
    acceptedAtMs: null,
  };
  const request = { topic: registerTopic(requestId), payload: registerBody(registrationId, payloadJson) };
  return send({ asked: 'register', requestId, progress }, request, atMs, policy);
}

function poll(before: RegistrationProgress, operationId: string, atMs: number, policy: RegistrationPolicy): Transition {
  const { polls, pollsOfOperation } = before;
  if (pollsOfOperation >= policy.pollsMax) return finish(before, atMs, pollsExhausted(policy));
  const requestId = nextRequestId(before);
  const progress = { ...before, polls: polls + 1, pollsOfOperation: pollsOfOperation + 1 };
  return send(
    { asked: 'poll', requestId, progress },
    { topic: pollTopic(requestId, operationId), payload: '' },
    atMs,
    policy,
  );
}

function send(
  asking: Pick<In<'awaitingResponse'>, 'asked' | 'requestId' | 'progress'>,
  request: { readonly topic: string; readonly payload: string },
  atMs: number,
  policy: RegistrationPolicy,
): Transition {
  const wakeAtMs = byDeadline(asking.progress, atMs + policy.responseTimeoutMs);
  return { state: { phase: 'awaitingResponse', wakeAtMs, ...asking }, commands: [{ type: 'publish', ...request }] };
}

/** Fresh, so that the late answer to an earlier request never passes for the current one. */
function nextRequestId({ subject, registersSent, polls }: RegistrationProgress): string {
  return `${subject.requestIdPrefix}-${registersSent + polls + 1}`;
}

// ---- answers

function receive(state: In<'awaitingResponse'>, event: On<'message'>, policy: RegistrationPolicy): Transition {
  const topic = parseResponseTopic(event.topic);
  if (topic === null || topic.requestId !== state.requestId) return dropAnswer(state);
  const { asked } = state;
  const { status, retryAfterSeconds } = topic;
  const body = parseAnswerBody(event.payload);
  const meaning = answerMeaning({ asked, status, body, operationId: state.progress.operationId });
  const progress = asked === 'register' ? measuredAcceptance(state.progress, event.atMs) : state.progress;
  return ANSWERS[meaning](progress, { atMs: event.atMs, asked, status, retryAfterSeconds, body }, policy);
}

function dropAnswer(state: Open): Transition {
  return stay({ ...state, progress: { ...state.progress, staleAnswers: state.progress.staleAnswers + 1 } });
}

/** The service is at work. Its first operation ID stays, whatever later answers name. */
function pollLater(progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy): Transition {
  const operationId = progress.operationId ?? answer.body?.operationId ?? null;
  const advanced = { ...progress, operationId, troublesInARow: 0, trouble: null };
  return pauseBefore('ask', advanced, answer, policy.pollDelayDefaultMs, policy.pollDelayMinMs, policy);
}

type RepeatedMeaning = 'throttled' | 'serverError' | 'malformed' | 'conflict' | 'operationGone';

function askAgain(
  progress: RegistrationProgress,
  answer: Answer,
  meaning: RepeatedMeaning,
  policy: RegistrationPolicy,
): Transition {
  const verdict = answerVerdict(meaning, answer.status, answer.body);
  if (progress.requestRetries >= policy.requestRetriesMax) return finish(progress, answer.atMs, verdict);
  const troubled = withTrouble({ ...progress, requestRetries: progress.requestRetries + 1 }, verdict);
  const delayMs = meaning === 'conflict' ? conflictDelayMs(randomOf(troubled), policy) : backoffMs(troubled, policy);
  return pauseBefore('ask', troubled, answer, delayMs, policy.retryDelayBaseMs, policy);
}

/** Final, unless the device has another key, or its certificate may be shown once more. */
function notAuthorized(progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy): Transition {
  const { attempts, key, subject, certificateRetried } = progress;
  const trouble = answerVerdict('unauthorized', answer.status, answer.body);
  if (attempts < policy.attemptsMax) {
    if (key + 1 < subject.keys) {
      return pauseBefore('reconnect', { ...progress, key: key + 1, trouble }, answer, 0, 0, policy);
    }
    const isCertificate = answer.body?.errorCode === ERROR_CODES.invalidCertificate;
    if (policy.retriesInvalidCertificate && isCertificate && !certificateRetried) {
      const troubled = withTrouble({ ...progress, certificateRetried: true }, trouble);
      const delayMs = backoffMs(troubled, policy);
      return pauseBefore('reconnect', troubled, answer, delayMs, policy.retryDelayBaseMs, policy);
    }
  }
  return conclude(progress, answer, 'unauthorized');
}

function conclude(
  progress: RegistrationProgress,
  answer: Answer,
  meaning: 'failed' | 'disabled' | 'unauthorized' | 'rejected',
): Transition {
  return finish(progress, answer.atMs, answerVerdict(meaning, answer.status, answer.body), answer.body);
}

// ---- pauses

/**
 * A pause between two connections comes without one.
 * @param otherwiseMs when the service sent no retry-after
 * @param leastMs when it did
 */
function pauseBefore(
  then: 'ask' | 'reconnect',
  progress: RegistrationProgress,
  { atMs, retryAfterSeconds }: Answer,
  otherwiseMs: number,
  leastMs: number,
  policy: RegistrationPolicy,
): Transition {
  const commands: readonly RegistrationCommand[] = then === 'reconnect' ? [{ type: 'closeConnection' }] : [];
  if (retryAfterSeconds === null) return pause(progress, then, atMs, atMs + otherwiseMs, commands);
  const askedMs = retryAfterSeconds * 1000;
  if (askedMs < leastMs) return pause(progress, then, atMs, atMs + leastMs, commands);
  if (askedMs <= policy.retryAfterMaxMs) return pause(progress, then, atMs, atMs + askedMs, commands);
  const clamped = { ...progress, retryAftersClamped: progress.retryAftersClamped + 1 };
  return pause(clamped, then, atMs, atMs + policy.retryAfterMaxMs, commands);
}

function pause(
  progress: RegistrationProgress,
  then: 'ask' | 'reconnect',
  pausedAtMs: number,
  untilMs: number,
  commands: readonly RegistrationCommand[],
): Transition {
  return { state: { phase: 'pausing', then, pausedAtMs, wakeAtMs: byDeadline(progress, untilMs), progress }, commands };
}

function resume(state: In<'pausing'>, { atMs }: On<'woke'>, policy: RegistrationPolicy): Transition {
  const progress = leaving(state, atMs);
  return state.then === 'ask' ? ask(progress, atMs, policy) : connect(progress, atMs, policy);
}

/** Of this pause; attempts and requests grow between any two, so that no two draws are the same. */
function randomOf({ subject, attempts, registersSent, polls }: RegistrationProgress): number {
  return jitter(subject.seed, subject.registrationId, attempts + registersSent + polls);
}

function backoffMs(progress: RegistrationProgress, policy: RegistrationPolicy): number {
  return retryDelayMs(progress.troublesInARow, randomOf(progress), policy);
}

// ---- ends

function cancel(state: Open, { atMs }: On<'cancelled'>): Transition {
  const verdict: RegistrationVerdict = { result: 'cancelled', errorCode: null, errorMessage: null, trackingId: null };
  return finish(leaving(state, atMs), atMs, verdict);
}

function deadlinePassed(state: Open, atMs: number, policy: RegistrationPolicy): Transition {
  const ended = timedOut(leaving(state, atMs), atMs, policy);
  return state.phase === 'awaitingPermit' ? withdrawing(ended) : ended;
}

function timedOut(progress: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  const { trouble } = progress;
  if (trouble?.result === 'throttled') return finish(progress, atMs, trouble);
  const before = trouble === null ? '' : `; last trouble: ${trouble.errorCode} ${trouble.errorMessage ?? ''}`.trimEnd();
  return finish(
    progress,
    atMs,
    clientVerdict('timed-out', 'deadline', `Not finished after ${policy.deadlineMs} ms${before}`),
  );
}

function pollsExhausted({ pollsMax }: RegistrationPolicy): RegistrationVerdict {
  return clientVerdict('timed-out', 'polls-exhausted', `Still not assigned after ${pollsMax} polls`);
}

function finish(
  progress: RegistrationProgress,
  atMs: number,
  verdict: RegistrationVerdict,
  body: AnswerBody | null = null,
): Transition {
  const ending = registrationEnding(progress, atMs, verdict, body);
  return {
    state: { phase: 'done', wakeAtMs: null, progress },
    commands: [{ type: 'closeConnection' }, { type: 'finish', ending }],
  };
}

// ---- bookkeeping

function stay(state: RegistrationState): Transition {
  return { state, commands: [] };
}

/** A timer that fires early changes nothing; past the deadline nothing else counts. */
function due<S extends Open>(timeIsUp: Handler<S, On<'woke'>>): Handler<S, On<'woke'>> {
  return (state, event, policy) => {
    if (event.atMs < state.wakeAtMs) return stay(state);
    if (event.atMs >= state.progress.deadlineAtMs) return deadlinePassed(state, event.atMs, policy);
    return timeIsUp(state, event, policy);
  };
}

function byDeadline({ deadlineAtMs }: RegistrationProgress, atMs: number): number {
  return Math.min(atMs, deadlineAtMs);
}

/**
 * What a phase leaves behind when it ends without the answer it waited for: the time paused (a late timer is not part of a
 * pause that somebody asked for) or held, or a register request of which nobody knows what became of it.
 */
function leaving(state: Open, atMs: number): RegistrationProgress {
  const { progress } = state;
  if (state.phase === 'pausing') {
    return { ...progress, waitedMs: progress.waitedMs + Math.min(atMs, state.wakeAtMs) - state.pausedAtMs };
  }
  if (state.phase === 'awaitingPermit') {
    return { ...progress, heldUnderWayMs: progress.heldUnderWayMs + atMs - state.askedAtMs };
  }
  return state.phase === 'awaitingResponse' ? leftInDoubt(progress, state.asked) : progress;
}

/** Nobody knows what became of the request; of a poll nothing can. */
function leftInDoubt(progress: RegistrationProgress, asked: RequestKind): RegistrationProgress {
  return asked === 'register' ? { ...progress, possiblyTwice: true } : progress;
}

/** The service accepted the request that began it, and nobody will know what became of that. */
function forgetOperation(progress: RegistrationProgress): RegistrationProgress {
  return { ...progress, operationId: null, pollsOfOperation: 0, possiblyTwice: true };
}

function withTrouble(progress: RegistrationProgress, trouble: RegistrationVerdict): RegistrationProgress {
  return { ...progress, trouble, troublesInARow: progress.troublesInARow + 1 };
}

/** Neither a 5xx nor what cannot be read says that nothing was done: a front end may answer so for what it had passed on. */
function countServerError(progress: RegistrationProgress, { asked }: Answer): RegistrationProgress {
  return leftInDoubt({ ...progress, serverErrors: progress.serverErrors + 1 }, asked);
}

/** Ends one measured phase and begins the next. */
function measured(progress: RegistrationProgress, phase: keyof RegistrationPhases, atMs: number): RegistrationProgress {
  const phases = { ...progress.phases, [phase]: atMs - progress.milestoneAtMs };
  return { ...progress, phases, milestoneAtMs: atMs };
}

function measuredAcceptance(progress: RegistrationProgress, atMs: number): RegistrationProgress {
  const phases = { ...progress.phases, acceptedMs: atMs - progress.milestoneAtMs };
  return { ...progress, phases, acceptedAtMs: atMs };
}

/** Counts from the register request's first answer, also over lost connections between. */
function measuredAssignment(progress: RegistrationProgress, atMs: number): RegistrationProgress {
  const assignedMs = atMs - (progress.acceptedAtMs ?? atMs);
  return { ...progress, phases: { ...progress.phases, assignedMs } };
}

/** @param body of the final answer; `null` when no answer ended the registration */
export function registrationEnding(
  progress: RegistrationProgress,
  finishedAtMs: number,
  verdict: RegistrationVerdict,
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
