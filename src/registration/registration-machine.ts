/*
 * One registration, client side. The rule: everything that changes a registration's state lives in this file. It has no clock, timers,
 * randomness or I/O: the driver delivers timed events, carries out the commands in order, and delivers `woke` at `wakeAtMs`.
 *
 *   connecting ──► awaitingReady ──► awaitingAnswer ──► done
 *       ▲               │            │        ▲
 *       │               ▼            ▼        │ ask
 *       └─reconnect── pausing ◄──────┘        │
 *                       └─────────────────────┘
 *
 * Where register requests need permits, `ask` leads through awaitingPermit. The one exception is the request covered by the launch's own
 * permit: the first, on the first connection, before that permit lapses.
 *
 * While an outage of the target is known, whatever would connect again is held instead, without using up its attempts or its time, until it
 * is released: as the probe, or once the outage is over. Open connections continue, and so do pauses that the service asked for: what is
 * held connects as soon as it is released.
 *
 *   reconnect ──► held ──► connecting
 */
import type { Answer as ServiceAnswer } from '../conversation/conversation.ts';
import { ERROR_CODES } from '../dps/error-codes.ts';
import type { AnswerBody } from '../dps/payloads.ts';
import type { RegistrationPhases } from './registration-outcome.ts';
import type { RegistrationPolicy } from './registration-policy.ts';
import { changed, firstProgress, withPhase } from './registration-progress.ts';
import type {
  RegistrationCommand,
  RegistrationEnding,
  RegistrationEvent,
  RegistrationProgress,
  RegistrationState,
  RegistrationSubject,
  RegistrationVerdict,
  RequestKind,
  Transition,
} from './registration-state.ts';
import {
  type AnswerMeaning,
  answerMeaning,
  answerVerdict,
  assignedVerdict,
  clientVerdict,
  connectionVerdict,
} from './retry-decision.ts';
import { conflictDelayMs, jitter, retryDelayMs } from './retry-delay.ts';

type Phase = RegistrationState['phase'];
type In<P extends Phase> = Extract<RegistrationState, { phase: P }>;
type Unfinished = Exclude<RegistrationState, { phase: 'done' }>;
type On<E extends RegistrationEvent['type']> = Extract<RegistrationEvent, { type: E }>;
type Handler<S, E> = (state: S, event: E, policy: RegistrationPolicy) => Transition;
type Transitions = {
  readonly [P in Phase]: { readonly [E in RegistrationEvent['type']]?: Handler<In<P>, On<E>> };
};

/** The effect of an outage where nothing is about to connect. */
const OUTAGE: { readonly [E in 'outageBegan' | 'outageEnded']: Handler<Unfinished, On<E>> } = {
  outageBegan: (state, { sinceMs }) => stay({ ...state, progress: excused(state.progress, sinceMs) }),
  outageEnded: (state) => stay({ ...state, progress: changed(state.progress, { outageSinceMs: null }) }),
};

