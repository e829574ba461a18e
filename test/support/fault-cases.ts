import type { Fault, FaultPoint } from '../../src/emulator/service/fault-rule.ts';

/** What a device may send while it is troubled, as the scenario of the run sets it. */
export type CaseLimits = {
  readonly attempts: number;
  readonly requestRetries: number;
  readonly polls: number;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly pollDelayMs: number;
  readonly pollDelayMinMs: number;
  readonly retryDelayBaseMs: number;
  readonly conflictDelayMinMs: number;
  /** A longer retry-after is clamped to this. */
  readonly retryAfterMaxMs: number;
  /** Of the service's `assigning`. */
  readonly retryAfterMs: number;
};

/** How a device ends that one fault strikes, and exactly what it sends. */
export type FaultCase = {
  readonly fault: Fault;
  readonly point: FaultPoint;
  /** Strikes each device so often; `null` = always. */
  readonly times: 1 | null;
  readonly result: string;
  readonly errorCode: RegExp;
  readonly connects: number;
  readonly registers: number;
  readonly polls: number;
  /** Register requests beside these that the device sent and that never arrived. */
  readonly registersLost: number;
  /** From a request that was struck to the next one, at least. */
  readonly pauseMs: number;
};

type Sent = readonly [connects: number, registers: number, polls: number];

const NO_CODE = /^$/;
/** Bytes on their way are lost with a connection that is destroyed: it may look like either. */
const CUT = /^(closed|tcp-reset)$/;
const PLAIN: Sent = [1, 1, 1];

/** Every fault at every point where it can strike after the handshake, once and, where that differs, always. */
export function faultCases(limits: CaseLimits): readonly FaultCase[] {
  return [...connectCases(limits), ...subscribeCases(limits), ...requestCases(limits), ...assignmentCases(limits)];
}

/** One case for each fault and point: at connect and register what strikes always, at subscribe and poll what strikes once. */
export function someFaultCases(limits: CaseLimits): readonly FaultCase[] {
  const isTelling = ({ point, times }: FaultCase): boolean =>
    (times === null) === (point === 'connect' || point === 'register');
  const byPlace = new Map<string, FaultCase>();
  for (const one of faultCases(limits)) {
    const place = `${one.fault.kind} at ${one.point}`;
    const chosen = byPlace.get(place);
    if (chosen === undefined || (isTelling(one) && !isTelling(chosen))) byPlace.set(place, one);
  }
  return [...byPlace.values()];
}

export function describeCase({ fault, point, times }: FaultCase): string {
  const { kind, ...details } = fault;
  const how = Object.values(details).join(' ');
  return `${kind}${how === '' ? '' : ` (${how})`} at ${point}, ${times === null ? 'always' : 'once'}`;
}

function connectCases({ attempts, connectTimeoutMs }: CaseLimits): readonly FaultCase[] {
  const strikes = (fault: Fault) => new Strikes(fault, 'connect', 0);
  const again: Sent = [2, 1, 1];
  const never: Sent = [attempts, 0, 0];
  const refusals = ([1, 2, 4, 5] as const).map((returnCode) =>
    strikes({ kind: 'refuse-connect', returnCode }).always([1, 0, 0], 'refused', new RegExp(`^connack-${returnCode}$`)),
  );
  const busy = strikes({ kind: 'refuse-connect', returnCode: 3 });
  return [
    ...refusals,
    busy.once(again),
    busy.always(never, 'disconnected', /^connack-3$/),
    strikes({ kind: 'slow-connack', delayMs: connectTimeoutMs / 2 }).always(PLAIN),
    strikes({ kind: 'slow-connack', delayMs: connectTimeoutMs * 2 }).once(again),
    strikes({ kind: 'lose-connack' }).once(again),
    strikes({ kind: 'lose-connack' }).always(never, 'timed-out', /^no-connack$/),
    strikes({ kind: 'stall' }).once(again),
    strikes({ kind: 'stall' }).always(never, 'timed-out', /^no-connack$/),
    strikes({ kind: 'disconnect', when: 'before' }).once(again),
    strikes({ kind: 'disconnect', when: 'before' }).always(never, 'disconnected', CUT),
    strikes({ kind: 'disconnect', when: 'after' }).once(again),
    strikes({ kind: 'disconnect', when: 'after' }).always(never, 'disconnected', CUT),
    strikes({ kind: 'outage' }).once(again),
    strikes({ kind: 'fragment', bytes: 16, pauseMs: 1 }).always(PLAIN),
  ];
}

