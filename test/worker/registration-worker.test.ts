import { describe, expect, it } from 'vitest';
import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import { COUNTED } from '../../src/registration/event-counts.ts';
import { REGISTRATION_POLICY_DEFAULT, type RegistrationPolicy } from '../../src/registration/registration-policy.ts';
import { RegistrationWorker } from '../../src/worker/registration-worker.ts';
import type { FromWorker, WorkerSetup } from '../../src/worker/worker-messages.ts';
import { GROUP_KEYS } from '../support/group-key.ts';
import { launch } from '../support/launches.ts';
import { ScriptedConversation } from '../support/scripted-conversation.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const NO_FILES: AttestationKeys = {
  kind: 'x509-files',
  files: {
    from: 'folder',
    folder: '/nonexistent',
    certificatePattern: '{registration_id}.pem',
    keyPattern: '{registration_id}.key',
  },
};
const ASSIGNED = '{"status":"assigned","registrationState":{"assignedHub":"hub-a"}}';

type Options = { concurrency?: number; keys?: AttestationKeys; policy?: Partial<RegistrationPolicy> };
type Message<T extends FromWorker['type']> = Extract<FromWorker, { type: T }>;

/** A worker in virtual time, whose conversations the test leads by hand. */
function startWorker({ concurrency = 10, keys = GROUP_KEYS, policy = {} }: Options = {}) {
  const clock = new VirtualClock();
  const sent: FromWorker[] = [];
  const conversations: ScriptedConversation[] = [];
  const setup: WorkerSetup = {
    host: 'localhost',
    port: 8883,
    caPems: [],
    transport: 'mqtt',
    mqttClient: 'dpsload',
    addresses: null,
    tls: {} as WorkerSetup['tls'],
    clockOriginMs: 0,
    idScope: '0ne00111111',
    apiVersion: '2021-06-01',
    userAgent: 'test',
    keys,
    policy: { ...REGISTRATION_POLICY_DEFAULT, ...policy },
    seed: 1,
  };
  const worker = new RegistrationWorker({
    setup,
    concurrency,
    clock,
    open: (identity, onEvent) => {
      const conversation = new ScriptedConversation(identity, onEvent);
      conversations.push(conversation);
      return conversation;
    },
    send: (message) => sent.push(message),
  });
  worker.begin();
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const messages = <T extends FromWorker['type']>(type: T) =>
    sent.filter((message): message is Message<T> => message.type === type);
  return {
    clock,
    worker,
    sent,
    conversations,
    messages,
    settle,
    opened: () => conversations.map(({ identity }) => identity.registrationId),
    outcomes: () => messages('outcomes').flatMap(({ outcomes }) => outcomes),
    /** Time goes on, and promises are settled. */
    async advanceTo(atMs: number) {
      clock.advanceTo(atMs);
      await settle();
    },
    async launch(...launches: readonly ReturnType<typeof launch>[]) {
      worker.receive({ type: 'launch', launches });
      await settle();
    },
    async assign(index: number) {
      conversations[index]?.connect();
      conversations[index]?.answer(200, ASSIGNED);
      await settle();
    },
  };
}

const results = (outcomes: ReturnType<ReturnType<typeof startWorker>['outcomes']>) =>
  outcomes.map(({ registrationId, result }) => `${registrationId} ${result}`);