/** The effect of each event in each phase. An event without an entry has none. */
const TRANSITIONS: Transitions = {
  connecting: {
    resolved: (state, { atMs }) => keepConnecting(state, measured(state.progress, 'dnsMs', atMs)),
    tcpConnected: (state, { atMs }) => keepConnecting(state, measured(state.progress, 'tcpMs', atMs)),
    secured: (state, { atMs }) => keepConnecting(state, measured(state.progress, 'tlsMs', atMs)),
    connected: awaitReady,
    stale: countStale,
    lost: connectionLost,
    woke: whenDue(unanswered('no-connack', 'The service did not answer CONNECT')),
    cancelled: cancel,
    ...OUTAGE,
  },
  awaitingReady: {
    ready: (state, { atMs }, policy) => ask(measured(state.progress, 'subackMs', atMs), atMs, policy),
    stale: countStale,
    lost: connectionLost,
    woke: whenDue(unanswered('no-suback', 'The service did not answer SUBSCRIBE')),
    cancelled: cancel,
    ...OUTAGE,
  },
  awaitingAnswer: {
    answered: receive,
    stale: countStale,
    lost: connectionLost,
    unsent: requestUnsent,
    woke: whenDue(unanswered('no-answer', 'The service did not answer the request')),
    cancelled: cancel,
    ...OUTAGE,
  },
  awaitingPermit: {
    permitGranted: usePermit,
    stale: countStale,
    lost: (state, event, policy) => withPermitWithdrawn(connectionLostIdle(state, event, event.atMs, policy)),
    woke: whenDue((state) => stay(state)),
    cancelled: (state, event) => withPermitWithdrawn(cancel(state, event)),
    ...OUTAGE,
  },
  pausing: {
    stale: countStale,
    lost: connectionLostInPause,
    woke: whenDue(resume),
    cancelled: cancel,
    ...OUTAGE,
    outageBegan: holdPausing,
  },
  held: {
    released: release,
    cancelled: (state, event) => after({ type: 'reportHold', held: false }, cancel(state, event)),
    ...OUTAGE,
  },
  done: {},
};

type AnswerHandler = (progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy) => Transition;
type Answer = ServiceAnswer & { readonly atMs: number; readonly asked: RequestKind };

/** The effect of each answer to the request in flight. */
const ANSWERS: Readonly<Record<AnswerMeaning, AnswerHandler>> = {
  assigned: (progress, { atMs, body }) =>
    finish(measuredAssignment(progress, atMs), atMs, assignedVerdict(progress.key), body),
  failed: (progress, answer) => conclude(progress, answer, 'failed'),
  disabled: (progress, answer) => conclude(progress, answer, 'disabled'),
  unauthorized: notAuthorized,
  rejected: (progress, answer) => conclude(progress, answer, 'rejected'),
  pending: pollLater,
  throttled: (progress, answer, policy) => {
    const report = { type: 'reportThrottle', retryAfterSeconds: answer.retryAfterSeconds } as const;
    const throttled = changed(progress, { throttles: progress.throttles + 1 });
    return after(report, askAgain(throttled, answer, 'throttled', policy));
  },
  serverError: (progress, answer, policy) =>
    askAgain(countServerError(progress, answer), answer, 'serverError', policy),
  malformed: (progress, answer, policy) => askAgain(countServerError(progress, answer), answer, 'malformed', policy),
  conflict: (progress, answer, policy) => askAgain(progress, answer, 'conflict', policy),
  operationGone: (progress, answer, policy) => askAgain(forgetOperation(progress), answer, 'operationGone', policy),
};

/** The first transition of a registration that starts at `atMs`. */
export function begin(subject: RegistrationSubject, atMs: number, policy: RegistrationPolicy): Transition {
  return connect(firstProgress(subject, atMs, atMs + policy.deadlineMs), atMs, policy);
}

/** Total: every event is allowed in every phase. */
export function step(state: RegistrationState, event: RegistrationEvent, policy: RegistrationPolicy): Transition {
  const handler = TRANSITIONS[state.phase][event.type] as Handler<RegistrationState, RegistrationEvent> | undefined;
  return handler === undefined ? stay(state) : handler(state, event, policy);
}

// ---- connection

function connect(progress: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  const { acceptedMs, assignedMs } = progress.phases;
  const connecting = changed(progress, {
    attempts: progress.attempts + 1,
    phases: { dnsMs: null, tcpMs: null, tlsMs: null, connackMs: null, subackMs: null, acceptedMs, assignedMs },
    milestoneAtMs: atMs,
    requestRetries: 0,
  });
  const wakeAtMs = byDeadline(progress, atMs + policy.connectTimeoutMs);
  return {
    state: { phase: 'connecting', wakeAtMs, progress: connecting },
    commands: [{ type: 'openConversation', key: progress.key }],
  };
}

function keepConnecting({ wakeAtMs }: In<'connecting'>, progress: RegistrationProgress): Transition {
  return stay({ phase: 'connecting', wakeAtMs, progress });
}

