import type { Conversation, ConversationEvent, ConversationIdentity } from '../../src/conversation/conversation.ts';
import { parseAnswerBody } from '../../src/dps/payloads.ts';

/** A conversation that the test leads by hand. */
export class ScriptedConversation implements Conversation {
  readonly identity: ConversationIdentity;
  readonly emit: (event: ConversationEvent) => void;
  readonly requests: string[] = [];
  closed = false;

  constructor(identity: ConversationIdentity, emit: (event: ConversationEvent) => void) {
    this.identity = identity;
    this.emit = emit;
  }

  register(payloadJson: string | null): void {
    this.requests.push(`register ${payloadJson}`);
  }

  poll(operationId: string): void {
    this.requests.push(`poll ${operationId}`);
  }

  close(): void {
    this.closed = true;
  }

  connect(): void {
    for (const type of ['tcpConnected', 'secured', 'connected', 'ready'] as const) this.emit({ type });
  }

  answer(status: number, payload: string, retryAfterSeconds: number | null = null): void {
    this.emit({ type: 'answered', status, retryAfterSeconds, body: parseAnswerBody(payload) });
  }
}