describe('launches', () => {
  it('start at their intended start', async () => {
    const { launch: receive, advanceTo, opened, clock } = startWorker();
    await receive(launch(0, 100), launch(1, 250));
    await advanceTo(99);
    expect(opened()).toEqual([]);
    await advanceTo(100);
    expect(opened()).toEqual(['dev-0']);
    await advanceTo(250);
    expect(opened()).toEqual(['dev-0', 'dev-1']);
    expect(clock.nowMs()).toBe(250);
  });

  it('wait for a slot', async () => {
    const { launch: receive, assign, opened, advanceTo, outcomes } = startWorker({ concurrency: 1 });
    await receive(launch(0), launch(1));
    expect(opened()).toEqual(['dev-0']);
    await advanceTo(40);
    await assign(0);
    expect(opened()).toEqual(['dev-0', 'dev-1']);
    await assign(1);
    await advanceTo(1_000);
    expect(outcomes()).toMatchObject([
      { registrationId: 'dev-0', result: 'assigned', startedAtMs: 0, finishedAtMs: 40 },
      { registrationId: 'dev-1', result: 'assigned', startedAtMs: 40, finishedAtMs: 40 },
    ]);
  });

  it('whose credentials cannot be used end as outcomes, and connect to nothing', async () => {
    const { launch: receive, advanceTo, outcomes, opened, settle, clock } = startWorker({ keys: NO_FILES });
    await receive(launch(0));
    await expect
      .poll(async () => {
        await settle();
        clock.advanceTo(clock.nowMs() + 100);
        return outcomes().length;
      })
      .toBe(1);
    await advanceTo(clock.nowMs() + 100);
    expect(opened()).toEqual([]);
    expect(outcomes()).toMatchObject([
      { registrationId: 'dev-0', errorCode: 'certificate-unreadable', attempts: 0, registersSent: 0 },
    ]);
  });
});

describe('what registrations do and meet', () => {
  const THROTTLED = [429, '{"errorCode":429001}', 2] as const;

  it('is reported while they are still in progress', async () => {
    const { launch: receive, conversations, advanceTo, messages, outcomes } = startWorker();
    await receive(launch(0), launch(1));
    for (const conversation of conversations) conversation.connect();
    conversations[0]?.answer(...THROTTLED);
    conversations[1]?.emit({ type: 'lost', failure: { code: 'closed', message: 'closed' } });
    await advanceTo(1_000);
    expect(outcomes()).toEqual([]);
    expect(messages('health').map(({ events }) => events)).toMatchObject([
      { attempts: 2, registersSent: 2, throttles: 1, polls: 0, connectionsLost: 1, registersRepeated: 0 },
    ]);
  });

  it('adds up to what the outcomes count, and never arrives later than they do', async () => {
    const { launch: receive, conversations, advanceTo, sent, outcomes, settle } = startWorker();
    await receive(launch(0), launch(1), launch(2));
    for (const conversation of conversations) conversation.connect();
    conversations[0]?.answer(...THROTTLED);
    conversations[1]?.answer(500, '{"errorCode":500000}');
    conversations[2]?.answer(200, ASSIGNED);
    await advanceTo(8_000);
    const repeated = sent.flatMap((message) => ('events' in message ? [message.events?.registersRepeated ?? 0] : []));
    expect(outcomes()).toEqual([]);
    expect(repeated.reduce((sum, count) => sum + count, 0)).toBe(2);
    for (const index of [0, 1]) conversations[index]?.answer(200, ASSIGNED);
    await settle();
    await advanceTo(9_000);
    expect(outcomes()).toHaveLength(3);
    for (const name of COUNTED) {
      let [happened, ended] = [0, 0];
      for (const message of sent) {
        if ('events' in message) happened += message.events?.[name] ?? 0;
        if (message.type === 'outcomes') ended += message.outcomes.reduce((sum, outcome) => sum + outcome[name], 0);
        expect([name, happened]).toEqual([name, Math.max(happened, ended)]);
      }
      expect([name, happened]).toEqual([name, ended]);
    }
  });
});