function awaitReady(state: In<'connecting'>, { atMs }: On<'connected'>, policy: RegistrationPolicy): Transition {
  const progress = measured(state.progress, 'connackMs', atMs);
  const wakeAtMs = byDeadline(progress, atMs + policy.responseTimeoutMs);
  return stay({ phase: 'awaitingReady', wakeAtMs, progress });
}

function connectionLost(state: Unfinished, event: On<'lost'>, policy: RegistrationPolicy): Transition {
  return lose(progressAfter(state, event.atMs), event, policy);
}

/** As if the connection had been lost before the request. A poll is sent always. */
function requestUnsent(state: In<'awaitingAnswer'>, event: On<'unsent'>, policy: RegistrationPolicy): Transition {
  const { progress, asked } = state;
  const unsent = asked === 'register' ? 1 : 0;
  return lose(changed(progress, { registersSent: progress.registersSent - unsent }), event, policy);
}

function lose(
  progress: RegistrationProgress,
  { atMs, failure }: On<'lost' | 'unsent'>,
  policy: RegistrationPolicy,
): Transition {
  const verdict = connectionVerdict(failure);
  if (verdict.result === 'refused') return finish(progress, atMs, verdict);
  return reconnect(progress, { atMs, notBeforeMs: atMs, trouble: verdict }, policy);
}

/** The pause that the service asked for still applies. */
function connectionLostInPause(state: In<'pausing'>, event: On<'lost'>, policy: RegistrationPolicy): Transition {
  return state.then === 'reconnect' ? stay(state) : connectionLostIdle(state, event, state.wakeAtMs, policy);
}

/** If the connection was idle because of a 429, that 429 remains the cause. */
function connectionLostIdle(
  state: In<'pausing' | 'awaitingPermit'>,
  { atMs, failure }: On<'lost'>,
  notBeforeMs: number,
  policy: RegistrationPolicy,
): Transition {
  const progress = progressAfter(state, atMs);
  const { lastTrouble } = progress;
  const trouble = lastTrouble?.result === 'throttled' ? lastTrouble : connectionVerdict(failure);
  return reconnect(progress, { atMs, notBeforeMs, trouble }, policy);
}

/** The service did not answer in time. */
function unanswered(errorCode: string, message: string): Handler<Unfinished, On<'woke'>> {
  const trouble = clientVerdict('timed-out', errorCode, message);
  return (state, { atMs }, policy) =>
    reconnect(progressAfter(state, atMs), { atMs, notBeforeMs: atMs, trouble }, policy);
}

function reconnect(
  progress: RegistrationProgress,
  { atMs, notBeforeMs, trouble }: { atMs: number; notBeforeMs: number; trouble: RegistrationVerdict },
  policy: RegistrationPolicy,
): Transition {
  const lost = { type: 'reportLost', reached: progress.phases.tlsMs !== null } as const;
  if (progress.outageSinceMs !== null) {
    const refunded = changed(progress, { attemptsRefunded: progress.attemptsRefunded + 1, lastTrouble: trouble });
    return after(lost, holdFrom(refunded, atMs, notBeforeMs));
  }
  if (!hasAttempts(progress, policy)) return after(lost, finish(progress, atMs, trouble));
  const failedAtMs = [...progress.failedAtMs, atMs].slice(-policy.attemptsMax);
  const troubled = withTrouble(changed(progress, { failedAtMs }), trouble);
  const untilMs = Math.max(notBeforeMs, atMs + backoffMs(troubled, policy));
  return after(lost, pause(troubled, 'reconnect', { pausedAtMs: atMs, untilMs, askedUntilMs: notBeforeMs }));
}

function hasAttempts({ attempts, attemptsRefunded }: RegistrationProgress, policy: RegistrationPolicy): boolean {
  return attempts - attemptsRefunded < policy.attemptsMax;
}

// ---- outage

