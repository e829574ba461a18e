import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONNECTION_FAILURE_CODES } from '../../src/conversation/connection-failure.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';
import { begin, step } from '../../src/registration/registration-machine.ts';
import { REGISTRATION_POLICY_DEFAULT, type RegistrationPolicy } from '../../src/registration/registration-policy.ts';
import type {
  RegistrationCommand,
  RegistrationEnding,
  RegistrationEvent,
  RegistrationState,
} from '../../src/registration/registration-state.ts';
import { demand } from '../support/demand.ts';

const SUBJECT = { registrationId: 'dev-1', keys: 1, seed: 1, permitUntilMs: null };
const OPERATION = '5.0123456789abcdef.a';
const ACCEPTED = `{"operationId":"${OPERATION}","status":"assigning"}`;
const ASSIGNED = `{"operationId":"${OPERATION}","status":"assigned","registrationState":{"assignedHub":"hub-a","deviceId":"dev-1","substatus":"initialAssignment","createdDateTimeUtc":"C","lastUpdatedDateTimeUtc":"U","payload":{"a":1}}}`;
const GONE = '{"errorCode":404203,"message":"Operation not found.","trackingId":"T"}';

type Event = RegistrationEvent extends infer E ? (E extends unknown ? Omit<E, 'atMs'> : never) : never;

/** A registration led by hand: each event comes `afterMs` later than the one before. */
class Walk {
  atMs = 1000;
  state: RegistrationState;
  commands: readonly RegistrationCommand[];
  readonly policy: RegistrationPolicy;

  constructor(policy: Partial<RegistrationPolicy> = {}, keys = 1, permitUntilMs: number | null = null) {
    this.policy = { ...REGISTRATION_POLICY_DEFAULT, ...policy };
    ({ state: this.state, commands: this.commands } = begin(
      { ...SUBJECT, keys, permitUntilMs },
      this.atMs,
      this.policy,
    ));
  }

  on(event: Event, afterMs = 10): this {
    this.atMs += afterMs;
    const timed = { ...event, atMs: this.atMs } as RegistrationEvent;
    ({ state: this.state, commands: this.commands } = step(this.state, timed, this.policy));
    return this;
  }

  connect(): this {
    return this.on({ type: 'tcpConnected' }).on({ type: 'secured' }).on({ type: 'connected' }).on({ type: 'ready' });
  }

  /** The answer to the request in flight. */
  answer(status: number, payload: string, retryAfter: number | null = null): this {
    return this.on(answer(status, payload, retryAfter));
  }

  lose(code: (typeof CONNECTION_FAILURE_CODES)[number] = 'closed'): this {
    return this.on({ type: 'lost', failure: { code, message: 'M' } });
  }

  /** Time goes on until the machine wants to be woken. */
  wake(): this {
    return this.on({ type: 'woke' }, (this.state.wakeAtMs ?? this.atMs) - this.atMs);
  }

  get waitsMs(): number | null {
    return this.state.wakeAtMs === null ? null : this.state.wakeAtMs - this.atMs;
  }

  get ending(): RegistrationEnding {
    const finish = this.commands.find((command) => command.type === 'finish');
    if (finish === undefined) throw new Error(`not finished: ${this.state.phase}`);
    return finish.ending;
  }
}

function answer(status: number, payload: string, retryAfterSeconds: number | null): Event {
  return { type: 'answered', status, retryAfterSeconds, body: parseAnswerBody(payload) };
}

/** A place that a registration can be at, and the way there. */
const PLACES = {
  connecting: () => new Walk(),
  awaitingReady: () => new Walk().on({ type: 'connected' }),
  registering: () => new Walk().connect(),
  polling: () => new Walk().connect().answer(202, ACCEPTED, 3).wake(),
  pausingToPoll: () => new Walk().connect().answer(202, ACCEPTED, 3),
  pausingToRegister: () => new Walk().connect().answer(429, '', 3),
  pausingToReconnect: () => new Walk().lose(),
  pausingAsAsked: () => new Walk().connect().answer(202, ACCEPTED, 3).lose(),
  awaitingPermit: () => new Walk({ permitLapseMs: 1_000 }).connect().answer(500, '', 3).wake(),
  held: () => new Walk().lose().on({ type: 'outageBegan', sinceMs: 1_000 }),
  done: () => new Walk().connect().answer(200, ASSIGNED),
} as const;

type Place = keyof typeof PLACES;
type EventName = RegistrationEvent['type'];

const EVENTS: Readonly<Record<EventName, Event>> = {
  resolved: { type: 'resolved' },
  tcpConnected: { type: 'tcpConnected' },
  secured: { type: 'secured' },
  connected: { type: 'connected' },
  ready: { type: 'ready' },
  answered: answer(200, ASSIGNED, null),
  stale: { type: 'stale' },
  lost: { type: 'lost', failure: { code: 'closed', message: 'M' } },
  unsent: { type: 'unsent', failure: { code: 'tcp-failed', message: 'M' } },
  woke: { type: 'woke' },
  permitGranted: { type: 'permitGranted', validUntilMs: Number.MAX_SAFE_INTEGER },
  outageBegan: { type: 'outageBegan', sinceMs: 1_000 },
  outageEnded: { type: 'outageEnded' },
  released: { type: 'released' },
  cancelled: { type: 'cancelled' },
};

const NOTHING = 'stays';
const CHANGED = 'stays, changes';
const RECONNECT = 'pausing, then reconnect: reportLost, closeConversation';
const CANCELLED = 'done: closeConversation, finish cancelled';
/** An answer that belongs to no request in flight. */
const DROPPED = 'stays, drops';

