import { describe, expect, it } from 'vitest';
import type { ConversationEvent, ConversationIdentity } from '../../src/conversation/conversation.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';
import { parseRequestTopic } from '../../src/dps/topics.ts';
import type { MqttConnection, MqttEvent, MqttIdentity } from '../../src/mqtt/mqtt-connection.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const IDENTITY: ConversationIdentity = {
  registrationId: 'dev-1',
  idScope: '0ne00111111',
  apiVersion: '2021-06-01',
  userAgent: 'dpsload/1 (test)',
  password: 'SharedAccessSignature sr=secret',
  clientCertificate: null,
};
const ACCEPTED = '{"operationId":"5.a","status":"assigning"}';

/** A connection that the test leads by hand. */
class Line implements MqttConnection {
  readonly identity: MqttIdentity;
  readonly emit: (event: MqttEvent) => void;
  readonly done: string[] = [];
  closed = false;

  constructor(identity: MqttIdentity, emit: (event: MqttEvent) => void) {
    this.identity = identity;
    this.emit = emit;
  }

  subscribe(topicFilter: string): void {
    this.done.push(`subscribe ${topicFilter}`);
  }

  publish(topic: string, payload: string): void {
    this.done.push(`publish ${topic} ${payload}`);
  }

  close(): void {
    this.closed = true;
  }

  get requestId(): string {
    return parseRequestTopic(this.done.at(-1)?.split(' ')[1] ?? '')?.requestId ?? '';
  }

  answer(requestId: string, status = 202, payload = ACCEPTED, suffix = ''): void {
    this.emit({ type: 'message', topic: `$dps/registrations/res/${status}/?$rid=${requestId}${suffix}`, payload });
  }
}

/** Opens conversations of one registration ID. */
function conversations(clock = new VirtualClock()) {
  const lines: Line[] = [];
  const open = mqttConversations((identity, onEvent) => {
    const line = new Line(identity, onEvent);
    lines.push(line);
    return line;
  }, clock);
  return () => {
    const events: ConversationEvent[] = [];
    const conversation = open(IDENTITY, (event) => events.push(event));
    return { conversation, events, line: lines.at(-1) as Line };
  };
}

function registering(open = conversations()) {
  const opened = open();
  opened.line.emit({ type: 'connected' });
  opened.line.emit({ type: 'subscribed' });
  opened.conversation.register(null);
  opened.events.length = 0;
  return { ...opened, requestId: opened.line.requestId };
}

it('connects with the client ID and the user name of the registration', () => {
  const { line } = conversations()();
  expect(line.identity).toEqual({
    clientId: 'dev-1',
    username: '0ne00111111/registrations/dev-1/api-version=2021-06-01&ClientVersion=dpsload%2F1%20(test)',
    password: 'SharedAccessSignature sr=secret',
    clientCertificate: null,
  });
});

it('subscribes once it is connected, and is ready once it is subscribed', () => {
  const { line, events } = conversations()();
  for (const type of ['tcpConnected', 'secured'] as const) line.emit({ type });
  expect(line.done).toEqual([]);
  line.emit({ type: 'connected' });
  expect(line.done).toEqual(['subscribe $dps/registrations/res/#']);
  line.emit({ type: 'subscribed' });
  expect(events.map(({ type }) => type)).toEqual(['tcpConnected', 'secured', 'connected', 'ready']);
});

it('publishes requests to their topics', () => {
  const { conversation, line } = registering();
  expect(line.done.at(-1)).toBe(
    `publish $dps/registrations/PUT/iotdps-register/?$rid=${line.requestId} {"registrationId":"dev-1"}`,
  );
  conversation.register('{"a":1}');
  expect(line.done.at(-1)).toBe(
    `publish $dps/registrations/PUT/iotdps-register/?$rid=${line.requestId} {"registrationId":"dev-1","payload":{"a":1}}`,
  );
  conversation.poll('5.a');
  expect(line.done.at(-1)).toBe(
    `publish $dps/registrations/GET/iotdps-get-operationstatus/?$rid=${line.requestId}&operationId=5.a `,
  );
});

it('passes on a loss, and closes the connection', () => {
  const { conversation, events, line } = registering();
  const lost: ConversationEvent = { type: 'lost', failure: { code: 'closed', message: 'M' } };
  line.emit(lost);
  expect(events).toEqual([lost]);
  conversation.close();
  expect(line.closed).toBe(true);
});

describe('the answer to the request in flight', () => {
  it('has the status and retry-after of its topic, and its body', () => {
    const { line, events, requestId } = registering();
    line.answer(requestId, 202, ACCEPTED, '&retry-after=3');
    expect(events).toEqual([{ type: 'answered', status: 202, retryAfterSeconds: 3, body: parseAnswerBody(ACCEPTED) }]);
  });

  it.each(['', '{', '[]', '<html>Bad gateway</html>'])('may be unreadable: %j', (payload) => {
    const { line, events, requestId } = registering();
    line.answer(requestId, 200, payload);
    expect(events).toEqual([{ type: 'answered', status: 200, retryAfterSeconds: null, body: null }]);
  });

  it('is stale when it comes a second time', () => {
    const { line, events, requestId } = registering();
    line.answer(requestId);
    line.answer(requestId);
    expect(events.map(({ type }) => type)).toEqual(['answered', 'stale']);
  });
});

describe('an answer that belongs to no request in flight', () => {
  it.each<[string, (requestId: string) => string]>([
    ['another $rid', () => '$dps/registrations/res/200/?$rid=p-9'],
    ['a shorter $rid', (id) => `$dps/registrations/res/200/?$rid=${id.slice(0, -2)}`],
    ['a $rid in another case', (id) => `$dps/registrations/res/200/?$rid=${id.toUpperCase()}`],
    ['no $rid', () => '$dps/registrations/res/200/'],
    ['a topic that is not of DPS', () => 'nothing of ours'],
    ['no topic', () => ''],
  ])('is stale: %s', (_what, topicOf) => {
    const { line, events, requestId } = registering();
    line.emit({ type: 'message', topic: topicOf(requestId), payload: ACCEPTED });
    expect(events).toEqual([{ type: 'stale' }]);
    line.answer(requestId);
    expect(events.at(-1)).toMatchObject({ type: 'answered', status: 202 });
  });

  it('is stale before the first request', () => {
    const { line, events } = conversations()();
    line.answer('');
    line.answer('null');
    expect(events).toEqual([{ type: 'stale' }, { type: 'stale' }]);
  });

  it('is stale when its request was superseded, also on an earlier connection', () => {
    const open = conversations();
    const before = registering(open);
    const { line, events } = registering(open);
    line.answer(before.requestId);
    expect(events).toEqual([{ type: 'stale' }]);
  });
});

it('no two requests have the same ID, also across connections and runs', () => {
  const later = new VirtualClock();
  later.advanceTo(1);
  const ids: string[] = [];
  for (const open of [conversations(), conversations(later)]) {
    for (let connection = 0; connection < 40; connection += 1) {
      const { conversation, line, requestId } = registering(open);
      ids.push(requestId);
      conversation.poll('5.a');
      ids.push(line.requestId);
    }
  }
  expect(new Set(ids).size).toBe(160);
});