/** Attempts that failed since the outage began do not count, nor do they lengthen the backoff. */
function excused(progress: RegistrationProgress, sinceMs: number): RegistrationProgress {
  const failedAtMs = progress.failedAtMs.filter((failedMs) => failedMs < sinceMs);
  const refunds = progress.failedAtMs.length - failedAtMs.length;
  return changed(progress, {
    failedAtMs,
    attemptsRefunded: progress.attemptsRefunded + refunds,
    troublesInARow: Math.max(0, progress.troublesInARow - refunds),
    outageSinceMs: sinceMs,
  });
}

/** The backoff ends: the release comes when connecting makes sense. A pause that the service asked for still applies. */
function holdPausing(state: In<'pausing'>, { atMs, sinceMs }: On<'outageBegan'>): Transition {
  const { askedUntilMs, then } = state;
  if (then === 'reconnect' && askedUntilMs <= atMs) return hold(excused(progressAfter(state, atMs), sinceMs), atMs);
  const progress = excused(state.progress, sinceMs);
  if (then === 'ask') return stay({ ...state, progress });
  return stay({ ...state, progress, wakeAtMs: byDeadline(progress, askedUntilMs) });
}

/** Holds a registration once the pause is over that the service asked for: a probe that first had to wait would delay the end of the outage. */
function holdFrom(progress: RegistrationProgress, atMs: number, notBeforeMs: number): Transition {
  if (notBeforeMs <= atMs) return hold(progress, atMs);
  return pause(progress, 'reconnect', { pausedAtMs: atMs, untilMs: notBeforeMs, askedUntilMs: notBeforeMs });
}

function hold(progress: RegistrationProgress, heldAtMs: number): Transition {
  const sinceMs = progress.outageSinceMs ?? heldAtMs;
  return {
    state: { phase: 'held', wakeAtMs: null, heldAtMs, sinceMs, progress },
    commands: [{ type: 'closeConversation' }, { type: 'reportHold', held: true }],
  };
}

function release(state: In<'held'>, { atMs }: On<'released'>, policy: RegistrationPolicy): Transition {
  return after({ type: 'reportHold', held: false }, connect(progressAfter(state, atMs), atMs, policy));
}

// ---- requests

/** Polls the operation if one is known; otherwise registers, with a permit. */
function ask(progress: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  if (progress.operationId !== null) return poll(progress, progress.operationId, atMs, policy);
  return hasPermit(progress, atMs, policy) ? register(progress, atMs, policy) : awaitPermit(progress, atMs);
}

/** The launch's permit covers one request. Once it has lapsed, another request may have its place within the quota. */
function hasPermit(progress: RegistrationProgress, atMs: number, { permitLapseMs }: RegistrationPolicy): boolean {
  if (permitLapseMs === null) return true;
  const { attempts, registersSent, startedAtMs, subject } = progress;
  const isFirst = attempts === 1 && registersSent === 0;
  return isFirst && atMs <= (subject.permitUntilMs ?? startedAtMs + permitLapseMs);
}

/** One that comes too late is not used: its place within the quota may be another's by now. To ask again costs no retry budget. */
function usePermit(state: In<'awaitingPermit'>, event: On<'permitGranted'>, policy: RegistrationPolicy): Transition {
  const { atMs, validUntilMs } = event;
  if (atMs <= validUntilMs) return register(progressAfter(state, atMs), atMs, policy);
  return { state, commands: [{ type: 'requestPermit', repeats: false }] };
}

function awaitPermit(progress: RegistrationProgress, atMs: number): Transition {
  return {
    state: { phase: 'awaitingPermit', wakeAtMs: progress.deadlineAtMs, askedAtMs: atMs, progress },
    commands: [{ type: 'requestPermit', repeats: progress.registersSent > 0 }],
  };
}

function withPermitWithdrawn(transition: Transition): Transition {
  return after({ type: 'withdrawPermit' }, transition);
}