/** `woke` comes when the machine has asked for it. */
const CELLS: Readonly<Record<Place, Readonly<Record<EventName, string>>>> = {
  connecting: {
    resolved: 'stays, measures',
    tcpConnected: 'stays, measures',
    secured: 'stays, measures',
    connected: 'awaitingReady',
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: RECONNECT,
    unsent: NOTHING,
    woke: RECONNECT,
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  awaitingReady: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: 'awaitingAnswer: register',
    answered: NOTHING,
    stale: DROPPED,
    lost: RECONNECT,
    unsent: NOTHING,
    woke: RECONNECT,
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  registering: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: 'done: closeConversation, finish assigned',
    stale: DROPPED,
    lost: RECONNECT,
    unsent: RECONNECT,
    woke: RECONNECT,
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  polling: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: 'done: closeConversation, finish assigned',
    stale: DROPPED,
    lost: RECONNECT,
    unsent: RECONNECT,
    woke: RECONNECT,
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  pausingToPoll: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: RECONNECT,
    unsent: NOTHING,
    woke: 'awaitingAnswer: poll',
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  pausingToRegister: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: RECONNECT,
    unsent: NOTHING,
    woke: 'awaitingAnswer: register',
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  pausingToReconnect: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: NOTHING,
    unsent: NOTHING,
    woke: 'connecting: openConversation',
    permitGranted: NOTHING,
    outageBegan: 'held: closeConversation, reportHold',
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  pausingAsAsked: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: NOTHING,
    unsent: NOTHING,
    woke: 'connecting: openConversation',
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: CANCELLED,
  },
  awaitingPermit: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: DROPPED,
    lost: 'pausing, then reconnect: withdrawPermit, reportLost, closeConversation',
    unsent: NOTHING,
    woke: 'done: withdrawPermit, closeConversation, finish timed-out',
    permitGranted: 'awaitingAnswer: register',
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: NOTHING,
    cancelled: 'done: withdrawPermit, closeConversation, finish cancelled',
  },
  held: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: NOTHING,
    lost: NOTHING,
    unsent: NOTHING,
    woke: NOTHING,
    permitGranted: NOTHING,
    outageBegan: CHANGED,
    outageEnded: CHANGED,
    released: 'connecting: reportHold, openConversation',
    cancelled: 'done: reportHold, closeConversation, finish cancelled',
  },
  done: {
    resolved: NOTHING,
    tcpConnected: NOTHING,
    secured: NOTHING,
    connected: NOTHING,
    ready: NOTHING,
    answered: NOTHING,
    stale: NOTHING,
    lost: NOTHING,
    unsent: NOTHING,
    woke: NOTHING,
    permitGranted: NOTHING,
    outageBegan: NOTHING,
    outageEnded: NOTHING,
    released: NOTHING,
    cancelled: NOTHING,
  },
};

function describeCommand(command: RegistrationCommand): string {
  return command.type === 'finish' ? `finish ${command.ending.result}` : command.type;
}

function describeStep(before: RegistrationState, { state, commands }: Walk): string {
  if (state.phase === before.phase && commands.length === 0) {
    if (state === before) return NOTHING;
    if (state.progress.staleAnswers === before.progress.staleAnswers + 1) return DROPPED;
    return state.progress.milestoneAtMs > before.progress.milestoneAtMs ? 'stays, measures' : 'stays, changes';
  }
  const then = state.phase === 'pausing' ? `, then ${state.then}` : '';
  return [`${state.phase}${then}`, commands.map(describeCommand).join(', ')].filter(Boolean).join(': ');
}

describe('every phase and every event', () => {
  const cells = Object.entries(CELLS).flatMap(([place, row]) =>
    Object.entries(row).map(([event, expected]) => [place as Place, event as EventName, expected] as const),
  );

  it.each(cells)('%s, %s: %s', (place, event, expected) => {
    const walk = PLACES[place]();
    const before = walk.state;
    if (event === 'woke') walk.wake();
    else walk.on(EVENTS[event]);
    expect(describeStep(before, walk)).toBe(expected);
  });

  it.each(Object.keys(CELLS) as Place[])('%s: a timer that fires early changes nothing', (place) => {
    const walk = PLACES[place]();
    const before = walk.state;
    walk.on({ type: 'woke' }, (walk.waitsMs ?? 2) - 1);
    expect(walk.state).toBe(before);
    expect(walk.commands).toEqual([]);
  });

  it.each(
    (Object.keys(CELLS) as Place[]).filter((place) => place !== 'done' && place !== 'held'),
  )('%s: the deadline ends it', (place) => {
    const walk = PLACES[place]();
    walk.on({ type: 'woke' }, walk.policy.deadlineMs);
    expect(walk.state.phase).toBe('done');
    expect(walk.ending).toMatchObject(
      place === 'pausingToRegister'
        ? { result: 'throttled', errorCode: '429' }
        : { result: 'timed-out', errorCode: 'deadline' },
    );
  });
});

const ERROR = '{"errorCode":1,"message":"M","trackingId":"T"}';

describe('a refusal of the credentials', () => {
  const WRONG_KEY = '{"errorCode":401000,"message":"Unauthorized","trackingId":"T"}';
  const WRONG_CERTIFICATE = '{"errorCode":401002,"message":"Invalid certificate.","trackingId":"T"}';

  it('brings the next key, on a connection of its own, at once', () => {
    const walk = new Walk({}, 2).connect().answer(401, WRONG_KEY);
    expect([walk.commands, walk.waitsMs]).toEqual([[{ type: 'closeConversation' }], 0]);
    expect(walk.wake().commands).toEqual([{ type: 'openConversation', key: 1 }]);
    expect(walk.connect().answer(200, ASSIGNED).ending).toMatchObject({
      result: 'assigned',
      errorCode: 'secondary-key',
      registersSent: 2,
      attempts: 2,
      possiblyTwice: false,
    });
  });

  it('brings the next key after retry-after, where the service names one', () => {
    expect(new Walk({}, 2).connect().answer(401, WRONG_KEY, 9).waitsMs).toBe(9_000);
  });

  it.each([
    ['there is no other key', {}, 1, WRONG_KEY],
    ['no connection is left', { attemptsMax: 1 }, 2, WRONG_KEY],
    ['a certificate that was refused may not be shown again', {}, 1, WRONG_CERTIFICATE],
    ['it is not the certificate that was refused', { retriesInvalidCertificate: true }, 1, WRONG_KEY],
  ])('is final when %s', (_when, policy, keys, body) => {
    expect(new Walk(policy, keys).connect().answer(401, body).ending.result).toBe('refused');
  });

  it('is final when the last key is refused', () => {
    const walk = new Walk({}, 2).connect().answer(401, WRONG_KEY).wake().connect().answer(401, WRONG_KEY);
    expect(walk.ending).toMatchObject({ result: 'refused', errorCode: '401000', registersSent: 2 });
  });

  it('of a certificate is retried once after a pause, where the policy allows it', () => {
    const walk = new Walk({ retriesInvalidCertificate: true }).connect().answer(401, WRONG_CERTIFICATE);
    expect(walk.waitsMs).toBeGreaterThanOrEqual(REGISTRATION_POLICY_DEFAULT.retryDelayBaseMs);
    expect(walk.wake().commands).toEqual([{ type: 'openConversation', key: 0 }]);
    expect(walk.connect().answer(401, WRONG_CERTIFICATE).ending).toMatchObject({ result: 'refused', attempts: 2 });
  });

  it('does not forget the operation that is there to be polled', () => {
    const walk = new Walk({}, 2).connect().answer(202, ACCEPTED).wake().answer(401, WRONG_KEY).wake().connect();
    expect(walk.commands).toEqual([{ type: 'poll', operationId: OPERATION }]);
  });
});