describe('what has not started', () => {
  /** One registration in flight, one that waits for a slot, one that waits for its start. */
  async function waiting() {
    const started = startWorker({ concurrency: 1 });
    await started.launch(launch(0), launch(1), launch(2, 5_000));
    started.conversations[0]?.connect();
    return started;
  }

  it('is handed back when an outage begins, and later launches start', async () => {
    const { worker, launch: receive, advanceTo, assign, outcomes, opened } = await waiting();
    worker.receive({ type: 'outageBegan', sinceMs: 0 });
    await advanceTo(100);
    expect(results(outcomes())).toEqual(['dev-1 not-started', 'dev-2 not-started']);
    await receive(launch(3));
    await assign(0);
    expect(opened()).toEqual(['dev-0', 'dev-3']);
  });

  it('is handed back on dropWaiting, as are later launches, and what is in flight finishes', async () => {
    const { worker, launch: receive, advanceTo, assign, outcomes, opened } = await waiting();
    worker.receive({ type: 'dropWaiting' });
    await receive(launch(3));
    await assign(0);
    await advanceTo(10_000);
    expect(opened()).toEqual(['dev-0']);
    expect(results(outcomes())).toEqual([
      'dev-1 not-started',
      'dev-2 not-started',
      'dev-3 not-started',
      'dev-0 assigned',
    ]);
  });

  it('is handed back on cancelAll, and what is in flight is cancelled', async () => {
    const { worker, advanceTo, outcomes, conversations } = await waiting();
    worker.receive({ type: 'cancelAll' });
    await advanceTo(0);
    await advanceTo(100);
    expect(results(outcomes())).toEqual(['dev-1 not-started', 'dev-2 not-started', 'dev-0 cancelled']);
    expect(conversations[0]?.closed).toBe(true);
  });

  it('is handed back when cancelAll comes while its credentials are being made', async () => {
    const { worker, advanceTo, outcomes, opened } = startWorker();
    worker.receive({ type: 'launch', launches: [launch(0)] });
    worker.receive({ type: 'cancelAll' });
    await advanceTo(0);
    await advanceTo(100);
    expect(opened()).toEqual([]);
    expect(results(outcomes())).toEqual(['dev-0 not-started']);
  });
});

describe('permits', () => {
  /** The first register request was answered 429. */
  async function throttled() {
    const { launch: receive, conversations, ...started } = startWorker({ policy: { permitLapseMs: 1_000 } });
    await receive(launch(4));
    const [conversation] = conversations;
    conversation?.connect();
    conversation?.answer(429, '', 3);
    return { ...started, conversation };
  }

  it('are requested for repeated register requests, which wait for them', async () => {
    const { worker, conversation, advanceTo, messages } = await throttled();
    expect(messages('throttled')).toEqual([{ type: 'throttled', atMs: 0, retryAfterSeconds: 3 }]);
    await advanceTo(3_000);
    expect(messages('permitRequested')).toEqual([{ type: 'permitRequested', sequence: 4, repeats: true }]);
    expect(conversation?.requests).toHaveLength(1);
    worker.receive({ type: 'permitGranted', sequence: 99, validUntilMs: Number.MAX_SAFE_INTEGER });
    expect(conversation?.requests).toHaveLength(1);
    worker.receive({ type: 'permitGranted', sequence: 4, validUntilMs: Number.MAX_SAFE_INTEGER });
    expect(conversation?.requests).toHaveLength(2);
  });

  it('are withdrawn when the registration no longer waits', async () => {
    const { worker, advanceTo, messages } = await throttled();
    await advanceTo(3_000);
    worker.receive({ type: 'cancelAll' });
    expect(messages('permitWithdrawn')).toEqual([{ type: 'permitWithdrawn', sequence: 4 }]);
  });
});

