import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { CONNACK } from '../../dps/error-codes.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { parseRequestTopic, parseResponseTopic, RESPONSE_TOPIC_FILTER, type RequestTopic } from '../../dps/topics.ts';
import type { Clock } from '../../time/clock.ts';
import type { Handshake } from '../conversation/conversation.ts';
import type { KeptConversations } from '../conversation/kept-conversations.ts';
import type { ServiceAnswer } from '../service/answer.ts';
import type { ConnectAnswer, ConnectedDevice } from '../service/connect-check.ts';
import type { FaultPlan } from '../service/fault-plan.ts';
import type { Fault, FaultPoint } from '../service/fault-rule.ts';
import { keptText } from '../service/kept-text.ts';
import type { ProvisioningService } from '../service/provisioning-service.ts';
import { deliveries, type RequestHandling, requestHandling } from '../service/request-handling.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import { AnswerDelivery } from './answer-delivery.ts';
import { ConversationRecorder } from './conversation-recorder.ts';
import type { OpenSessions } from './open-sessions.ts';
import { connackBytes, PINGRESP, pubackBytes, subackBytes, unsubackBytes } from './packet-bytes.ts';
import {
  type ConnectPacket,
  type DevicePacket,
  ProtocolViolation,
  type PublishPacket,
  type SubscribePacket,
  type UnsubscribePacket,
} from './packet-reader.ts';
import { PacketStream, type SessionLimits, type SilenceLimit } from './packet-stream.ts';

/** What all connections of one emulator share. */
export type SessionContext = {
  readonly service: ProvisioningService;
  readonly faults: FaultPlan;
  /** For what sockets wait for. */
  readonly clock: Clock;
  /** For what the service waits for. It may be put forward. */
  readonly serviceClock: Clock;
  /** Milliseconds since 1970, never backwards: the service's time. */
  readonly serviceTimeMs: () => number;
  readonly limits: SessionLimits;
  readonly behavior: ServiceBehavior;
  /** Called when a request may have led to webhook calls. */
  readonly callWebhooks: () => void;
  /** Called with each register request that was accepted. */
  readonly registered: (device: ConnectedDevice) => void;
  /** `null` = none are kept. */
  readonly conversations: KeptConversations | null;
  /** Calls back once what has changed so far is kept, at once if nothing keeps it; `false` = it cannot be. */
  readonly whenKept: (then: (isKept: boolean) => void) => void;
  readonly openSessions: OpenSessions;
  /** Gets one line per refused or faulted request or connection. */
  readonly log: (line: string) => void;
};

/** An accepted connection, whatever its transport. */
export type Accepted = {
  readonly stream: Duplex;
  /** Certificates from the TLS handshake, the device's own first. */
  readonly certificates: () => readonly X509Certificate[];
  /** IP address of the device; `null` = unknown. */
  readonly sourceAddress: () => string | null;
  readonly handshake: () => Handshake;
};

/** An answer, and what it is given to; `null` = the request is lost. */
type Given = { readonly answer: ServiceAnswer | null; readonly requestId: string; readonly fault: Fault | null };

/** MQTT 3.1.1 §3.1.2.10: the server waits one and a half times the keep-alive time. */
const KEEP_ALIVE_FACTOR = 1.5;

/** SUBACK return code for a refused filter, MQTT 3.1.1 §3.9.3. */
const SUBSCRIPTION_REFUSED = 0x80;

/** Name and level, MQTT 3.1.1 §3.1.2.1 and §3.1.2.2. */
const MQTT_3_1_1 = 'MQTT 4';

/** An answer's topic is at most 65,535 bytes long, MQTT 3.1.1 §1.5.3, of which less than 100 are not the request ID. */
const REQUEST_ID_BYTES_MAX = 65_535 - 100;

/** One device's MQTT connection: answers its packets with the help of the service, and applies faults. */
export class MqttSession {
  readonly #accepted: Accepted;
  readonly #context: SessionContext;
  readonly #packets: PacketStream;
  readonly #answers: AnswerDelivery;
  readonly #recorder: ConversationRecorder | null;
  #device: ConnectedDevice | null = null;
  #deviceKey: string | null = null;