describe('every answer to the request in flight', () => {
  const REGISTER_AGAIN = 'pausing, then ask, then register';
  const POLL_NEXT = 'pausing, then ask, then poll';

  it.each([
    ['registering', 202, ACCEPTED, POLL_NEXT],
    ['registering', 200, ASSIGNED, 'finish assigned'],
    ['registering', 202, ASSIGNED, 'finish assigned'],
    ['registering', 200, '{"status":"failed"}', 'finish failed'],
    ['registering', 200, '{"status":"disabled"}', 'finish disabled'],
    ['registering', 400, ERROR, 'finish failed'],
    ['registering', 401, ERROR, 'finish refused'],
    ['registering', 404, ERROR, 'finish failed'],
    ['registering', 404, GONE, 'finish failed'],
    ['registering', 409, ERROR, REGISTER_AGAIN],
    ['registering', 429, ERROR, REGISTER_AGAIN],
    ['registering', 500, ERROR, REGISTER_AGAIN],
    ['registering', 202, '{', REGISTER_AGAIN],
    ['polling', 202, ACCEPTED, POLL_NEXT],
    ['polling', 202, '{"status":"assigning"}', POLL_NEXT],
    ['polling', 200, ASSIGNED, 'finish assigned'],
    ['polling', 200, '{"status":"failed"}', 'finish failed'],
    ['polling', 200, '{"status":"disabled"}', 'finish disabled'],
    ['polling', 400, ERROR, 'finish failed'],
    ['polling', 401, ERROR, 'finish refused'],
    ['polling', 404, ERROR, 'finish failed'],
    ['polling', 404, GONE, REGISTER_AGAIN],
    ['polling', 409, ERROR, POLL_NEXT],
    ['polling', 429, ERROR, POLL_NEXT],
    ['polling', 500, ERROR, POLL_NEXT],
    ['polling', 200, '{', POLL_NEXT],
  ] as const)('%s, %i %s: %s', (place, status, payload, expected) => {
    const walk = PLACES[place]().answer(status, payload);
    if (expected.startsWith('finish')) {
      expect(walk.state.phase).toBe('done');
      expect(walk.commands.map(describeCommand)).toEqual(['closeConversation', expected]);
    } else {
      const { state } = walk;
      const then = state.phase === 'pausing' ? `pausing, then ${state.then}` : state.phase;
      expect(`${then}, then ${walk.wake().commands.map(describeCommand)}`).toBe(expected);
    }
  });
});

