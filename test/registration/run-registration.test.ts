import { describe, expect, it } from 'vitest';
import { parseRequestTopic } from '../../src/dps/topics.ts';
import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from '../../src/mqtt/mqtt-connection.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { type PermitWish, type RegistrationJob, runRegistration } from '../../src/registration/run-registration.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const LAUNCH: Launch = {
  row: 7,
  round: 1,
  sequence: 3,
  registrationId: 'dev-1',
  group: 'line-a',
  expectedHub: 'hub-a',
  otherValues: ['x'],
  deviceKey: null,
  certificateFile: null,
  keyFile: null,
  payloadJson: null,
  intendedAtMs: null,
  heldMs: 5,
  notBeforeMs: null,
};
const ACCEPTED = '{"operationId":"5.a","status":"assigning"}';
const ASSIGNED = '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}';
const REFUSED: MqttEvent = { type: 'lost', failure: { code: 'connack-5', message: 'not authorized' } };
const CLOSED: MqttEvent = { type: 'lost', failure: { code: 'closed', message: 'closed' } };

/** A connection that the test leads by hand. */
class Line implements MqttConnection {
  readonly identity: MqttIdentity;
  readonly emit: (event: MqttEvent) => void;
  readonly published: { readonly topic: string; readonly payload: string }[] = [];
  readonly subscriptions: string[] = [];
  closed = false;

  constructor(identity: MqttIdentity, emit: (event: MqttEvent) => void) {
    this.identity = identity;
    this.emit = emit;
  }

  subscribe(topicFilter: string): void {
    this.subscriptions.push(topicFilter);
  }

  publish(topic: string, payload: string): void {
    this.published.push({ topic, payload });
  }

  close(): void {
    this.closed = true;
  }

  connect(): void {
    for (const type of ['tcpConnected', 'secured', 'connected', 'subscribed'] as const) this.emit({ type });
  }

  answer(status: number, payload: string, suffix = ''): void {
    const requestId = parseRequestTopic(this.published.at(-1)?.topic ?? '')?.requestId;
    this.emit({ type: 'message', topic: `$dps/registrations/res/${status}/?$rid=${requestId}${suffix}`, payload });
  }
}

function start(changes: Partial<RegistrationJob> = {}) {
  const clock = new VirtualClock();
  clock.advanceTo(100);
  const lines: Line[] = [];
  const throttles: (number | null)[] = [];
  const signs: string[] = [];
  const wishes: PermitWish[] = [];
  const openConnection: OpenMqttConnection = (identity, onEvent) => {
    const line = new Line(identity, onEvent);
    lines.push(line);
    return line;
  };
  const running = runRegistration({
    launch: LAUNCH,
    credentials: {
      keys: 1,
      password: (epochMs) => `password of ${epochMs - clock.epochMs() + clock.nowMs()}`,
      clientCertificate: null,
    },
    policy: REGISTRATION_POLICY_DEFAULT,
    seed: 1,
    clock,
    openConnection,
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'dpsload/1 (test)',
    onThrottle: (retryAfterSeconds) => throttles.push(retryAfterSeconds),
    onConnection: (sign) => signs.push(sign),
    onPermit: (wish) => wishes.push(wish),
    ...changes,
  });
  const line = (index: number): Line => {
    const found = lines[index];
    if (found === undefined) throw new Error(`connection ${index} was not opened`);
    return found;
  };
  return { clock, lines, line, throttles, signs, wishes, running };
}