describe('an outage', () => {
  async function during() {
    const started = startWorker();
    await started.launch(launch(0), launch(1), launch(2));
    started.conversations[0]?.connect();
    for (const index of [1, 2])
      started.conversations[index]?.emit({ type: 'lost', failure: { code: 'tcp-reset', message: 'M' } });
    started.worker.receive({ type: 'outageBegan', sinceMs: 0 });
    await started.settle();
    return started;
  }

  it('holds what would connect again, and lets open connections finish', async () => {
    const { advanceTo, assign, messages, opened, outcomes } = await during();
    await advanceTo(20_000);
    expect(opened()).toHaveLength(3);
    expect(messages('health').at(-1)).toMatchObject({ held: 2 });
    await assign(0);
    await advanceTo(21_000);
    expect(results(outcomes())).toContain('dev-0 assigned');
  });

  it('is probed by the longest held first; a probe that fails is held again, and said so', async () => {
    const { conversations, messages, opened, worker } = await during();
    for (const probe of ['dev-1', 'dev-2', 'dev-1']) {
      worker.receive({ type: 'releaseHeld', count: 1 });
      expect(opened().at(-1)).toBe(probe);
      conversations.at(-1)?.emit({ type: 'lost', failure: { code: 'tcp-refused', message: 'M' } });
    }
    expect(messages('probeEnded')).toHaveLength(3);
  });

  it('ends with the first sign of life, which is reported at once; later releases are not probes', async () => {
    const { conversations, messages, outcomes, worker, assign, advanceTo, opened } = await during();
    worker.receive({ type: 'releaseHeld', count: 1 });
    const before = messages('health').length;
    conversations.at(-1)?.emit({ type: 'connected' });
    expect(messages('health')).toHaveLength(before + 1);
    expect(messages('health').at(-1)).toMatchObject({ held: 1, aliveAtMs: 0 });
    worker.receive({ type: 'outageEnded' });
    worker.receive({ type: 'releaseHeld', count: 9 });
    expect(opened()).toEqual(['dev-0', 'dev-1', 'dev-2', 'dev-1', 'dev-2']);
    await assign(4);
    await advanceTo(1_000);
    expect(results(outcomes())).toEqual(['dev-2 assigned']);
    expect(messages('probeEnded')).toEqual([]);
  });

  it('takes a launch that arrives during it for a probe', async () => {
    const { conversations, launch: receive, messages } = await during();
    await receive(launch(3));
    conversations.at(-1)?.emit({ type: 'lost', failure: { code: 'tcp-refused', message: 'M' } });
    expect(messages('probeEnded')).toHaveLength(1);
  });
});

it('reports its health every second, with counts since the last report', async () => {
  const { launch: receive, conversations, advanceTo, assign, messages } = startWorker({ concurrency: 1 });
  await receive({ ...launch(0, 0), heldMs: 0 }, { ...launch(1, 0), heldMs: 30 });
  await advanceTo(200);
  await assign(0);
  conversations[1]?.emit({ type: 'lost', failure: { code: 'closed', message: 'M' } });
  await advanceTo(1_000);
  await advanceTo(1_999);
  expect(messages('health')).toMatchObject([
    // dev-1 was held for 30 ms, and waited 170 ms more for its slot.
    {
      inFlight: 1,
      launched: 2,
      startLagMaxMs: 170,
      held: 0,
      aliveAtMs: 200,
      losses: [{ sequence: 1, atMs: 200, reached: false }],
    },
  ]);
  await advanceTo(2_000);
  expect(messages('health')[1]).toMatchObject({
    inFlight: 1,
    launched: 0,
    startLagMaxMs: null,
    aliveAtMs: null,
    losses: [],
    loopDelayMaxMs: expect.any(Number),
  });
});

describe('messages', () => {
  it('say once that a device connected, before the outcomes', async () => {
    const { launch: receive, assign, sent, advanceTo } = startWorker();
    await receive(launch(0), launch(1));
    await assign(0);
    await assign(1);
    await advanceTo(100);
    expect(sent.map(({ type }) => type)).toEqual(['ready', 'connected', 'outcomes']);
  });

  it('end when the last launch is settled: outcomes, health, ended, and no timer is left', async () => {
    const { worker, launch: receive, assign, sent, clock } = startWorker();
    await receive(launch(0));
    worker.receive({ type: 'noMoreLaunches' });
    expect(sent.map(({ type }) => type)).toEqual(['ready']);
    await assign(0);
    expect(sent.map(({ type }) => type)).toEqual(['ready', 'connected', 'outcomes', 'health', 'ended']);
    expect(clock.timers).toBe(0);
  });

  it('end at once if nothing was launched', () => {
    const { worker, sent, clock } = startWorker();
    worker.receive({ type: 'noMoreLaunches' });
    expect(sent.map(({ type }) => type)).toEqual(['ready', 'health', 'ended']);
    expect(clock.timers).toBe(0);
  });
});