describe('an outcome', () => {
  it('of an assignment holds what the service said, and the lengths of the phases', () => {
    const walk = new Walk()
      .on({ type: 'resolved' }, 64)
      .on({ type: 'tcpConnected' }, 1)
      .on({ type: 'secured' }, 2)
      .on({ type: 'connected' }, 4)
      .on({ type: 'ready' }, 8)
      .on(answer(202, ACCEPTED, 3), 16)
      .wake()
      .on(answer(200, ASSIGNED, null), 32);
    expect(walk.ending).toEqual({
      result: 'assigned',
      assignedHub: 'hub-a',
      deviceId: 'dev-1',
      substatus: 'initialAssignment',
      attempts: 1,
      registersSent: 1,
      possiblyTwice: false,
      polls: 1,
      throttles: 0,
      serverErrors: 0,
      staleAnswers: 0,
      retryAftersClamped: 0,
      errorCode: null,
      errorMessage: null,
      trackingId: null,
      operationId: OPERATION,
      operationFailed: false,
      serviceCreatedAt: 'C',
      serviceUpdatedAt: 'U',
      startedAtMs: 1000,
      finishedAtMs: 1000 + 64 + 31 + 3000 + 32,
      waitedMs: 3000,
      heldUnderWayMs: 0,
      phases: { dnsMs: 64, tcpMs: 1, tlsMs: 2, connackMs: 4, subackMs: 8, acceptedMs: 16, assignedMs: 3032 },
      returnedPayload: '{"a":1}',
    });
  });

  it('measures the last register request, not one before it', () => {
    const walk = new Walk().connect().answer(429, ERROR, 1);
    expect(walk.state.progress.phases.acceptedMs).toBe(10);
    expect(walk.wake().on({ type: 'cancelled' }).ending.phases.acceptedMs).toBeNull();
  });

  it('measures the last connection, and the assignment over all of them', () => {
    const walk = new Walk({ pollDelayMinMs: 0 }).connect().answer(202, ACCEPTED, 0).wake().lose('closed');
    const brokenAtMs = walk.atMs;
    expect(walk.wake().state.progress.phases).toMatchObject({
      dnsMs: null,
      tcpMs: null,
      tlsMs: null,
      connackMs: null,
      subackMs: null,
    });
    walk.on({ type: 'tcpConnected' }, 70).on(EVENTS.connected).on(EVENTS.ready).answer(200, ASSIGNED);
    expect(walk.ending.phases).toMatchObject({ tcpMs: 70, acceptedMs: 10, assignedMs: 10 + walk.atMs - brokenAtMs });
  });

  it('of a refusal holds code, message and tracking ID, and no hub', () => {
    const body = '{"errorCode":401002,"message":"M","trackingId":"T","registrationState":{"assignedHub":"hub-x"}}';
    expect(new Walk().connect().answer(401, body).ending).toMatchObject({
      result: 'refused',
      errorCode: '401002',
      errorMessage: 'M',
      trackingId: 'T',
      assignedHub: null,
    });
  });

  it('of a failed operation holds the times and the error of its record', () => {
    const state = '{"errorCode":400207,"errorMessage":"webhook","createdDateTimeUtc":"C","lastUpdatedDateTimeUtc":"U"}';
    const walk = PLACES.polling().answer(200, `{"status":"failed","registrationState":${state}}`);
    expect(walk.ending).toMatchObject({
      result: 'failed',
      errorCode: '400207',
      errorMessage: 'webhook',
      operationId: OPERATION,
      serviceCreatedAt: 'C',
      serviceUpdatedAt: 'U',
      phases: { assignedMs: null },
    });
  });

  it.each(CONNECTION_FAILURE_CODES)('of %s is final, or comes after the last attempt', (code) => {
    const walk = new Walk({ attemptsMax: 3 }).lose(code);
    const final = walk.state.phase === 'done';
    while (walk.state.phase !== 'done') walk.wake().lose(code);
    expect(walk.ending).toMatchObject({
      result: final ? 'refused' : 'disconnected',
      errorCode: code,
      errorMessage: 'M',
      attempts: final ? 1 : 3,
    });
  });

  it.each([
    ['no-connack', (walk: Walk) => walk.wake()],
    ['no-suback', (walk: Walk) => walk.on({ type: 'connected' }).wake()],
    ['no-answer', (walk: Walk) => walk.connect().wake()],
  ])('of %s comes after the last attempt', (errorCode, attempt) => {
    const walk = attempt(new Walk({ attemptsMax: 2 }));
    expect(walk.state.phase).toBe('pausing');
    attempt(walk.wake());
    expect(walk.ending).toMatchObject({ result: 'timed-out', errorCode, attempts: 2 });
  });

  it('of a deadline names the last trouble', () => {
    const walk = new Walk().lose('connack-3').on({ type: 'woke' }, 300_000);
    expect(walk.ending.errorMessage).toBe('Not finished within 300 s; last trouble: connack-3 M');
    const quiet = new Walk().on({ type: 'woke' }, 300_000);
    expect(quiet.ending.errorMessage).toBe('Not finished within 300 s');
  });

  it('of a deadline does not name a trouble that was overcome', () => {
    const walk = new Walk().connect().answer(429, ERROR, 1).wake().answer(202, ACCEPTED, 100);
    expect(walk.on({ type: 'woke' }, 300_000).ending).toMatchObject({
      result: 'timed-out',
      errorMessage: 'Not finished within 300 s',
    });
  });

  it('of a last attempt that broke while a 429 was waited out is throttled', () => {
    const walk = new Walk({ attemptsMax: 1 }).connect().answer(429, '{"errorCode":429001}', 5).lose();
    expect(walk.ending).toMatchObject({ result: 'throttled', errorCode: '429001' });
  });

  it('of a last attempt that broke while the service worked is disconnected', () => {
    const walk = new Walk({ attemptsMax: 1 }).connect().answer(202, ACCEPTED, 5).lose();
    expect(walk.ending).toMatchObject({ result: 'disconnected', errorCode: 'closed', operationId: OPERATION });
  });

  it('of endless assigning comes after the last poll', () => {
    const walk = new Walk({ pollsMax: 3 }).connect().answer(202, ACCEPTED, 1);
    for (let poll = 1; poll <= 3; poll++) walk.wake().answer(202, ACCEPTED, 1);
    expect(walk.wake().ending).toMatchObject({ result: 'timed-out', errorCode: 'polls-exhausted', polls: 3 });
  });

  it.each([
    [429, '{"errorCode":429001}', 'throttled', '429001', { throttles: 3, serverErrors: 0 }],
    [503, '{"errorCode":503000}', 'failed', '503000', { throttles: 0, serverErrors: 3 }],
    [409, '{"errorCode":409203}', 'failed', '409203', { throttles: 0, serverErrors: 0 }],
    [202, '{', 'failed', 'malformed-answer', { throttles: 0, serverErrors: 3 }],
  ])('of %i without end comes after the last repeated request', (status, body, result, errorCode, counts) => {
    const walk = new Walk({ requestRetriesMax: 2 }).connect().answer(status, body);
    walk.wake().answer(status, body).wake().answer(status, body);
    expect(walk.ending).toMatchObject({ result, errorCode, registersSent: 3, ...counts });
  });

  it('of a service that forgets each operation comes after the last repeated request', () => {
    const walk = new Walk({ requestRetriesMax: 2 }).connect();
    for (let round = 1; round <= 3; round++) walk.answer(202, ACCEPTED, 0).wake().answer(404, GONE).wake();
    expect(walk.state.phase).toBe('done');
    expect(walk.state.progress).toMatchObject({ registersSent: 3, polls: 3 });
  });

  it('counts the pause of a late timer only as long as it was asked for', () => {
    const walk = PLACES.pausingToPoll().on({ type: 'woke' }, 3500).answer(200, ASSIGNED);
    expect(walk.ending.waitedMs).toBe(3000);
  });

  it.each([
    ['cancelled', (walk: Walk) => walk.on({ type: 'cancelled' }, 1200), 1200],
    ['lost', (walk: Walk) => walk.lose().on({ type: 'cancelled' }, 0), 10],
    ['past the deadline', (walk: Walk) => walk.on({ type: 'woke' }, 300_000), 3000],
  ])('counts a pause that was %s as long as it lasted', (_how, end, waitedMs) => {
    expect(end(PLACES.pausingToPoll()).ending.waitedMs).toBe(waitedMs);
  });
});