function subscribeCases({ attempts }: CaseLimits): readonly FaultCase[] {
  const strikes = (fault: Fault) => new Strikes(fault, 'subscribe', 0);
  const again: Sent = [2, 1, 1];
  return [
    strikes({ kind: 'refuse-subscription' }).always([1, 0, 0], 'refused', /^suback-refused$/),
    strikes({ kind: 'lose-suback' }).once(again),
    strikes({ kind: 'lose-suback' }).always([attempts, 0, 0], 'timed-out', /^no-suback$/),
    strikes({ kind: 'stall' }).once(again),
    strikes({ kind: 'disconnect', when: 'before' }).once(again),
    // The device has its SUBACK, and registers into a connection that is closed.
    { ...strikes({ kind: 'disconnect', when: 'after' }).once(again), registersLost: 1 },
    strikes({ kind: 'outage' }).once(again),
    strikes({ kind: 'fragment', bytes: 16, pauseMs: 1 }).always(PLAIN),
  ];
}

/**
 * Register requests and polls. Sent again after a register request whose fate is unknown: that request; after a poll: the poll,
 * since the operation is known.
 */
function requestCases(limits: CaseLimits): readonly FaultCase[] {
  return (['register', 'poll'] as const).flatMap((point) => [
    ...silentCases(point, limits),
    ...answeredCases(point, limits),
    ...errorCases(point, limits),
  ]);
}

/** What one more of these requests makes of the usual conversation. */
function sent(point: 'register' | 'poll', connects: number, requests: number): Sent {
  return point === 'register' ? [connects, requests, 1] : [connects, 1, requests];
}

/** As `sent`, of a device that is never answered. */
function sentInVain(point: 'register' | 'poll', connects: number, requests: number): Sent {
  return point === 'register' ? [connects, requests, 0] : [connects, 1, requests];
}

function silentCases(point: 'register' | 'poll', limits: CaseLimits): readonly FaultCase[] {
  const { attempts, responseTimeoutMs, retryDelayBaseMs, retryAfterMs } = limits;
  const strikes = (fault: Fault) => new Strikes(fault, point, responseTimeoutMs);
  const cuts = (fault: Fault) => new Strikes(fault, point, retryDelayBaseMs);
  // Whoever hears the late answer on the next connection may act on it no more: it carries an earlier request's ID.
  const late = strikes({ kind: 'delay-answer', delayMs: responseTimeoutMs * 2 });
  const again = sent(point, 2, 2);
  const inVain = sentInVain(point, attempts, attempts);
  const answeredThenCut = new Strikes({ kind: 'disconnect', when: 'after' }, point, retryAfterMs);
  return [
    strikes({ kind: 'lose-request' }).once(again),
    strikes({ kind: 'lose-request' }).always(inVain, 'timed-out', /^no-answer$/),
    strikes({ kind: 'lose-answer' }).once(again),
    strikes({ kind: 'lose-answer' }).always(inVain, 'timed-out', /^no-answer$/),
    strikes({ kind: 'stall' }).once(again),
    late.once(again),
    strikes({ kind: 'reorder-answer' }).once(again),
    strikes({ kind: 'foreign-request-id' }).once(again),
    strikes({ kind: 'malform-answer', form: 'unknown-topic' }).once(again),
    cuts({ kind: 'disconnect', when: 'before' }).once(again),
    cuts({ kind: 'disconnect', when: 'before' }).always(inVain, 'disconnected', CUT),
    cuts({ kind: 'disconnect', when: 'after-puback' }).once(again),
    cuts({ kind: 'outage' }).once(again),
    // The answer was heard: what is left is to poll, from another connection and no sooner than it said; or nothing.
    answeredThenCut.always(point === 'register' ? [2, 1, 1] : PLAIN),
  ];
}

function answeredCases(point: 'register' | 'poll', limits: CaseLimits): readonly FaultCase[] {
  const { requestRetries, responseTimeoutMs, retryDelayBaseMs, retryAfterMs } = limits;
  const strikes = (fault: Fault, pauseMs = retryAfterMs) => new Strikes(fault, point, pauseMs);
  const malformed = (form: Extract<Fault, { kind: 'malform-answer' }>['form']) =>
    strikes({ kind: 'malform-answer', form }, retryDelayBaseMs);
  const everMalformed = sentInVain(point, 1, requestRetries + 1);
  return [
    strikes({ kind: 'lose-puback' }).always(PLAIN),
    strikes({ kind: 'duplicate-answer' }).always(PLAIN),
    strikes({ kind: 'delay-answer', delayMs: responseTimeoutMs / 2 }).always(PLAIN),
    strikes({ kind: 'fragment', bytes: 16, pauseMs: 1 }).always(PLAIN),
    ...(['no-json', 'truncated', 'empty', 'no-status'] as const).map((form) => malformed(form).once(sent(point, 1, 2))),
    malformed('no-json').always(everMalformed, 'failed', /^malformed-answer$/),
    ...retryAfters(limits).map(([value, pauseMs]) => strikes({ kind: 'retry-after', value }, pauseMs).always(PLAIN)),
  ];
}