describe('a registration', () => {
  it('connects, subscribes, registers, polls, and disconnects', async () => {
    const { clock, lines, line, running } = start();
    expect(line(0).identity).toEqual({
      clientId: 'dev-1',
      username: '0ne00111111/registrations/dev-1/api-version=2021-06-01&ClientVersion=dpsload%2F1%20(test)',
      password: 'password of 100',
      clientCertificate: null,
    });
    line(0).connect();
    expect(line(0).subscriptions).toEqual(['$dps/registrations/res/#']);
    line(0).answer(202, ACCEPTED, '&retry-after=3');
    clock.advanceTo(3099);
    expect(line(0).published).toHaveLength(1);
    clock.advanceTo(3100);
    expect(line(0).published.map(({ topic }) => parseRequestTopic(topic)?.kind)).toEqual(['register', 'poll']);
    expect(line(0).closed).toBe(false);
    line(0).answer(200, ASSIGNED);
    expect(line(0).closed).toBe(true);
    expect(clock.timers).toBe(0);
    expect(lines).toHaveLength(1);
    expect(await running.outcome).toMatchObject({
      row: 7,
      round: 1,
      sequence: 3,
      registrationId: 'dev-1',
      group: 'line-a',
      expectedHub: 'hub-a',
      otherValues: ['x'],
      heldMs: 5,
      result: 'assigned',
      assignedHub: 'hub-a',
      intendedAtMs: 100,
      startedAtMs: 100,
      finishedAtMs: 3100,
      waitedMs: 3000,
    });
  });

  it('holds every member of an outcome, and no other', async () => {
    const members: Readonly<Record<keyof RegistrationOutcome, true>> = {
      row: true,
      round: true,
      sequence: true,
      registrationId: true,
      group: true,
      expectedHub: true,
      otherValues: true,
      result: true,
      assignedHub: true,
      deviceId: true,
      substatus: true,
      attempts: true,
      registersSent: true,
      possiblyTwice: true,
      polls: true,
      throttles: true,
      serverErrors: true,
      staleAnswers: true,
      retryAftersClamped: true,
      errorCode: true,
      errorMessage: true,
      trackingId: true,
      operationId: true,
      operationFailed: true,
      serviceCreatedAt: true,
      serviceUpdatedAt: true,
      intendedAtMs: true,
      startedAtMs: true,
      finishedAtMs: true,
      heldMs: true,
      heldUnderWayMs: true,
      waitedMs: true,
      phases: true,
      returnedPayload: true,
    };
    const { line, running } = start();
    line(0).emit(REFUSED);
    expect(Object.keys(await running.outcome).sort()).toEqual(Object.keys(members).sort());
  });

  it('keeps the intended start that it was given', async () => {
    const { line, running } = start({ launch: { ...LAUNCH, intendedAtMs: 40 } });
    line(0).emit(REFUSED);
    expect(await running.outcome).toMatchObject({ intendedAtMs: 40, startedAtMs: 100 });
  });

  it('makes a password for each connection', () => {
    const { clock, line } = start();
    clock.advanceTo(5000);
    line(0).emit(CLOSED);
    clock.advanceTo(60_000);
    const [, at] = /^password of (\d+)$/.exec(line(1).identity.password ?? '') ?? [];
    expect(Number(at)).toBeGreaterThan(5000);
  });

  it('reports every 429 at once', () => {
    const { clock, line, throttles } = start();
    line(0).connect();
    line(0).answer(429, '', '&retry-after=9');
    expect(throttles).toEqual([9]);
    clock.advanceTo(9100);
    line(0).answer(429, '');
    expect(throttles).toEqual([9, null]);
  });
});

describe('a permit', () => {
  const policy = { ...REGISTRATION_POLICY_DEFAULT, permitLapseMs: 1_000 };

  it('is asked for where that of the launch lapsed, and the register request waits for it', () => {
    const { clock, line, wishes, running } = start({ policy });
    clock.advanceTo(5_000);
    line(0).connect();
    expect(wishes).toEqual([{ type: 'request', repeats: false }]);
    expect(line(0).published).toEqual([]);
    running.permitGranted();
    expect(line(0).published).toHaveLength(1);
  });

  it('says so when it is for a repeated request, and is given back when nobody waits for it', () => {
    const { clock, line, wishes, running } = start({ policy });
    line(0).connect();
    line(0).answer(429, '', '&retry-after=9');
    clock.advanceTo(9_100);
    running.cancel();
    expect(wishes).toEqual([{ type: 'request', repeats: true }, { type: 'withdraw' }]);
  });
});