describe('pauses', () => {
  it('are none where the service asks for none and the policy allows it', () => {
    const walk = new Walk({ pollDelayMinMs: 0 }).connect().answer(202, ACCEPTED, 0);
    expect(walk.waitsMs).toBe(0);
  });

  it.each([
    ['registering', 202, ACCEPTED, 100],
    ['registering', 429, ERROR, 1000],
    ['registering', 500, ERROR, 1000],
    ['registering', 202, '{', 1000],
    ['registering', 409, ERROR, 1000],
    ['polling', 202, ACCEPTED, 100],
    ['polling', 429, ERROR, 1000],
    ['polling', 500, ERROR, 1000],
    ['polling', 404, GONE, 1000],
  ] as const)('%s, %i %s: last as long as the service asked, and where that is nothing %i ms', (place, status, payload, leastMs) => {
    expect(PLACES[place]().answer(status, payload, 7).waitsMs).toBe(7000);
    expect(PLACES[place]().answer(status, payload, 0).waitsMs).toBe(leastMs);
  });

  it('are clamped and counted when they are too long', () => {
    const walk = PLACES.registering().answer(202, ACCEPTED, 121);
    expect(walk.waitsMs).toBe(120_000);
    expect(walk.state.progress.retryAftersClamped).toBe(1);
    expect(PLACES.registering().answer(202, ACCEPTED, 120).state.progress.retryAftersClamped).toBe(0);
  });

  it('are those of the policy where the service asks for none', () => {
    expect(PLACES.registering().answer(202, ACCEPTED).waitsMs).toBe(2000);
    const conflict = PLACES.registering().answer(409, ERROR).waitsMs;
    expect(conflict).toBeGreaterThanOrEqual(1000);
    expect(conflict).toBeLessThan(10_000);
    const throttled = PLACES.registering().answer(429, ERROR).waitsMs;
    expect(throttled).toBeGreaterThanOrEqual(1000);
    expect(throttled).toBeLessThan(2000);
  });

  it('grow with every trouble in a row, and start anew after progress', () => {
    const walk = new Walk({ retryDelayBaseMs: 1, retryDelayMaxMs: 1e9, deadlineMs: 1e9 }).connect();
    for (let trouble = 1; trouble <= 20; trouble++) walk.answer(429, ERROR).wake();
    expect(walk.answer(429, ERROR).waitsMs).toBeGreaterThan(1000);
    expect(walk.wake().answer(202, ACCEPTED, 1).wake().answer(500, ERROR).waitsMs).toBeLessThan(2);
  });

  it('are drawn anew each time', () => {
    const walk = new Walk({ retryDelayMaxMs: 2_000 }).connect();
    const waits = [1, 2, 3, 4, 5].map(() => {
      const { waitsMs } = walk.answer(429, ERROR);
      walk.wake();
      return waitsMs;
    });
    expect(new Set(waits).size).toBe(5);
  });

  it('are not shortened by a lost connection', () => {
    const walk = new Walk().connect().answer(429, ERROR, 100).lose();
    expect(walk.waitsMs).toBe(100_000 - 10);
  });

  it('differ from device to device, and are the same for the same seed', () => {
    const waits = (registrationId: string, seed: number) =>
      step(
        begin({ ...SUBJECT, registrationId, seed }, 0, REGISTRATION_POLICY_DEFAULT).state,
        { type: 'lost', atMs: 1, failure: { code: 'closed', message: 'M' } },
        REGISTRATION_POLICY_DEFAULT,
      ).state.wakeAtMs;
    expect(waits('dev-1', 1)).toBe(waits('dev-1', 1));
    expect(waits('dev-1', 1)).not.toBe(waits('dev-2', 1));
    expect(waits('dev-1', 1)).not.toBe(waits('dev-1', 2));
  });

  it('for a 429 are reported with what the service sent', () => {
    expect(PLACES.polling().answer(429, ERROR, 500).commands).toContainEqual({
      type: 'reportThrottle',
      retryAfterSeconds: 500,
    });
    expect(new Walk({ requestRetriesMax: 0 }).connect().answer(429, ERROR).commands).toContainEqual({
      type: 'reportThrottle',
      retryAfterSeconds: null,
    });
  });
});

describe('answers that belong to no request in flight', () => {
  it('are counted and dropped', () => {
    const walk = PLACES.registering().on(EVENTS.stale);
    expect(walk.state.phase).toBe('awaitingAnswer');
    expect(walk.answer(200, ASSIGNED).ending.staleAnswers).toBe(1);
  });

  it('do not lengthen the wait for the right one', () => {
    const walk = PLACES.registering();
    const { wakeAtMs } = walk.state;
    expect(walk.on(EVENTS.stale).state.wakeAtMs).toBe(wakeAtMs);
  });
});

describe('a lost connection', () => {
  it('with an operation is followed by a poll of it', () => {
    const walk = PLACES.polling().lose().wake().connect();
    expect(walk.commands.map(describeCommand)).toEqual(['poll']);
    expect(walk.answer(200, ASSIGNED).ending).toMatchObject({ registersSent: 1, possiblyTwice: false, attempts: 2 });
  });

  it('without an operation is followed by another register request', () => {
    const walk = PLACES.registering().lose().wake().connect();
    expect(walk.commands.map(describeCommand)).toEqual(['register']);
    expect(walk.answer(200, ASSIGNED).ending).toMatchObject({ registersSent: 2, possiblyTwice: true, attempts: 2 });
  });

  it('before the register request leaves no doubt', () => {
    const walk = new Walk().on({ type: 'connected' }).lose().wake().connect().answer(200, ASSIGNED);
    expect(walk.ending).toMatchObject({ registersSent: 1, possiblyTwice: false });
  });

  it('in place of the register request leaves no doubt, and counts none', () => {
    const walk = PLACES.registering().on(EVENTS.unsent);
    expect(walk.state.progress).toMatchObject({ registersSent: 0, possiblyTwice: false });
    walk.wake().connect().answer(200, ASSIGNED);
    expect(walk.ending).toMatchObject({ registersSent: 1, possiblyTwice: false, attempts: 2 });
  });

  it('starts the count of repeated requests anew', () => {
    const walk = new Walk({ requestRetriesMax: 1 }).connect().answer(500, ERROR).wake().lose().wake().connect();
    expect(walk.answer(500, ERROR).state.phase).toBe('pausing');
  });
});

