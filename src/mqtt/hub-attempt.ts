import { parseTwinAnswerTopic, TWIN_ANSWER_FILTER, telemetryTopic, twinGetTopic } from '../dps/hub-topics.ts';
import {
  type HubAttempt,
  type HubCheckFailure,
  type HubCheckPhases,
  type HubCheckPolicy,
  hubFailureOf,
} from '../hub/hub-check.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { MqttConnection, MqttEvent, MqttIdentity, OpenMqttConnection } from './mqtt-connection.ts';

/** Each connection makes one request. */
const REQUEST_ID = '1';

/** The one message of a device: small, since the hub bills by 4 KB, and named, so that a consumer can leave it out. */
const TELEMETRY = '{"hubCheck":true}';
/** `$.ct` and `$.ce` let the hub route by the body. */
const TELEMETRY_PROPERTIES = '$.ct=application%2Fjson&$.ce=utf-8&source=dpsload-hub-check';

export type HubAttemptRequest = {
  readonly open: OpenMqttConnection;
  readonly clock: Clock;
  readonly identity: MqttIdentity;
  readonly policy: Pick<HubCheckPolicy, 'check' | 'connectTimeoutMs' | 'answerTimeoutMs'>;
};

/** A connection in progress. */
export type HubAttemptInProgress = {
  readonly ended: Promise<HubAttempt>;
  /** Closes the connection; `ended` never settles then. */
  cancel(): void;
};

/** Connects one device to its hub, once, and does what the check asks for. */
export function tryHub(request: HubAttemptRequest): HubAttemptInProgress {
  let conversation: HubConversation | null = null;
  const ended = new Promise<HubAttempt>((resolve) => {
    conversation = new HubConversation(request, resolve);
  });
  return { ended, cancel: () => conversation?.close() };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

class HubConversation {
  readonly #request: HubAttemptRequest;
  readonly #onEnd: (attempt: HubAttempt) => void;
  readonly #phases: Mutable<HubCheckPhases> = {
    dnsMs: null,
    tcpMs: null,
    tlsMs: null,
    connackMs: null,
    subackMs: null,
    answerMs: null,
  };
  readonly #connection: MqttConnection;
  #isOver = false;
  /** When the current phase began. */
  #sinceMs: number;
  #timer: Timer;

  constructor(request: HubAttemptRequest, onEnd: (attempt: HubAttempt) => void) {
    const { clock, identity, open, policy } = request;
    this.#request = request;
    this.#onEnd = onEnd;
    this.#sinceMs = clock.nowMs();
    this.#timer = this.#timeout(policy.connectTimeoutMs, 'hub-late', 'no CONNACK');
    this.#connection = open(identity, (event) => this.#receive(event));
  }

  close(): void {
    this.#isOver = true;
    this.#timer.cancel();
    this.#connection.close();
  }

  #receive(event: MqttEvent): void {
    if (this.#isOver) return;
    switch (event.type) {
      case 'resolved':
        this.#phaseEnded('dnsMs');
        break;
      case 'tcpConnected':
        this.#phaseEnded('tcpMs');
        break;
      case 'secured':
        this.#phaseEnded('tlsMs');
        break;
      case 'connected':
        this.#phaseEnded('connackMs');
        this.#connected();
        break;
      case 'subscribed':
        this.#phaseEnded('subackMs');
        this.#awaitAnswer('no twin');
        this.#connection.publish(twinGetTopic(REQUEST_ID), '');
        break;
      case 'message':
        this.#answered(event.topic, event.payload);
        break;
      case 'lost':
        this.#end(this.#failureOf(hubFailureOf(event.failure.code)), event.failure.message);
        break;
    }
  }

  /** A hub that closes after CONNACK has not refused the connection. */
  #failureOf(failure: HubCheckFailure): HubCheckFailure {
    return this.#phases.connackMs !== null && failure === 'hub-closed' ? 'hub-no-answer' : failure;
  }

  #connected(): void {
    switch (this.#request.policy.check) {
      case 'connect':
        this.#pass();
        break;
      case 'telemetry':
        this.#awaitAnswer('no PUBACK');
        this.#connection.publish(this.#telemetryTopic(), TELEMETRY, () => this.#acknowledged());
        break;
      case 'twin':
        this.#awaitAnswer('no SUBACK');
        this.#connection.subscribe(TWIN_ANSWER_FILTER);
        break;
    }
  }

  #telemetryTopic(): string {
    return telemetryTopic(this.#request.identity.clientId, TELEMETRY_PROPERTIES);
  }

  #acknowledged(): void {
    if (this.#isOver) return;
    this.#phaseEnded('answerMs');
    this.#pass();
  }

  #answered(topicText: string, payload: string): void {
    const topic = parseTwinAnswerTopic(topicText);
    if (topic === null || topic.requestId !== REQUEST_ID) return;
    this.#phaseEnded('answerMs');
    const { status } = topic;
    if (status === 200) {
      if (isTwin(payload)) this.#pass();
      else this.#end('hub-twin', 'the hub answered the twin request with something that is not a twin');
      return;
    }
    const message = `the hub answered the twin request with status ${status}`;
    this.#end(status === 429 ? 'hub-throttled' : 'hub-twin', message);
  }

  #phaseEnded(phase: keyof HubCheckPhases): void {
    const nowMs = this.#request.clock.nowMs();
    this.#phases[phase] = nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
  }

  #awaitAnswer(what: string): void {
    this.#timer.cancel();
    this.#timer = this.#timeout(this.#request.policy.answerTimeoutMs, 'hub-no-answer', what);
  }

  #timeout(afterMs: number, result: HubCheckFailure, what: string): Timer {
    const { clock } = this.#request;
    return clock.wakeAt(clock.nowMs() + afterMs, () => this.#end(result, `${what} within ${afterMs / 1_000} s`));
  }

  #pass(): void {
    this.close();
    this.#onEnd({ result: 'passed', message: null, phases: this.#phases });
  }

  #end(result: HubCheckFailure, message: string): void {
    this.close();
    this.#onEnd({ result, message, phases: this.#phases });
  }
}

function isTwin(payload: string): boolean {
  try {
    const twin: unknown = JSON.parse(payload);
    return typeof twin === 'object' && twin !== null && 'desired' in twin && 'reported' in twin;
  } catch {
    return false;
  }
}
