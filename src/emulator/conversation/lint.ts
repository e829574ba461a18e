import { parseResponseTopic, RESPONSE_TOPIC_FILTER } from '../../dps/topics.ts';
import { connectFindings, type Seen } from './connect-rules.ts';
import type { Connection, PublishStep, Step } from './conversation.ts';
import {
  type ConnectionFacts,
  type DeviceFacts,
  newConnectionFacts,
  newDeviceFacts,
  OPERATIONS_MAX,
  OUTSTANDING_MAX,
} from './exchange.ts';
import { FINDINGS, type Finding, type FindingCode } from './finding.ts';
import { isHastyRetry, publishFindings, takeRequest } from './request-rules.ts';

/** A device that comes back later than this may have been restarted, and have forgotten its operation. */
const SAME_ATTEMPT_MS = 60_000;
/** A device may keep its connection for a while to close it in good order. */
const STAY_MAX_MS = 60_000;

/** The rules over the conversation of one device, step by step. Each code is found once; its later sights are counted. */
export class ConversationLint {
  readonly #found = new Map<FindingCode, { -readonly [member in keyof Finding]: Finding[member] }>();
  readonly #connections = new Map<number, ConnectionFacts>();
  readonly #device: DeviceFacts = newDeviceFacts();
  readonly #isWhole: boolean;

  /** @param isWhole whether no earlier connection was forgotten */
  constructor(isWhole: boolean) {
    this.#isWhole = isWhole;
  }

  get findings(): readonly Finding[] {
    return [...this.#found.values()];
  }

  /** Takes in the next step. Returns what is found for the first time. */
  read(connection: Connection, index: number): readonly Finding[] {
    const step = connection.steps[index];
    if (step === undefined) return [];
    const facts = this.#connections.get(connection.number) ?? newConnectionFacts();
    this.#connections.set(connection.number, facts);
    const seen = this.#seen(connection, step, facts);
    if (step.type === 'end') this.#connections.delete(connection.number);
    return seen.flatMap(([code, text]) => {
      const known = this.#found.get(code);
      if (known !== undefined) {
        known.times += 1;
        return [];
      }
      const place = { connection: connection.number, step: index, atMs: step.atMs };
      const finding = { code, ...place, seen: text, times: 1, ...FINDINGS[code] };
      this.#found.set(code, finding);
      return [finding];
    });
  }

  #seen(connection: Connection, step: Step, facts: ConnectionFacts): readonly Seen[] {
    switch (step.type) {
      case 'connect':
        return [...connectFindings(connection, step), ...this.#reconnected(step.atMs)];
      case 'connack':
        this.#device.refusedAtMs = step.returnCode === 0 ? null : step.atMs;
        return [];
      case 'subscribe':
        return step.subscriptions.flatMap(subscriptionFindings);
      case 'suback':
        facts.isSubscribed ||= step.returnCodes.some((code) => code < 0x80);
        return [];
      case 'publish':
        return step.from === 'device' ? this.#asked(connection, step, facts) : this.#answered(step, facts);
      case 'puback':
        if (step.from === 'device') facts.unacknowledged.shift();
        return [];
      case 'pingreq':
        if (facts.finalAtMs === null || step.atMs - facts.finalAtMs < STAY_MAX_MS) return [];
        return [
          ['stays-connected', `a ping ${Math.round((step.atMs - facts.finalAtMs) / 1_000)} s after the final answer`],
        ];
      case 'disconnect':
        return this.#disconnected(step.atMs, facts);
      case 'end':
        return this.#ended(connection, step, facts);
      default:
        return [];
    }
  }

  #reconnected(atMs: number): readonly Seen[] {
    const device = this.#device;
    const { disconnectedAtMs, refusedAtMs } = device;
    // Whoever lost its connection or was restarted may register again.
    if (disconnectedAtMs === null || atMs - disconnectedAtMs > SAME_ATTEMPT_MS) device.operationId = null;
    if (refusedAtMs === null) return [];
    if (!isHastyRetry(atMs, refusedAtMs, device)) return [];
    return [
      [
        'retry-without-backoff',
        `again and again a CONNECT at once after the refusal, now after ${Math.round(atMs - refusedAtMs)} ms`,
      ],
    ];
  }