describe('an outage', () => {
  const OUTAGE = { type: 'outageBegan', sinceMs: 1_000 } as const;

  it('refunds the attempts that failed since it began, and no others', () => {
    const walk = new Walk({ attemptsMax: 3 }).lose().wake();
    const sinceMs = walk.atMs;
    walk.lose().on({ type: 'outageBegan', sinceMs }).on({ type: 'released' });
    expect(walk.state.progress).toMatchObject({ attempts: 3, attemptsRefunded: 1, troublesInARow: 1 });
    // Two failures are left: one was before the outage.
    walk.on({ type: 'outageEnded' }).lose();
    expect(walk.state.phase).toBe('pausing');
    expect(walk.wake().lose().ending).toMatchObject({ result: 'disconnected', attempts: 4 });
  });

  it('holds what fails while it is known, and does not count it', () => {
    const walk = new Walk({ attemptsMax: 2 }).on(OUTAGE);
    for (let probe = 0; probe < 10; probe += 1) {
      expect(describeStep({ ...walk.state }, walk.lose('tcp-reset'))).toBe(
        'held: reportLost, closeConversation, reportHold',
      );
      walk.on({ type: 'released' }, 30_000);
    }
    expect(walk.connect().answer(200, ASSIGNED).ending).toMatchObject({ result: 'assigned', attempts: 11 });
  });

  it('says whether a connection that was lost had reached the target', () => {
    const reached = (walk: Walk) => walk.commands.find(({ type }) => type === 'reportLost');
    expect(reached(new Walk().on({ type: 'tcpConnected' }).lose())).toEqual({ type: 'reportLost', reached: false });
    expect(reached(new Walk().on({ type: 'secured' }).lose())).toEqual({ type: 'reportLost', reached: true });
  });

  it('leaves open connections alone', () => {
    const walk = new Walk().connect().answer(202, ACCEPTED, 3).on(OUTAGE).wake();
    expect(walk.commands).toEqual([{ type: 'poll', operationId: OPERATION }]);
    expect(walk.answer(200, ASSIGNED).ending).toMatchObject({ result: 'assigned', heldUnderWayMs: 0 });
  });

  it('does not shorten a pause that the service asked for', () => {
    const walk = new Walk().connect().answer(202, ACCEPTED, 60).lose().on(OUTAGE).on({ type: 'outageEnded' });
    walk.on({ type: 'released' }, 5_000);
    expect([walk.state.phase, walk.waitsMs]).toEqual(['pausing', 60_000 - 10 - 10 - 10 - 5_000]);
    expect(walk.wake().commands).toEqual([{ type: 'openConversation', key: 0 }]);
  });

  it('holds what may connect, not what pauses as the service asked, so that the probe connects when it is released', () => {
    const walk = new Walk({}, 2).connect().answer(401, ERROR, 9).on(OUTAGE).on({ type: 'outageEnded' }).on(OUTAGE);
    expect(walk.on({ type: 'released' }, 1_000).state.phase).toBe('pausing');
    expect(describeStep(walk.state, walk.wake())).toBe('held: closeConversation, reportHold');
    expect(walk.state.progress.waitedMs).toBe(9_000);
    expect(walk.on({ type: 'released' }, 1_000).commands).toEqual([
      { type: 'reportHold', held: false },
      { type: 'openConversation', key: 1 },
    ]);
  });

  it('holds what it cuts off in such a pause after the pause, and does not count the attempt', () => {
    const walk = new Walk({ attemptsMax: 1 }).connect().answer(202, ACCEPTED, 60).on(OUTAGE);
    expect(describeStep(walk.state, walk.lose())).toBe('pausing, then reconnect: reportLost, closeConversation');
    expect(walk.waitsMs).toBe(60_000 - 10 - 10);
    expect(walk.wake().state.phase).toBe('held');
    expect(walk.on({ type: 'released' }).connect().answer(200, ASSIGNED).ending).toMatchObject({
      result: 'assigned',
      attempts: 2,
      waitedMs: 60_000,
      heldUnderWayMs: 10,
    });
  });

  it('property: excuses its own time from the deadline and adds up what was held, and no attempt of it counts', () => {
    const pauseMs = fc.integer({ min: 0, max: 600_000 });
    const probes = fc.array(fc.record({ heldMs: pauseMs, triedMs: fc.integer({ min: 0, max: 29_000 }) }), {
      maxLength: 20,
    });
    const outage = fc.record({
      attemptsMax: fc.integer({ min: 2, max: 5 }),
      unnoticedMs: fc.integer({ min: 0, max: 5_000 }),
      // `null` = nothing is asked; an attempt just failed.
      askedSeconds: fc.option(fc.integer({ min: 3, max: 90 })),
      probes,
      lastMs: pauseMs,
    });
    fc.assert(
      fc.property(outage, ({ attemptsMax, unnoticedMs, askedSeconds, probes: failed, lastMs }) => {
        const walk = new Walk({ attemptsMax });
        if (askedSeconds !== null) walk.connect().answer(202, ACCEPTED, askedSeconds);
        const askedAtMs = walk.atMs;
        walk.lose();
        const sinceMs = walk.atMs;
        const { deadlineAtMs } = walk.state.progress;
        walk.on({ type: 'outageBegan', sinceMs }, Math.min(unnoticedMs, walk.waitsMs ?? 0));
        // Released too early, it keeps to its pause; once held, each release connects.
        if (walk.state.phase === 'pausing') walk.on({ type: 'released' }, 0).wake();
        const waitedMs = walk.atMs - (askedSeconds === null ? sinceMs : askedAtMs);
        if (askedSeconds !== null) expect(waitedMs).toBeGreaterThanOrEqual(askedSeconds * 1_000);
        for (const { heldMs, triedMs } of failed) {
          expect(walk.on({ type: 'released' }, heldMs).state.phase).toBe('connecting');
          walk.on({ type: 'lost', failure: { code: 'dns', message: 'M' } }, triedMs);
        }
        walk.on({ type: 'outageEnded' }, 0).on({ type: 'released' }, lastMs);
        const { progress, phase } = walk.state;
        expect(phase).toBe('connecting');
        expect(progress.deadlineAtMs - deadlineAtMs).toBe(walk.atMs - sinceMs);
        expect(progress.heldUnderWayMs).toBe(failed.reduce((sum, { heldMs }) => sum + heldMs, lastMs));
        expect(progress.waitedMs).toBe(waitedMs);
        expect(progress.attempts - progress.attemptsRefunded).toBe(1);
        expect(progress.failedAtMs.length).toBeLessThanOrEqual(attemptsMax);
        let losses = 1;
        for (walk.lose(); walk.state.phase !== 'done'; walk.wake().lose()) losses += 1;
        expect(losses).toBe(attemptsMax);
      }),
    );
  });
});

