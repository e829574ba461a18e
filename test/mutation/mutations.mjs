const CONVERSATION = 'src/mqtt/mqtt-conversation.ts';
const MACHINE = 'src/registration/registration-machine.ts';
const SETTLEMENT = 'src/journal/settlement-index.ts';
const GOVERNOR = 'src/load/governor.ts';
const PERMITS = 'src/load/permits.ts';

/**
 * Deliberate mistakes, each one place of one file. `from` stands in the file exactly once; `what` says what the code does then.
 * @type {readonly { readonly file: string, readonly what: string, readonly from: string, readonly to: string }[]}
 */
export const MUTATIONS = [
  {
    file: CONVERSATION,
    what: 'acts on any answer, whatever its $rid',
    from: "if (topic === null || topic.requestId !== this.#requestInFlight) return { type: 'stale' };",
    to: "if (topic === null) return { type: 'stale' };",
  },
  {
    file: CONVERSATION,
    what: 'acts on a repeated answer',
    from: 'this.#requestInFlight = null;\n    const',
    to: 'const',
  },
  {
    file: CONVERSATION,
    what: 'uses the same $rid again on the next connection',
    from: 'opened.toString(36)',
    to: "''",
  },
  {
    file: MACHINE,
    what: 'registers again although there is an operation to poll',
    from: 'if (progress.operationId !== null) return poll(progress, progress.operationId, atMs, policy);',
    to: 'if (progress.operationId !== null && progress.attempts === 1) return poll(progress, progress.operationId, atMs, policy);',
  },
  {
    file: MACHINE,
    what: 'counts the attempts that failed in an outage',
    from: 'attemptsRefunded: progress.attemptsRefunded + refunds,',
    to: 'attemptsRefunded: progress.attemptsRefunded,',
  },
  {
    file: MACHINE,
    what: 'does not extend the deadline by an outage',
    from: 'deadlineAtMs: deadlineAtMs + atMs - excusedFromMs,',
    to: 'deadlineAtMs,',
  },
  {
    file: MACHINE,
    what: 'does not count the time held',
    from: 'heldUnderWayMs: heldUnderWayMs + atMs - heldAtMs,',
    to: 'heldUnderWayMs,',
  },
  {
    file: MACHINE,
    what: 'connects in an outage as soon as a pause is over',
    from: 'return progress.outageSinceMs === null ? connect(progress, atMs, policy) : hold(progress, atMs);',
    to: 'return connect(progress, atMs, policy);',
  },
  {
    file: MACHINE,
    what: 'holds what the service asked to pause, and could not probe when released',
    from: 'if (notBeforeMs <= atMs) return hold(progress, atMs);',
    to: 'return hold(progress, atMs);',
  },
  {
    file: MACHINE,
    what: 'reads retry-after as milliseconds',
    from: 'const askedMs = retryAfterSeconds * 1000;',
    to: 'const askedMs = retryAfterSeconds;',
  },
  {
    file: MACHINE,
    what: 'forgets to mark what may have been registered twice',
    from: "return asked === 'register' ? changed(progress, { possiblyTwice: true }) : progress;",
    to: 'return progress;',
  },
  {
    file: MACHINE,
    what: 'marks for the sake of polls',
    from: "return asked === 'register' ? changed(progress, { possiblyTwice: true }) : progress;",
    to: 'return changed(progress, { possiblyTwice: true });',
  },
  {
    file: MACHINE,
    what: 'registers again unmarked after an operation that was accepted is gone',
    from: 'pollsOfOperation: 0, possiblyTwice: true });',
    to: 'pollsOfOperation: 0 });',
  },
  {
    file: MACHINE,
    what: 'takes a 5xx, or an answer that cannot be read, for a refusal',
    from: 'return markInDoubt(changed(progress, { serverErrors: progress.serverErrors + 1 }), asked);',
    to: "return markInDoubt(changed(progress, { serverErrors: progress.serverErrors + 1 }), 'poll');",
  },
  {
    file: SETTLEMENT,
    what: 'takes errors in answer to polls for the end of the operation',
    from: '(operationId !== null && !operationFailed);',
    to: "(operationId !== null && result !== 'failed');",
  },
  {
    file: MACHINE,
    what: 'opens one connection more than allowed',
    from: 'return attempts - attemptsRefunded < policy.attemptsMax;',
    to: 'return attempts - attemptsRefunded <= policy.attemptsMax;',
  },
  {
    file: MACHINE,
    what: 'does not count polls against their limit',
    from: 'if (pollsOfOperation >= policy.pollsMax) {',
    to: 'if (pollsOfOperation < 0) {',
  },
  {
    file: MACHINE,
    what: 'repeats register requests without a permit',
    from: 'const isFirst = attempts === 1 && registersSent === 0;',
    to: 'const isFirst = attempts === 1;',
  },
  {
    file: MACHINE,
    what: 'uses a permit that has lapsed',
    from: 'return isFirst && atMs <= (subject.permitUntilMs ?? startedAtMs + permitLapseMs);',
    to: 'return isFirst;',
  },
  {
    file: MACHINE,
    what: 'keeps its place in the queue for permits after it was cancelled',
    from: 'cancelled: (state, event) => withPermitWithdrawn(cancel(state, event)),',
    to: 'cancelled: cancel,',
  },
  {
    file: MACHINE,
    what: 'does not report throttling at once',
    from: "return after(report, askAgain(throttled, answer, 'throttled', policy));",
    to: "return askAgain(throttled, answer, 'throttled', policy);",
  },
  {
    file: MACHINE,
    what: 'ends the pause that the service asked for when the connection is lost',
    from: 'const untilMs = Math.max(notBeforeMs, atMs + backoffMs(troubled, policy));',
    to: 'const untilMs = atMs + backoffMs(troubled, policy);',
  },
  {
    file: MACHINE,
    what: 'shows the refused key again in place of the next',
    from: 'changed(progress, { key: key + 1, lastTrouble })',
    to: 'changed(progress, { lastTrouble })',
  },
  {
    file: MACHINE,
    what: 'shows a refused certificate for as long as it is asked',
    from: '&& isCertificate && !certificateRetried) {',
    to: '&& isCertificate) {',
  },
  {
    file: GOVERNOR,
    what: 'does not lower the rate',
    from: 'rate * DECREASE)',
    to: 'rate)',
  },
  {
    file: GOVERNOR,
    what: 'lowers the rate for every 429 of one cool-down',
    from: 'if (atMs >= this.#coolUntilMs) {',
    to: 'if (atMs >= 0) {',
  },
  {
    file: GOVERNOR,
    what: 'ignores retry-after',
    from: 'if (retryAfterMs !== null) return Math.max(COOL_DOWN_MIN_MS, retryAfterMs);',
    to: '',
  },
  {
    file: GOVERNOR,
    what: 'never rises again',
    from: 'return Math.min(this.#ceilingPerSecond, this.#ratePerSecond + risen);',
    to: 'return Math.min(this.#ceilingPerSecond, this.#ratePerSecond);',
  },
  {
    file: GOVERNOR,
    what: 'rises above its ceiling',
    from: 'return Math.min(this.#ceilingPerSecond, this.#ratePerSecond + risen);',
    to: 'return this.#ratePerSecond + risen;',
  },
  {
    file: GOVERNOR,
    what: 'begins with what was launched, be it next to nothing',
    from: 'Math.max(this.#scalePerSecond, recentPerSecond)',
    to: 'Math.max(1, recentPerSecond)',
  },
  {
    file: GOVERNOR,
    what: 'rises near the limit as fast as far from it',
    from: 'this.#nearPerSecond = Number.isFinite(this.#ceilingPerSecond) ? this.#ceilingPerSecond : rate;',
    to: '',
  },
  {
    file: GOVERNOR,
    what: 'lowers a rate that nobody uses',
    from: 'const rate = Math.min(allowed, this.#scalePerSecond);',
    to: 'const rate = Number.isFinite(allowed) ? allowed : this.#scalePerSecond;',
  },
  {
    file: PERMITS,
    what: 'counts the permits of a second that has only begun alone',
    from: 'return Math.max(this.#second.permits, this.#second.permitsBefore);',
    to: 'return this.#second.permits;',
  },
  {
    file: PERMITS,
    what: 'catches up with lost time',
    from: 'this.#nextUs = atUs + this.#spacingUs(nowMs);',
    to: 'this.#nextUs = this.#nextUs + this.#spacingUs(nowMs);',
  },
  {
    file: PERMITS,
    what: 'rounds spacings down',
    from: 'return Math.ceil(US_PER_SECOND / this.#ratePerSecondAt(atMs));',
    to: 'return Math.floor(US_PER_SECOND / this.#ratePerSecondAt(atMs));',
  },
  {
    file: PERMITS,
    what: 'launches past those who wait',
    from: 'if (this.#queue.size > 0) return 0;',
    to: '',
  },
  {
    file: PERMITS,
    what: 'gives permits to those who left',
    from: 'leave(waiter: Waiter): void {\n    this.#queue.delete(waiter);',
    to: 'leave(_waiter: Waiter): void {',
  },
  {
    file: PERMITS,
    what: 'shortens a hold',
    from: 'this.#nextUs = Math.max(this.#nextUs, Math.ceil(atMs * US_PER_MS));',
    to: 'this.#nextUs = Math.ceil(atMs * US_PER_MS);',
  },
];
