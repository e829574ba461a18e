import { describe, expect, it } from 'vitest';
import type { ConversationEvent, OpenConversation } from '../../src/conversation/conversation.ts';
import type { Launch } from '../../src/registration/launch.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { type PermitChange, type RegistrationJob, runRegistration } from '../../src/registration/run-registration.ts';
import { ScriptedConversation } from '../support/scripted-conversation.ts';
import { UNHEARD } from '../support/unheard.ts';
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
  permitUntilMs: null,
};
const ACCEPTED = '{"operationId":"5.a","status":"assigning"}';
const ASSIGNED = '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}';
const REFUSED: ConversationEvent = { type: 'lost', failure: { code: 'connack-5', message: 'not authorized' } };
const CLOSED = { type: 'lost', failure: { code: 'closed', message: 'closed' } } as const;

function start(changes: Partial<RegistrationJob> = {}) {
  const clock = new VirtualClock();
  clock.advanceTo(100);
  const lines: ScriptedConversation[] = [];
  const throttles: (number | null)[] = [];
  const statuses: string[] = [];
  const permits: PermitChange[] = [];
  const openConversation: OpenConversation = (identity, onEvent) => {
    const line = new ScriptedConversation(identity, onEvent);
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
    openConversation,
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'dpsload/1 (test)',
    ...UNHEARD,
    onThrottle: (retryAfterSeconds) => throttles.push(retryAfterSeconds),
    onConnection: (status) => statuses.push(status),
    onPermit: (change) => permits.push(change),
    ...changes,
  });
  const line = (index: number): ScriptedConversation => {
    const found = lines[index];
    if (found === undefined) throw new Error(`connection ${index} was not opened`);
    return found;
  };
  return { clock, lines, line, throttles, statuses, permits, running };
}

describe('a registration', () => {
  it('connects, registers, polls, and disconnects', async () => {
    const { clock, lines, line, running } = start();
    expect(line(0).identity).toEqual({
      registrationId: 'dev-1',
      idScope: '0ne00111111',
      apiVersion: '2021-06-01',
      userAgent: 'dpsload/1 (test)',
      password: 'password of 100',
      clientCertificate: null,
    });
    line(0).connect();
    line(0).answer(202, ACCEPTED, 3);
    clock.advanceTo(3099);
    expect(line(0).requests).toHaveLength(1);
    clock.advanceTo(3100);
    expect(line(0).requests).toEqual(['register null', 'poll 5.a']);
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

  it('counts no register request that its conversation did not send', async () => {
    const lines: ScriptedConversation[] = [];
    const { clock, running } = start({
      openConversation: (identity, onEvent) => {
        const line = new ScriptedConversation(identity, onEvent);
        if (lines.length === 0) line.register = () => onEvent({ ...CLOSED, type: 'unsent' });
        lines.push(line);
        return line;
      },
    });
    lines[0]?.connect();
    clock.advanceTo(5_000);
    lines[1]?.connect();
    lines[1]?.answer(200, ASSIGNED);
    expect(await running.outcome).toMatchObject({
      result: 'assigned',
      attempts: 2,
      registersSent: 1,
      possiblyTwice: false,
    });
  });

  it('holds every member of an outcome, and no other', async () => {
    const members: Readonly<Record<keyof RegistrationOutcome, true>> = {
      kind: true,
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
      launchesIncluded: true,
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
      slotWaitMs: true,
      stalled: true,
      returnedPayload: true,
      agent: true,
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
    line(0).answer(429, '', 9);
    expect(throttles).toEqual([9]);
    clock.advanceTo(9100);
    line(0).answer(429, '');
    expect(throttles).toEqual([9, null]);
  });
});

describe('a permit', () => {
  const policy = { ...REGISTRATION_POLICY_DEFAULT, permitLapseMs: 1_000 };

  it('is asked for where that of the launch lapsed, and the register request waits for it', () => {
    const { clock, line, permits, running } = start({ policy });
    clock.advanceTo(5_000);
    line(0).connect();
    expect(permits).toEqual([{ type: 'request', repeats: false }]);
    expect(line(0).requests).toEqual([]);
    running.permitGranted(Number.MAX_SAFE_INTEGER);
    expect(line(0).requests).toHaveLength(1);
  });

  it('says so when it is for a repeated request, and is given back when nobody waits for it', () => {
    const { clock, line, permits, running } = start({ policy });
    line(0).connect();
    line(0).answer(429, '', 9);
    clock.advanceTo(9_100);
    running.cancel();
    expect(permits).toEqual([{ type: 'request', repeats: true }, { type: 'withdraw' }]);
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

it('sends the custom data of the launch with each register request', () => {
  const { clock, line } = start({ launch: { ...LAUNCH, payloadJson: '{"a":1}' } });
  line(0).connect();
  line(0).answer(500, '', 9);
  clock.advanceTo(9_100);
  expect(line(0).requests).toEqual(['register {"a":1}', 'register {"a":1}']);
});

it('reports each sign of life, and each connection that is lost', () => {
  const { line, statuses } = start();
  line(0).connect();
  line(0).emit({ type: 'stale' });
  line(0).answer(202, ACCEPTED);
  line(0).emit(CLOSED);
  expect(statuses).toEqual(['alive', 'alive', 'alive', 'lost']);
});

describe('events that nobody waits for', () => {
  it('of a superseded connection are ignored', async () => {
    const { clock, line, running } = start();
    line(0).emit(CLOSED);
    clock.advanceTo(5_000);
    expect(line(0).closed).toBe(true);
    line(0).emit({ type: 'connected' });
    line(0).emit({ type: 'ready' });
    expect(line(1).requests).toEqual([]);
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
      openConversation: (identity, onEvent) => {
        opened += 1;
        onEvent(CLOSED);
        return new ScriptedConversation(identity, onEvent);
      },
    });
    expect(opened).toBe(1);
    clock.runToEnd();
    expect(opened).toBe(5);
    expect(await running.outcome).toMatchObject({ result: 'disconnected', attempts: 5 });
  });

  it('may be a whole conversation', async () => {
    const { clock, running } = start({
      openConversation: (identity, onEvent) => {
        const line = new ScriptedConversation(identity, onEvent);
        line.register = () => line.answer(200, ACCEPTED, 1);
        line.poll = () => line.answer(200, ASSIGNED, 1);
        onEvent({ type: 'connected' });
        onEvent({ type: 'ready' });
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
