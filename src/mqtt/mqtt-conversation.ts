import type {
  Conversation,
  ConversationEvent,
  ConversationIdentity,
  OpenConversation,
} from '../conversation/conversation.ts';
import { connectUsername } from '../dps/connect-identity.ts';
import { parseAnswerBody, registerBody } from '../dps/payloads.ts';
import { parseResponseTopic, pollTopic, RESPONSE_TOPIC_FILTER, registerTopic } from '../dps/topics.ts';
import type { Clock } from '../time/clock.ts';
import type { MqttConnection, MqttEvent, OpenMqttConnection } from './mqtt-connection.ts';

/** The conversation port over MQTT: requests and answers are messages on topics, matched by `$rid`. */
export function mqttConversations(open: OpenMqttConnection, clock: Clock): OpenConversation {
  let opened = 0;
  return (identity, onEvent) => {
    opened += 1;
    // The wall clock tells runs apart, the count the conversations of one run.
    const requestIdPrefix = `${Math.floor(clock.epochMs()).toString(36)}-${opened.toString(36)}`;
    return new MqttConversation(open, identity, requestIdPrefix, onEvent);
  };
}

class MqttConversation implements Conversation {
  readonly #registrationId: string;
  readonly #requestIdPrefix: string;
  readonly #onEvent: (event: ConversationEvent) => void;
  readonly #connection: MqttConnection;
  #requests = 0;
  #requestInFlight: string | null = null;

  /** @param requestIdPrefix no other conversation of this registration ID, in this run or another, has the same */
  constructor(
    open: OpenMqttConnection,
    identity: ConversationIdentity,
    requestIdPrefix: string,
    onEvent: (event: ConversationEvent) => void,
  ) {
    const { registrationId, userAgent, password, clientCertificate } = identity;
    this.#registrationId = registrationId;
    this.#requestIdPrefix = requestIdPrefix;
    this.#onEvent = onEvent;
    const username = connectUsername(identity, userAgent);
    this.#connection = open({ clientId: registrationId, username, password, clientCertificate }, (event) =>
      this.#receive(event),
    );
  }

  register(payloadJson: string | null): void {
    this.#connection.publish(registerTopic(this.#nextRequestId()), registerBody(this.#registrationId, payloadJson));
  }

  poll(operationId: string): void {
    this.#connection.publish(pollTopic(this.#nextRequestId(), operationId), '');
  }

  close(): void {
    this.#connection.close();
  }

  /** Unique, so that a late answer to an earlier request never passes for the answer to the current one. */
  #nextRequestId(): string {
    this.#requests += 1;
    this.#requestInFlight = `${this.#requestIdPrefix}-${this.#requests}`;
    return this.#requestInFlight;
  }

  #receive(event: MqttEvent): void {
    switch (event.type) {
      case 'connected':
        this.#onEvent(event);
        // Without effect if the handler closed the connection.
        this.#connection.subscribe(RESPONSE_TOPIC_FILTER);
        break;
      case 'subscribed':
        this.#onEvent({ type: 'ready' });
        break;
      case 'message':
        this.#onEvent(this.#answerOf(event.topic, event.payload));
        break;
      default:
        this.#onEvent(event);
    }
  }

  #answerOf(topicText: string, payload: string): ConversationEvent {
    const topic = parseResponseTopic(topicText);
    if (topic === null || topic.requestId !== this.#requestInFlight) return { type: 'stale' };
    this.#requestInFlight = null;
    const { status, retryAfterSeconds } = topic;
    return { type: 'answered', status, retryAfterSeconds, body: parseAnswerBody(payload) };
  }
}