  constructor(accepted: Accepted, context: SessionContext) {
    const { clock, serviceClock, limits, conversations } = context;
    this.#accepted = accepted;
    this.#context = context;
    this.#recorder = conversations && new ConversationRecorder(accepted.handshake, conversations, context);
    this.#packets = new PacketStream(accepted.stream, clock, limits, {
      onPacket: (packet) => this.#received(packet),
      onClosed: (reason) => this.#closed(reason),
      tap: this.#recorder,
    });
    this.#answers = new AnswerDelivery(this.#packets, serviceClock);
    context.openSessions.add(this);
    const timeoutMs = limits.connectTimeoutMs;
    this.#packets.limitSilence({ timeoutMs, reason: 'no CONNECT' }, this.#idleLimit);
  }

  get registrationId(): string | null {
    return this.#device?.registrationId ?? null;
  }

  close(reason: string): void {
    this.#packets.close(reason);
  }

  cut(): void {
    this.#packets.cut();
  }

  get #idleLimit(): SilenceLimit {
    return { timeoutMs: this.#context.behavior.idleTimeoutMs ?? Number.POSITIVE_INFINITY, reason: 'idle' };
  }

  #closed(reason: string | null): void {
    if (reason !== null) this.#log(`connection closed: ${reason}`);
    this.#answers.cancel();
    this.#context.openSessions.remove(this.#deviceKey, this);
  }

  #received(packet: DevicePacket): void {
    const device = this.#device;
    const { type } = packet;
    if (type === 'connect') this.#connect(packet);
    else if (device === null) throw new ProtocolViolation(`${nameOf(packet)} before CONNECT`);
    else if (type === 'subscribe') this.#subscribe(packet, device);
    else if (type === 'unsubscribe') this.#unsubscribe(packet);
    else if (type === 'publish') this.#publish(packet, device);
    else if (type === 'pingreq') this.#packets.write(PINGRESP);
    else if (type === 'disconnect') this.#packets.close(null);
    // Answers are not repeated within a connection, so nothing waits for a PUBACK.
    else if (type !== 'puback') throw new ProtocolViolation(`unexpected ${nameOf(packet)}`);
  }

  #connect(packet: ConnectPacket): void {
    if (this.#device !== null) throw new ProtocolViolation('second CONNECT');
    const fault = this.#strike('connect', packet.clientId);
    if (!this.#packets.isOpen) return;
    const answer = this.#judge(packet, fault);
    const { returnCode } = answer;
    if (returnCode !== CONNACK.accepted) {
      this.#packets.write(connackBytes(returnCode));
      throw new ProtocolViolation(`CONNACK ${returnCode} to ${quoted(packet.clientId)}: ${answer.reason}`);
    }
    const { device } = answer;
    const { openSessions, service, serviceTimeMs } = this.#context;
    this.#device = device;
    this.#deviceKey = `${device.instance.idScope}/${foldRegistrationId(device.registrationId)}`;
    openSessions.claim(this.#deviceKey, this, () => service.isAttested(device, serviceTimeMs()));
    const timeoutMs = packet.keepAliveSeconds * 1000 * KEEP_ALIVE_FACTOR || Number.POSITIVE_INFINITY;
    this.#packets.limitSilence(this.#idleLimit, { timeoutMs, reason: 'keep-alive time passed' });
    if (fault?.kind === 'lose-connack') return;
    // CONNACK must be the first packet to the device: what arrives before a late one waits.
    if (fault?.kind === 'slow-connack') this.#packets.keep();
    this.#answers.after(fault?.kind === 'slow-connack' ? fault.delayMs : 0, () => {
      this.#packets.write(connackBytes(returnCode));
      if (fault?.kind === 'disconnect') this.#packets.close(null);
      this.#packets.release();
    });
  }

  #judge({ protocol, clientId, username, password }: ConnectPacket, fault: Fault | null): ConnectAnswer {
    if (fault?.kind === 'refuse-connect') return { returnCode: fault.returnCode, reason: 'injected fault' };
    if (protocol !== MQTT_3_1_1) {
      return { returnCode: CONNACK.unacceptableProtocolVersion, reason: `protocol ${protocol}` };
    }
    const request = {
      clientId,
      username,
      password: password || null,
      // A password takes precedence, so its sender's certificates need not be read.
      certificates: password ? [] : this.#accepted.certificates(),
      sourceAddress: this.#accepted.sourceAddress,
    };
    return this.#context.service.connect(request, this.#context.serviceTimeMs());
  }

  #subscribe({ packetId, subscriptions }: SubscribePacket, { registrationId }: ConnectedDevice): void {
    if (packetId === 0 || subscriptions.length === 0) throw new ProtocolViolation('malformed SUBSCRIBE');
    const fault = this.#strike('subscribe', registrationId);
    if (!this.#packets.isOpen) return;
    const { grantsExactFilters, otherFilters } = this.#context.behavior;
    const granted = subscriptions.map(({ filter, qos }) => {
      if (!isGranted(filter, grantsExactFilters) || fault?.kind === 'refuse-subscription') return SUBSCRIPTION_REFUSED;
      const grantedQos = qos === 0 ? 0 : 1;
      return this.#answers.subscribe(filter, grantedQos) ? grantedQos : SUBSCRIPTION_REFUSED;
    });
    if (granted.includes(SUBSCRIPTION_REFUSED)) {
      if (otherFilters === 'close' && fault === null) throw new ProtocolViolation('SUBSCRIBE to another filter');
      this.#log('SUBACK 128: only $dps/registrations/res/# can be subscribed');
    }
    if (fault?.kind !== 'lose-suback') this.#packets.write(subackBytes(packetId, granted));
    if (fault?.kind === 'disconnect') this.#packets.close(null);
  }

  #unsubscribe({ packetId, filters }: UnsubscribePacket): void {
    if (packetId === 0 || filters.length === 0) throw new ProtocolViolation('malformed UNSUBSCRIBE');
    for (const filter of filters) this.#answers.subscriptions.delete(filter);
    this.#packets.write(unsubackBytes(packetId));
  }

  #publish({ topic, payload, qos, packetId }: PublishPacket, device: ConnectedDevice): void {
    if (qos === 2) throw new ProtocolViolation('PUBLISH with QoS 2');
    if (payload.length > MESSAGE_BYTES_MAX) throw new ProtocolViolation(`message of ${payload.length} bytes`);
    if (packetId === 0) throw new ProtocolViolation('malformed PUBLISH');
    const request = isWellFormedTopic(topic) ? parseRequestTopic(topic) : null;
    if (request === null) {
      this.#publishElsewhere(topic, packetId);
      return;
    }
    if (Buffer.byteLength(request.requestId) > REQUEST_ID_BYTES_MAX) throw new ProtocolViolation('request ID too long');
    const fault = this.#strike(request.kind, device.registrationId);
    if (!this.#packets.isOpen) return;
    const handling = requestHandling(fault);
    // PUBACK comes before the answer: the C# SDK accepts no other order.
    if (packetId !== null && handling.isAcknowledged) this.#packets.write(pubackBytes(packetId));
    const answerDelayMs = this.#context.service.answerDelayMs(device);
    const answer = handling.isProcessed ? this.#ask(request, payload, device, fault) : null;
    this.#context.whenKept((isKept) => {
      const given = isKept || answer === null ? answer : this.#refuseUnkept(request, answer);
      this.#finish(handling, { answer: given, requestId: request.requestId, fault }, answerDelayMs);
    });
  }

  #finish({ isAnswered, closes }: RequestHandling, { answer, requestId, fault }: Given, answerDelayMs: number): void {
    if (answer !== null && isAnswered) {
      if (answer.refusal !== null) this.#log(`${answer.status}: ${answer.refusal}`);
      for (const delivery of deliveries(answer, requestId, fault)) this.#answers.deliver(delivery, answerDelayMs);
    }
    if (closes !== null) this.#answers.after(isAnswered ? answerDelayMs : 0, () => this.#packets.close(null));
  }

  #refuseUnkept({ kind }: RequestTopic, answer: ServiceAnswer): ServiceAnswer {
    return this.#context.service.refuseUnkept(kind, answer, this.#context.serviceTimeMs());
  }

  #publishElsewhere(topic: string, packetId: number | null): void {
    if (this.#context.behavior.otherTopics === 'close') throw new ProtocolViolation(`PUBLISH to ${quoted(topic)}`);
    this.#log(`ignored: PUBLISH to ${quoted(topic)}`);
    if (packetId !== null) this.#packets.write(pubackBytes(packetId));
  }

  #ask(request: RequestTopic, payload: Buffer, device: ConnectedDevice, fault: Fault | null): ServiceAnswer {
    const { service, serviceTimeMs, callWebhooks, registered } = this.#context;
    const nowMs = serviceTimeMs();
    if (fault?.kind === 'error-answer') return service.refuseByFault(request.kind, fault, nowMs);
    if (request.kind === 'poll') return service.poll(device, request.operationId, nowMs);
    const answer = service.register(device, payload.toString(), nowMs);
    callWebhooks();
    if (answer.status === 202) registered(device);
    return answer;
  }

  /** Returns the fault that strikes, after applying what concerns the connection itself. */
  #strike(point: FaultPoint, registrationId: string): Fault | null {
    const { faults, serviceTimeMs } = this.#context;
    const fault = faults.next(point, registrationId, serviceTimeMs());
    if (fault === null) return null;
    if (fault.kind === 'outage' || (fault.kind === 'disconnect' && fault.when === 'before')) this.cut();
    if (fault.kind === 'stall') this.#packets.stall();
    if (fault.kind === 'fragment') this.#packets.fragment(fault.bytes, fault.pauseMs);
    return fault;
  }

  #log(text: string): void {
    this.#recorder?.note(text);
    this.#context.log(`${this.#deviceKey ?? 'unknown device'}: ${text}`);
  }
}

/** No wildcards (MQTT 3.1.1 §3.3.2.1), no null character, and no replacement character: that was bad UTF-8. */
function isWellFormedTopic(topic: string): boolean {
  return !/[#+\0\uFFFD]/.test(topic);
}

/** @param grantsExact also grant the exact topic of one answer */
function isGranted(filter: string, grantsExact: boolean): boolean {
  if (filter === RESPONSE_TOPIC_FILTER) return true;
  return grantsExact && parseResponseTopic(filter) !== null && isWellFormedTopic(filter);
}

function quoted(text: string): string {
  return JSON.stringify(keptText(text));
}

function nameOf(packet: DevicePacket): string {
  return packet.type === 'other' ? packet.name : packet.type;
}