describe('time', () => {
  it('is asked for with one timer, moved whenever something happens', () => {
    const { clock, line } = start();
    expect(clock.timers).toBe(1);
    line(0).connect();
    expect(clock.timers).toBe(1);
    line(0).answer(202, ACCEPTED);
    expect(clock.timers).toBe(1);
    line(0).emit(CLOSED);
    expect(clock.timers).toBe(1);
  });

  it('that runs out without any answer ends in an outcome', async () => {
    const { clock, lines, running } = start();
    clock.runToEnd();
    expect(await running.outcome).toMatchObject({ result: 'timed-out', errorCode: 'no-connack', attempts: 5 });
    expect(lines.every(({ closed }) => closed)).toBe(true);
  });
});

describe('request IDs', () => {
  const firstRequestId = (sequence: number, atMs: number): string => {
    const clock = new VirtualClock();
    clock.advanceTo(atMs);
    const { line } = start({ clock, launch: { ...LAUNCH, sequence } });
    line(0).connect();
    return parseRequestTopic(line(0).published[0]?.topic ?? '')?.requestId ?? '';
  };

  it('differ between the rounds of a run, and between runs', () => {
    const ids = [firstRequestId(1, 0), firstRequestId(2, 0), firstRequestId(1, 1), firstRequestId(12, 0)];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('events that nobody waits for', () => {
  it('of a superseded connection are ignored', async () => {
    const { clock, line, running } = start();
    line(0).emit(CLOSED);
    clock.advanceTo(5_000);
    expect(line(0).closed).toBe(true);
    line(0).emit({ type: 'connected' });
    expect(line(1).subscriptions).toEqual([]);
    line(0).emit(REFUSED);
    line(1).connect();
    line(0).answer(200, ASSIGNED);
    line(1).answer(200, ASSIGNED);
    expect(await running.outcome).toMatchObject({ result: 'assigned', attempts: 2, staleAnswers: 0 });
  });

  it('after the end are ignored', async () => {
    const { clock, line, lines, running } = start();
    line(0).connect();
    line(0).answer(200, ASSIGNED);
    line(0).emit(CLOSED);
    line(0).emit({ type: 'connected' });
    running.cancel();
    clock.runToEnd();
    expect(await running.outcome).toMatchObject({ result: 'assigned', attempts: 1 });
    expect(lines).toHaveLength(1);
  });
});

describe('cancellation', () => {
  it('ends it now, and closes the connection', async () => {
    const { clock, line, running } = start();
    line(0).connect();
    clock.advanceTo(150);
    running.cancel();
    running.cancel();
    expect(line(0).closed).toBe(true);
    expect(clock.timers).toBe(0);
    expect(await running.outcome).toMatchObject({ result: 'cancelled', finishedAtMs: 150, possiblyTwice: true });
  });
});

describe('events that come before a command returns', () => {
  it('may be the loss of the connection that is being opened', async () => {
    let opened = 0;
    const { clock, running } = start({
      openConnection: (identity, onEvent) => {
        opened += 1;
        onEvent(CLOSED);
        return new Line(identity, onEvent);
      },
    });
    expect(opened).toBe(1);
    clock.runToEnd();
    expect(opened).toBe(5);
    expect(await running.outcome).toMatchObject({ result: 'disconnected', attempts: 5 });
  });

  it('may be a whole conversation', async () => {
    const { clock, running } = start({
      openConnection: (identity, onEvent) => {
        const line = new Line(identity, onEvent);
        line.subscribe = () => onEvent({ type: 'subscribed' });
        line.publish = (topic, payload) => {
          line.published.push({ topic, payload });
          line.answer(200, parseRequestTopic(topic)?.kind === 'poll' ? ASSIGNED : ACCEPTED, '&retry-after=1');
        };
        onEvent({ type: 'connected' });
        return line;
      },
    });
    clock.runToEnd();
    expect(await running.outcome).toMatchObject({ result: 'assigned', polls: 1, finishedAtMs: 1100 });
  });

  it('may be a cancellation from the report of a throttle', async () => {
    const { line, running } = start({ onThrottle: () => running.cancel() });
    line(0).connect();
    line(0).answer(429, '');
    expect(await running.outcome).toMatchObject({ result: 'cancelled', throttles: 1 });
  });
});