describe('possibly twice', () => {
  it.each([
    ['an answer never came', () => PLACES.registering().wake(), true],
    ['it was cancelled before the answer', () => PLACES.registering(), true],
    ['an answer could not be read', () => PLACES.registering().answer(202, '{'), true],
    ['a 500 answered it', () => PLACES.registering().answer(500, ERROR), true],
    ['a 429 answered it', () => PLACES.registering().answer(429, ERROR), false],
    ['a 409 answered it', () => PLACES.registering().answer(409, ERROR), false],
    ['another answer was dropped', () => PLACES.pausingToRegister().on(EVENTS.stale), false],
    ['it was accepted', () => PLACES.pausingToPoll(), false],
    ['it was accepted, and the answer repeated', () => PLACES.pausingToPoll().on(EVENTS.stale), false],
    ['a poll was under way', () => PLACES.polling(), false],
    ['a poll was lost', () => PLACES.polling().lose(), false],
    ['a poll was never answered', () => PLACES.polling().wake(), false],
    ['a poll could not be read', () => PLACES.polling().answer(200, '{'), false],
    ['a poll was answered with 500', () => PLACES.polling().answer(500, ERROR), false],
    ['a poll was answered with 429', () => PLACES.polling().answer(429, ERROR), false],
    ['an operation was forgotten', () => PLACES.polling().answer(404, GONE), true],
  ])('%s', (_what, walk, possiblyTwice) => {
    expect(walk().on({ type: 'cancelled' }).ending.possiblyTwice).toBe(possiblyTwice);
  });

  it('the deadline came before the answer', () => {
    expect(PLACES.registering().on({ type: 'woke' }, 300_000).ending.possiblyTwice).toBe(true);
  });

  const UNREADABLE = '{';
  const WRONG_CERTIFICATE = '{"errorCode":401002,"message":"Invalid certificate."}';

  it.each<[string, () => Walk, boolean]>([
    ['429', () => PLACES.registering().answer(429, ERROR).wake(), false],
    ['409', () => PLACES.registering().answer(409, ERROR).wake(), false],
    ['a refused key', () => new Walk({}, 2).connect().answer(401, ERROR).wake().connect(), false],
    [
      'a refused certificate',
      () => new Walk({ retriesInvalidCertificate: true }).connect().answer(401, WRONG_CERTIFICATE).wake().connect(),
      false,
    ],
    ['a loss while a 429 was waited out', () => PLACES.pausingToRegister().lose().wake().connect(), false],
    ['500', () => PLACES.registering().answer(500, ERROR).wake(), true],
    ['503 without a body', () => PLACES.registering().answer(503, '').wake(), true],
    ['an answer that cannot be read', () => PLACES.registering().answer(202, UNREADABLE).wake(), true],
    ['a loss before the answer', () => PLACES.registering().lose().wake().connect(), true],
    ['no answer', () => PLACES.registering().wake().wake().connect(), true],
    ['an operation that is gone', () => PLACES.polling().answer(404, GONE).wake(), true],
    ['one that is gone after a loss', () => PLACES.polling().lose().wake().connect().answer(404, GONE).wake(), true],
  ])('registered again after %s: %s', (_what, walk, possiblyTwice) => {
    const again = walk();
    expect(again.commands.map(describeCommand)).toEqual(['register']);
    expect(again.answer(200, ASSIGNED).ending).toMatchObject({ registersSent: 2, possiblyTwice });
  });

  it.each([
    ['a throttle', 429, ERROR],
    ['a conflict', 409, ERROR],
    ['a failed operation', 200, '{"status":"failed"}'],
  ])('stays so after %s', (_what, status, body) => {
    const walk = PLACES.polling().answer(404, GONE).wake().answer(status, body);
    if (walk.state.phase !== 'done') walk.on({ type: 'cancelled' });
    expect(walk.ending.possiblyTwice).toBe(true);
  });
});

describe('the end of an operation', () => {
  it.each([
    ['registering', 200, '{"status":"failed"}', true],
    ['registering', 200, '{"status":"disabled"}', true],
    ['registering', 200, ASSIGNED, false],
    ['registering', 400, ERROR, false],
    ['polling', 200, '{"status":"failed"}', true],
    ['polling', 200, '{"status":"disabled"}', true],
    ['polling', 200, ASSIGNED, false],
    ['polling', 400, ERROR, false],
    ['polling', 401, ERROR, false],
    ['polling', 404, ERROR, false],
    ['polling', 500, ERROR, false],
    ['polling', 409, ERROR, false],
    ['polling', 200, '{', false],
  ] as const)('%s, %i %s: without an assignment, by the service itself: %s', (place, status, body, operationFailed) => {
    const walk = new Walk({ requestRetriesMax: 0 }).connect();
    if (place === 'polling') walk.answer(202, ACCEPTED, 3).wake();
    expect(walk.answer(status, body).ending.operationFailed).toBe(operationFailed);
  });
});

describe('the operation ID', () => {
  it('is the first of the conversation, whatever later answers name', () => {
    const other = '{"operationId":"5.other","status":"assigning"}';
    const walk = PLACES.polling().answer(202, other).wake();
    expect(walk.commands).toEqual([{ type: 'poll', operationId: OPERATION }]);
  });

  it('is the new one after the old is gone', () => {
    const walk = PLACES.polling().answer(404, GONE).wake().answer(202, '{"operationId":"5.new","status":"assigning"}');
    expect(walk.wake().commands).toEqual([{ type: 'poll', operationId: '5.new' }]);
  });
});