function register(before: RegistrationProgress, atMs: number, policy: RegistrationPolicy): Transition {
  const { dnsMs, tcpMs, tlsMs, connackMs, subackMs } = before.phases;
  const progress = changed(before, {
    registersSent: before.registersSent + 1,
    phases: { dnsMs, tcpMs, tlsMs, connackMs, subackMs, acceptedMs: null, assignedMs: null },
    milestoneAtMs: atMs,
    acceptedAtMs: null,
  });
  return { state: awaitAnswer('register', progress, atMs, policy), commands: [{ type: 'register' }] };
}

function poll(before: RegistrationProgress, operationId: string, atMs: number, policy: RegistrationPolicy): Transition {
  const { polls, pollsOfOperation } = before;
  if (pollsOfOperation >= policy.pollsMax) {
    const message = `Still not assigned at the poll limit of ${policy.pollsMax}`;
    return finish(before, atMs, clientVerdict('timed-out', 'polls-exhausted', message));
  }
  const progress = changed(before, { polls: polls + 1, pollsOfOperation: pollsOfOperation + 1 });
  return { state: awaitAnswer('poll', progress, atMs, policy), commands: [{ type: 'poll', operationId }] };
}

function awaitAnswer(
  asked: RequestKind,
  progress: RegistrationProgress,
  atMs: number,
  policy: RegistrationPolicy,
): RegistrationState {
  return { phase: 'awaitingAnswer', wakeAtMs: byDeadline(progress, atMs + policy.responseTimeoutMs), asked, progress };
}

// ---- answers

function receive(state: In<'awaitingAnswer'>, event: On<'answered'>, policy: RegistrationPolicy): Transition {
  const { asked } = state;
  const { atMs, status, retryAfterSeconds, body } = event;
  const meaning = answerMeaning({ asked, status, body, operationId: state.progress.operationId });
  const progress = asked === 'register' ? measuredAcceptance(state.progress, atMs) : state.progress;
  return ANSWERS[meaning](progress, { atMs, asked, status, retryAfterSeconds, body }, policy);
}

function countStale(state: Unfinished): Transition {
  return stay({ ...state, progress: changed(state.progress, { staleAnswers: state.progress.staleAnswers + 1 }) });
}

/** The service is working on it. The first operation ID stands, whatever later answers say. */
function pollLater(progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy): Transition {
  const operationId = progress.operationId ?? answer.body?.operationId ?? null;
  const advanced = changed(progress, { operationId, troublesInARow: 0, lastTrouble: null });
  return pauseFor(advanced, 'ask', answer, {
    defaultMs: policy.pollDelayDefaultMs,
    minMs: policy.pollDelayMinMs,
    maxMs: policy.retryAfterMaxMs,
  });
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
  const troubled = withTrouble(changed(progress, { requestRetries: progress.requestRetries + 1 }), verdict);
  const defaultMs = meaning === 'conflict' ? conflictDelayMs(randomOf(troubled), policy) : backoffMs(troubled, policy);
  return pauseFor(troubled, 'ask', answer, retryLimits(defaultMs, policy));
}