  #asked(connection: Connection, step: PublishStep, facts: ConnectionFacts): readonly Seen[] {
    const [connect] = connection.steps;
    const registrationId = connect?.type === 'connect' ? (connect.registrationId ?? connect.clientId) : '';
    const place = { registrationId, isWhole: connection.forgottenSteps === 0 };
    const seen = publishFindings(step, facts, this.#device, place);
    takeRequest(step, facts, this.#device);
    return seen;
  }

  /** An answer to nobody's request is a fault that was asked for. */
  #answered({ topic, payload, qos, atMs }: PublishStep, facts: ConnectionFacts): readonly Seen[] {
    if (qos === 1 && facts.unacknowledged.length < OUTSTANDING_MAX) facts.unacknowledged.push(atMs);
    const answer = parseResponseTopic(topic);
    const request = facts.outstanding.get(answer?.requestId ?? '');
    if (answer === null || request === undefined) return [];
    const { status, requestId, retryAfterSeconds } = answer;
    facts.outstanding.delete(requestId);
    const device = this.#device;
    device.last = { status, retryAfterSeconds, atMs, requestedAtMs: request.atMs };
    if (status === 202) this.#accepted(/"operationId":"([^"]+)"/.exec(payload)?.[1] ?? null);
    if (status === 200) {
      facts.finalAtMs = atMs;
      device.operationId = null;
    }
    if (status !== 404 || request.operationId === null) return [];
    device.operationId = null;
    const { operationIds } = device;
    if (!this.#isWhole || operationIds.includes(request.operationId)) return [];
    const known = operationIds.at(-1);
    return [['wrong-operation-id', `a poll for ${request.operationId}; the device was told ${known ?? 'none'}`]];
  }

  #accepted(operationId: string | null): void {
    const { operationIds } = this.#device;
    this.#device.operationId = operationId;
    if (operationId === null || operationIds.includes(operationId)) return;
    operationIds.push(operationId);
    if (operationIds.length > OPERATIONS_MAX) operationIds.shift();
  }

  #disconnected(atMs: number, facts: ConnectionFacts): readonly Seen[] {
    facts.hasDisconnected = true;
    const { operationId, last } = this.#device;
    if (operationId === null || last?.status !== 202 || facts.outstanding.size > 0) return [];
    return [['disconnect-before-result', `DISCONNECT ${Math.round(atMs - last.atMs)} ms after a 202`]];
  }

  #ended(
    { steps }: Connection,
    { from, reason, atMs }: Extract<Step, { type: 'end' }>,
    facts: ConnectionFacts,
  ): readonly Seen[] {
    this.#device.disconnectedAtMs = facts.hasDisconnected ? atMs : null;
    if (from === 'emulator') {
      if (reason.startsWith('not MQTT: ')) return [['malformed-packet', reason.slice('not MQTT: '.length)]];
      if (reason !== 'keep-alive time passed') return [];
      const [connect] = steps;
      const seconds = connect?.type === 'connect' ? connect.keepAliveSeconds : 0;
      return [['keep-alive-missed', `no packet within 1.5 times the keep-alive of ${seconds} s`]];
    }
    if (facts.finalAtMs === null || reason !== CLOSED) return [];
    return [['no-disconnect', 'the connection closed without DISCONNECT after the final answer']];
  }
}

/** How an `end` reads if the device closed its side in good order, but without DISCONNECT. */
export const CLOSED = 'closed without DISCONNECT';

function subscriptionFindings({ filter, qos }: { readonly filter: string; readonly qos: number }): readonly Seen[] {
  const seen: Seen[] = [];
  if (filter !== RESPONSE_TOPIC_FILTER) seen.push(['other-filter', filter]);
  if (qos === 2) seen.push(['subscribe-qos-2', 'SUBSCRIBE with QoS 2']);
  return seen;
}

/** @param isWhole whether no earlier connection was forgotten */
export function lintConversation(connections: readonly Connection[], isWhole: boolean): readonly Finding[] {
  const lint = new ConversationLint(isWhole);
  const places = connections.flatMap((connection) =>
    connection.steps.map(({ atMs }, index) => ({ connection, index, atMs })),
  );
  // Connections of one device may overlap.
  for (const { connection, index } of places.sort((a, b) => a.atMs - b.atMs)) lint.read(connection, index);
  return lint.findings;
}