describe('any events in any order', () => {
  const bodies = fc.oneof(
    fc.constantFrom(ACCEPTED, ASSIGNED, GONE, ERROR, '{', '{"status":"failed"}'),
    fc.json(),
    fc.string(),
  );
  const messages = fc.record({
    type: fc.constant('reply' as const),
    status: fc.oneof(fc.constantFrom(200, 202, 401, 404, 409, 429, 500), fc.nat(999)),
    body: bodies,
    retryAfter: fc.option(fc.nat(200)),
    matches: fc.boolean(),
  });
  const others = fc
    .constantFrom<EventName[]>(
      ...(['resolved', 'tcpConnected', 'secured', 'connected', 'ready', 'woke', 'cancelled'] as const),
      ...(['permitGranted', 'outageEnded', 'released'] as const),
    )
    .map((type) => EVENTS[type]);
  const outages = fc.nat(60_000).map((agoMs) => ({ type: 'outage' as const, agoMs }));
  const losses = fc
    .constantFrom(...CONNECTION_FAILURE_CODES)
    .map((code): Event => ({ type: 'lost', failure: { code, message: 'M' } }));
  // Without these two, hardly a walk would come as far as to ask for a permit.
  const wakes = fc.constant({ type: 'wake' as const });
  const connections = fc.constant({ type: 'connect' as const });
  const scripts = fc.array(
    fc.tuple(fc.oneof(messages, messages, others, losses, outages, wakes, wakes, connections), fc.nat(60_000)),
    { maxLength: 30, size: 'max' },
  );
  const lapses = fc.constantFrom(null, 1_000);

  it('end once at the most, keep to the limits, and use no connection that is not open', () => {
    fc.assert(
      fc.property(scripts, lapses, (script, permitLapseMs) => {
        const walk = new Walk({ attemptsMax: 3, pollsMax: 4, requestRetriesMax: 2, permitLapseMs });
        let open = true;
        let asked = false;
        let finished = 0;
        for (const [event, afterMs] of script) {
          if (event.type === 'lost') open = false;
          if (event.type === 'permitGranted') asked = false;
          if (event.type === 'wake') walk.wake();
          else if (event.type === 'connect') walk.connect();
          else if (event.type === 'outage')
            walk.on({ type: 'outageBegan', sinceMs: walk.atMs + afterMs - event.agoMs }, afterMs);
          else if (event.type !== 'reply') walk.on(event, afterMs);
          else {
            const { status, body, retryAfter } = event;
            walk.on(event.matches ? answer(status, body, retryAfter) : EVENTS.stale, afterMs);
          }
          for (const { type } of walk.commands) {
            demand(finished === 0, 'nothing follows the end');
            if (type === 'openConversation') open = true;
            if (type === 'closeConversation') open = false;
            if (type === 'register' || type === 'poll') demand(open, 'requests need an open connection');
            if (type === 'requestPermit') {
              demand(!asked, 'one permit is asked for at a time');
              asked = true;
            }
            if (type === 'withdrawPermit') asked = false;
            if (type === 'finish') finished += 1;
          }
          const { progress, wakeAtMs, phase } = walk.state;
          demand((finished === 1) === (phase === 'done'), 'it finishes once, at its end');
          demand(asked === (phase === 'awaitingPermit'), 'it waits for the permit that it asked for');
          // A held registration waits for others, and the time does not count.
          demand((wakeAtMs === null) === (phase === 'done' || phase === 'held'), `it wakes in the phase ${phase}`);
          demand((wakeAtMs ?? 0) <= progress.deadlineAtMs, 'it wakes by its deadline');
          demand(progress.attempts - progress.attemptsRefunded <= 3, 'it makes 3 attempts at most');
          demand(progress.attemptsRefunded <= progress.attempts, 'only attempts are refunded');
          demand(progress.pollsOfOperation <= 4, 'it polls 4 times at most');
          demand(progress.requestRetries <= 2, 'it repeats 2 requests at most');
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('permits', () => {
  const LAPSE_MS = 100;
  const governed = (): Walk => new Walk({ permitLapseMs: LAPSE_MS });
  const asks = (repeats: boolean) => expect.arrayContaining([{ type: 'requestPermit', repeats }]);

  it('the first request on the first connection has that of the launch', () => {
    expect(governed().connect().state.phase).toBe('awaitingAnswer');
  });

  it('which lapses when connecting takes too long', () => {
    const connected = (): Walk => governed().on({ type: 'connected' });
    expect(connected().on({ type: 'ready' }, LAPSE_MS - 10).state.phase).toBe('awaitingAnswer');
    expect(connected().on({ type: 'ready' }, LAPSE_MS - 9).state.phase).toBe('awaitingPermit');
  });

  it.each<[string, (walk: Walk) => Walk]>([
    ['a handshake that took too long', (walk) => walk.on({ type: 'connected' }, LAPSE_MS).on({ type: 'ready' })],
    ['a connection lost before the request', (walk) => walk.lose().wake().connect()],
  ])('after %s, the first register request asks for one of its own', (_, lead) => {
    const walk = lead(governed());
    expect(walk.state.phase).toBe('awaitingPermit');
    expect(walk.commands).toEqual(asks(false));
    walk.on(EVENTS.permitGranted, 5_000);
    expect(walk.commands.map(describeCommand)).toEqual(['register']);
    expect(walk.state.progress).toMatchObject({ registersSent: 1, heldUnderWayMs: 5_000 });
  });

  it.each<[string, (walk: Walk) => Walk]>([
    ['429', (walk) => walk.connect().answer(429, '', 3).wake()],
    ['5xx', (walk) => walk.connect().answer(500, '').wake()],
    ['409', (walk) => walk.connect().answer(409, '').wake()],
    ['an answer that cannot be read', (walk) => walk.connect().answer(200, '{').wake()],
    ['an operation that is gone', (walk) => walk.connect().answer(202, ACCEPTED).wake().answer(404, GONE).wake()],
    ['a connection lost after the request', (walk) => walk.connect().lose().wake().connect()],
    ['no answer', (walk) => walk.connect().wake().wake().connect()],
  ])('after %s, another register request asks for one of its own, and waits for it', (_, lead) => {
    const walk = lead(governed());
    expect(walk.state.phase).toBe('awaitingPermit');
    expect(walk.commands).toEqual(asks(true));
    const sent = walk.state.progress.registersSent;
    walk.on(EVENTS.permitGranted, 5_000);
    expect(walk.commands.map(describeCommand)).toEqual(['register']);
    expect(walk.state.progress).toMatchObject({ registersSent: sent + 1, heldUnderWayMs: 5_000 });
  });

  it('a permit of the launch counts until its own end, not from the start', () => {
    const ready = (permitUntilMs: number): Walk =>
      new Walk({ permitLapseMs: LAPSE_MS }, 1, permitUntilMs).on({ type: 'connected' }, 10);
    const untilMs = ready(0).atMs + 90;
    expect(ready(untilMs).on({ type: 'ready' }, 90).commands.map(describeCommand)).toEqual(['register']);
    expect(ready(untilMs).on({ type: 'ready' }, 91).commands).toEqual(asks(false));
    expect(
      ready(untilMs + 2 * LAPSE_MS)
        .on({ type: 'ready' }, LAPSE_MS)
        .commands.map(describeCommand),
    ).toEqual(['register']);
  });

  it('one that comes too late is not used, and is asked for again at no cost to the retry budget', () => {
    const walk = governed().connect().answer(429, '', 3).wake();
    expect(walk.commands).toEqual(asks(true));
    walk.on({ type: 'permitGranted', validUntilMs: walk.atMs + 4_999 }, 5_000);
    expect(walk.state.phase).toBe('awaitingPermit');
    expect(walk.commands).toEqual(asks(false));
    walk.on({ type: 'permitGranted', validUntilMs: walk.atMs + 1_000 }, 1_000);
    expect(walk.commands.map(describeCommand)).toEqual(['register']);
    expect(walk.state.progress).toMatchObject({ registersSent: 2, heldUnderWayMs: 6_000 });
  });

  it('polls need none', () => {
    const walk = governed().connect().answer(202, ACCEPTED, 3).wake().answer(429, '', 3).wake();
    expect(walk.commands.map(describeCommand)).toEqual(['poll']);
  });

  it('a connection lost while it idles because of a 429 counts as throttled', () => {
    const walk = new Walk({ permitLapseMs: LAPSE_MS, attemptsMax: 1 }).connect().answer(429, '', 3).wake().lose();
    expect(walk.ending.result).toBe('throttled');
  });

  it('is asked for again on the next connection', () => {
    const walk = governed().connect().answer(500, '').wake().lose().wake();
    expect(walk.connect().commands).toEqual(asks(true));
    expect(walk.state.progress.heldUnderWayMs).toBe(10);
  });
});
