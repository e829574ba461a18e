/*
 * Progress is never changed in place. Every function here names all members in the same order, so that all objects share one shape: each
 * place that spreads an object gives the copy a shape of its own (Node 20), and code that meets many shapes takes several times as long.
 */
import type { RegistrationPhases } from './registration-outcome.ts';
import { NO_COUNTS, type RegistrationProgress, type RegistrationSubject } from './registration-state.ts';

/** The progress of a registration that starts now. */
export function firstProgress(
  subject: RegistrationSubject,
  startedAtMs: number,
  deadlineAtMs: number,
): RegistrationProgress {
  return {
    subject,
    startedAtMs,
    deadlineAtMs,
    milestoneAtMs: startedAtMs,
    acceptedAtMs: null,
    attempts: NO_COUNTS.attempts,
    registersSent: NO_COUNTS.registersSent,
    possiblyTwice: NO_COUNTS.possiblyTwice,
    polls: NO_COUNTS.polls,
    throttles: NO_COUNTS.throttles,
    serverErrors: NO_COUNTS.serverErrors,
    staleAnswers: NO_COUNTS.staleAnswers,
    retryAftersClamped: NO_COUNTS.retryAftersClamped,
    waitedMs: NO_COUNTS.waitedMs,
    heldUnderWayMs: NO_COUNTS.heldUnderWayMs,
    operationId: NO_COUNTS.operationId,
    phases: NO_COUNTS.phases,
    pollsOfOperation: 0,
    key: 0,
    certificateRetried: false,
    requestRetries: 0,
    troublesInARow: 0,
    lastTrouble: null,
    failedAtMs: [],
    attemptsRefunded: 0,
    outageSinceMs: null,
    excusedUntilMs: null,
  };
}

/** A copy with these changes. */
export function changed(progress: RegistrationProgress, changes: Partial<RegistrationProgress>): RegistrationProgress {
  const copy: RegistrationProgress = {
    subject: progress.subject,
    startedAtMs: progress.startedAtMs,
    deadlineAtMs: progress.deadlineAtMs,
    milestoneAtMs: progress.milestoneAtMs,
    acceptedAtMs: progress.acceptedAtMs,
    attempts: progress.attempts,
    registersSent: progress.registersSent,
    possiblyTwice: progress.possiblyTwice,
    polls: progress.polls,
    throttles: progress.throttles,
    serverErrors: progress.serverErrors,
    staleAnswers: progress.staleAnswers,
    retryAftersClamped: progress.retryAftersClamped,
    waitedMs: progress.waitedMs,
    heldUnderWayMs: progress.heldUnderWayMs,
    operationId: progress.operationId,
    phases: progress.phases,
    pollsOfOperation: progress.pollsOfOperation,
    key: progress.key,
    certificateRetried: progress.certificateRetried,
    requestRetries: progress.requestRetries,
    troublesInARow: progress.troublesInARow,
    lastTrouble: progress.lastTrouble,
    failedAtMs: progress.failedAtMs,
    attemptsRefunded: progress.attemptsRefunded,
    outageSinceMs: progress.outageSinceMs,
    excusedUntilMs: progress.excusedUntilMs,
  };
  return Object.assign(copy, changes);
}

/** A copy with this phase measured. */
export function withPhase(
  phases: RegistrationPhases,
  phase: keyof RegistrationPhases,
  durationMs: number,
): RegistrationPhases {
  const { dnsMs, tcpMs, tlsMs, connackMs, subackMs, acceptedMs, assignedMs } = phases;
  const copy = { dnsMs, tcpMs, tlsMs, connackMs, subackMs, acceptedMs, assignedMs };
  copy[phase] = durationMs;
  return copy;
}