/** What may stand on the topic, and how long it is waited for. */
function retryAfters(limits: CaseLimits): readonly (readonly [value: string | null, pauseMs: number])[] {
  const { pollDelayMs, pollDelayMinMs, retryAfterMaxMs } = limits;
  return [
    [null, pollDelayMs],
    ['soon', pollDelayMs],
    ['-1', pollDelayMs],
    ['0', pollDelayMinMs],
    ['3600', retryAfterMaxMs],
  ];
}

function errorCases(point: 'register' | 'poll', limits: CaseLimits): readonly FaultCase[] {
  const { requestRetries, retryDelayBaseMs, conflictDelayMinMs, retryAfterMaxMs } = limits;
  const strikes = (errorCode: number, retryAfterSeconds: number | null, pauseMs: number) =>
    new Strikes({ kind: 'error-answer', errorCode, retryAfterSeconds }, point, pauseMs);
  const again = sent(point, 1, 2);
  const ever = sentInVain(point, 1, requestRetries + 1);
  const final = sentInVain(point, 1, 1);
  const longest = retryAfterMaxMs / 1_000;
  return [
    strikes(429_001, longest, retryAfterMaxMs).once(again),
    strikes(429_001, null, retryDelayBaseMs).always(ever, 'throttled', /^429001$/),
    strikes(429_001, 0, retryDelayBaseMs).always(ever, 'throttled', /^429001$/),
    strikes(500_000, null, retryDelayBaseMs).once(again),
    strikes(500_000, null, retryDelayBaseMs).always(ever, 'failed', /^500000$/),
    strikes(503_000, longest, retryAfterMaxMs).once(again),
    strikes(409_203, null, conflictDelayMinMs).once(again),
    strikes(400_000, null, 0).always(final, 'failed', /^400000$/),
    strikes(401_000, null, 0).always(final, 'refused', /^401000$/),
    strikes(401_002, null, 0).always(final, 'refused', /^401002$/),
    strikes(404_201, null, 0).always(final, 'failed', /^404201$/),
    ...(point === 'poll'
      ? [
          // The operation is gone: only now is it right to register again.
          strikes(404_203, null, retryDelayBaseMs).once([1, 2, 2]),
          strikes(404_203, null, retryDelayBaseMs).always(
            [1, requestRetries + 1, requestRetries + 1],
            'failed',
            /^404203$/,
          ),
        ]
      : []),
  ];
}

function assignmentCases({ polls, retryAfterMs }: CaseLimits): readonly FaultCase[] {
  const strikes = (fault: Fault) => new Strikes(fault, 'assignment', retryAfterMs);
  return [
    strikes({ kind: 'endless-assigning' }).always([1, 1, polls], 'timed-out', /^polls-exhausted$/),
    strikes({ kind: 'slow-assignment', delayMs: retryAfterMs * 1.5 }).always([1, 1, 2]),
    strikes({ kind: 'fail-assignment', errorCode: 400_207, errorMessage: 'by a fault' }).always(
      PLAIN,
      'failed',
      /^400207$/,
    ),
  ];
}

class Strikes {
  readonly #fault: Fault;
  readonly #point: FaultPoint;
  readonly #pauseMs: number;

  constructor(fault: Fault, point: FaultPoint, pauseMs: number) {
    this.#fault = fault;
    this.#point = point;
    this.#pauseMs = pauseMs;
  }

  /** One strike is always survived. */
  once(requests: Sent): FaultCase {
    return this.#case(1, requests, 'assigned', NO_CODE);
  }

  always(requests: Sent, result = 'assigned', errorCode = NO_CODE): FaultCase {
    return this.#case(null, requests, result, errorCode);
  }

  #case(times: 1 | null, [connects, registers, polls]: Sent, result: string, errorCode: RegExp): FaultCase {
    const [fault, point, pauseMs] = [this.#fault, this.#point, this.#pauseMs];
    return { fault, point, times, result, errorCode, connects, registers, polls, registersLost: 0, pauseMs };
  }
}