/** Final, unless the device has another key, or may present its certificate once more. */
function notAuthorized(progress: RegistrationProgress, answer: Answer, policy: RegistrationPolicy): Transition {
  const { key, subject, certificateRetried } = progress;
  const lastTrouble = answerVerdict('unauthorized', answer.status, answer.body);
  if (hasAttempts(progress, policy)) {
    if (key + 1 < subject.keys) {
      const withNextKey = changed(progress, { key: key + 1, lastTrouble });
      return pauseFor(withNextKey, 'reconnect', answer, { defaultMs: 0, minMs: 0, maxMs: policy.retryAfterMaxMs });
    }
    const isCertificate = answer.body?.errorCode === ERROR_CODES.invalidCertificate;
    if (policy.retriesInvalidCertificate && isCertificate && !certificateRetried) {
      const troubled = withTrouble(changed(progress, { certificateRetried: true }), lastTrouble);
      return pauseFor(troubled, 'reconnect', answer, retryLimits(backoffMs(troubled, policy), policy));
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

/** `defaultMs` applies when the answer has no retry-after, the limits when it has one. */
type PauseLimits = { readonly defaultMs: number; readonly minMs: number; readonly maxMs: number };

function retryLimits(defaultMs: number, policy: RegistrationPolicy): PauseLimits {
  return { defaultMs, minMs: policy.retryDelayBaseMs, maxMs: policy.retryAfterMaxMs };
}

/** Pauses for the answer's retry-after. */
function pauseFor(
  progress: RegistrationProgress,
  then: In<'pausing'>['then'],
  { atMs, retryAfterSeconds }: Answer,
  { defaultMs, minMs, maxMs }: PauseLimits,
): Transition {
  const pauseOf = (durationMs: number, paused = progress): Transition => {
    const untilMs = atMs + durationMs;
    return pause(paused, then, { pausedAtMs: atMs, untilMs, askedUntilMs: untilMs });
  };
  if (retryAfterSeconds === null) return pauseOf(defaultMs);
  const askedMs = retryAfterSeconds * 1000;
  if (askedMs < minMs) return pauseOf(minMs);
  if (askedMs <= maxMs) return pauseOf(askedMs);
  return pauseOf(maxMs, changed(progress, { retryAftersClamped: progress.retryAftersClamped + 1 }));
}

function pause(
  progress: RegistrationProgress,
  then: In<'pausing'>['then'],
  { pausedAtMs, untilMs, askedUntilMs }: { pausedAtMs: number; untilMs: number; askedUntilMs: number },
): Transition {
  return {
    state: { phase: 'pausing', then, pausedAtMs, askedUntilMs, wakeAtMs: byDeadline(progress, untilMs), progress },
    commands: then === 'reconnect' ? [{ type: 'closeConversation' }] : [],
  };
}

function resume(state: In<'pausing'>, { atMs }: On<'woke'>, policy: RegistrationPolicy): Transition {
  const progress = progressAfter(state, atMs);
  if (state.then === 'ask') return ask(progress, atMs, policy);
  return progress.outageSinceMs === null ? connect(progress, atMs, policy) : hold(progress, atMs);
}

/** The pause's random number. Attempts or requests grow between two pauses, so no two draws are the same. */
function randomOf({ subject, attempts, registersSent, polls }: RegistrationProgress): number {
  return jitter(subject.seed, subject.registrationId, attempts + registersSent + polls);
}

function backoffMs(progress: RegistrationProgress, policy: RegistrationPolicy): number {
  return retryDelayMs(progress.troublesInARow, randomOf(progress), policy);
}

// ---- ends

function cancel(state: Unfinished, { atMs }: On<'cancelled'>): Transition {
  const verdict: RegistrationVerdict = { result: 'cancelled', errorCode: null, errorMessage: null, trackingId: null };
  return finish(progressAfter(state, atMs), atMs, verdict);
}

function deadlinePassed(state: Unfinished, atMs: number, policy: RegistrationPolicy): Transition {
  const progress = progressAfter(state, atMs);
  const ended = finish(progress, atMs, deadlineVerdict(progress, policy));
  return state.phase === 'awaitingPermit' ? withPermitWithdrawn(ended) : ended;
}

function deadlineVerdict(
  { lastTrouble }: RegistrationProgress,
  { deadlineMs }: RegistrationPolicy,
): RegistrationVerdict {
  if (lastTrouble?.result === 'throttled') return lastTrouble;
  const { errorCode, errorMessage } = lastTrouble ?? {};
  const cause = lastTrouble === null ? '' : `; last trouble: ${errorCode} ${errorMessage ?? ''}`.trimEnd();
  return clientVerdict('timed-out', 'deadline', `Not finished within ${deadlineMs / 1_000} s${cause}`);
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
    commands: [{ type: 'closeConversation' }, { type: 'finish', ending }],
  };
}

// ---- bookkeeping

function stay(state: RegistrationState): Transition {
  return { state, commands: [] };
}

function after(command: RegistrationCommand, { state, commands }: Transition): Transition {
  return { state, commands: [command, ...commands] };
}

/** A timer that fires early has no effect; past the deadline only the deadline counts. */
function whenDue<S extends Exclude<Unfinished, In<'held'>>>(timeIsUp: Handler<S, On<'woke'>>): Handler<S, On<'woke'>> {
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
 * The progress once a phase ends without what it waited for. Adds the time paused (the lateness of a timer is not part of a requested pause)
 * or held, and marks a register request whose fate is unknown.
 */
function progressAfter(state: Unfinished, atMs: number): RegistrationProgress {
  const { progress } = state;
  switch (state.phase) {
    case 'pausing':
      return changed(progress, { waitedMs: progress.waitedMs + Math.min(atMs, state.wakeAtMs) - state.pausedAtMs });
    case 'awaitingPermit':
      return changed(progress, { heldUnderWayMs: progress.heldUnderWayMs + atMs - state.askedAtMs });
    case 'awaitingAnswer':
      return markInDoubt(progress, state.asked);
    case 'held':
      return afterHold(state, atMs);
    default:
      return progress;
  }
}

/** All time since the outage began does not count towards the deadline, including attempts that failed in between. */
function afterHold({ progress, heldAtMs, sinceMs }: In<'held'>, atMs: number): RegistrationProgress {
  const { deadlineAtMs, excusedUntilMs, heldUnderWayMs, startedAtMs } = progress;
  const excusedFromMs = Math.min(atMs, Math.max(sinceMs, startedAtMs, excusedUntilMs ?? startedAtMs));
  return changed(progress, {
    heldUnderWayMs: heldUnderWayMs + atMs - heldAtMs,
    deadlineAtMs: deadlineAtMs + atMs - excusedFromMs,
    excusedUntilMs: atMs,
  });
}

/** The fate of the request is unknown. Polls change nothing at the service. */
function markInDoubt(progress: RegistrationProgress, asked: RequestKind): RegistrationProgress {
  return asked === 'register' ? changed(progress, { possiblyTwice: true }) : progress;
}

/** The service accepted the request that began the operation; what became of it stays unknown. */
function forgetOperation(progress: RegistrationProgress): RegistrationProgress {
  return changed(progress, { operationId: null, pollsOfOperation: 0, possiblyTwice: true });
}

function withTrouble(progress: RegistrationProgress, lastTrouble: RegistrationVerdict): RegistrationProgress {
  return changed(progress, { lastTrouble, troublesInARow: progress.troublesInARow + 1 });
}

/** Neither a 5xx nor an unreadable answer rules out that the service acted: a front end may send one for a request it had passed on. */
function countServerError(progress: RegistrationProgress, { asked }: Answer): RegistrationProgress {
  return markInDoubt(changed(progress, { serverErrors: progress.serverErrors + 1 }), asked);
}

/** Ends one measured phase and begins the next. */
function measured(progress: RegistrationProgress, phase: keyof RegistrationPhases, atMs: number): RegistrationProgress {
  const phases = withPhase(progress.phases, phase, atMs - progress.milestoneAtMs);
  return changed(progress, { phases, milestoneAtMs: atMs });
}

function measuredAcceptance(progress: RegistrationProgress, atMs: number): RegistrationProgress {
  const phases = withPhase(progress.phases, 'acceptedMs', atMs - progress.milestoneAtMs);
  return changed(progress, { phases, acceptedAtMs: atMs });
}

/** Counts from the first answer to the register request, across any lost connections. */
function measuredAssignment(progress: RegistrationProgress, atMs: number): RegistrationProgress {
  const assignedMs = atMs - (progress.acceptedAtMs ?? atMs);
  return changed(progress, { phases: withPhase(progress.phases, 'assignedMs', assignedMs) });
}

/** @param body the final answer's; `null` when no answer ended the registration */
function registrationEnding(
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
