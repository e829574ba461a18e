import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type IUnsubscribePacket,
  type Packet,
  type Parser,
  parser,
} from 'mqtt-packet';
import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { CONNACK } from '../../dps/error-codes.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { parseRequestTopic, parseResponseTopic, RESPONSE_TOPIC_FILTER, type RequestTopic } from '../../dps/topics.ts';
import type { Clock, Timer } from '../../time/clock.ts';
import type { ServiceAnswer } from '../service/answer.ts';
import type { ConnectAnswer, ConnectedDevice } from '../service/connect-check.ts';
import type { FaultPlan } from '../service/fault-plan.ts';
import type { Fault, FaultPoint } from '../service/fault-rule.ts';
import type { ProvisioningService } from '../service/provisioning-service.ts';
import { type Delivery, deliveries, requestHandling } from '../service/request-handling.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import type { OpenSessions } from './open-sessions.ts';
import { type Deadline, PacketWriter, SessionDeadline, type SessionLimits } from './packet-stream.ts';

/** What all connections of one emulator share. */
export type SessionContext = {
  readonly service: ProvisioningService;
  readonly faults: FaultPlan;
  readonly clock: Clock;
  /** Milliseconds since 1970, never backwards: the service's time. */
  readonly serviceTimeMs: () => number;
  readonly limits: SessionLimits;
  readonly behavior: ServiceBehavior;
  /** Called when a request may have led to webhook calls. */
  readonly callWebhooks: () => void;
  readonly openSessions: OpenSessions;
  /** One line of text per refused or faulted request or connection. */
  readonly log: (line: string) => void;
};

/** A connection as its transport hands it over. */
export type Accepted = {
  readonly stream: Duplex;
  /** What the device showed in the TLS handshake, its own certificate first. */
  readonly certificates: () => readonly X509Certificate[];
  /** IP address of the device; `null` = unknown. */
  readonly sourceAddress: string | null;
};

/** MQTT 3.1.1 §3.1.2.10: the server waits one and a half times the keep-alive time. */
const KEEP_ALIVE_FACTOR = 1.5;

/** SUBACK return code for a refused filter, MQTT 3.1.1 §3.9.3. */
const SUBSCRIPTION_REFUSED = 0x80;

const MQTT_3_1_1 = 4;
const MESSAGE_ID_MAX = 65_535;

/** Packets that may come before a late CONNACK; a whole conversation without an answer has four. */
const EARLY_PACKETS_MAX = 16;

/** An answer's topic may have 65,535 bytes, MQTT 3.1.1 §1.5.3; it holds less than 100 beside the request ID. */
const REQUEST_ID_BYTES_MAX = 65_535 - 100;

/** Of a text that a device sent, in the log. */
const LOGGED_CHARACTERS_MAX = 150;

/** One device's MQTT connection, over any duplex stream: reads packets, asks the service, writes its answers. */
export class MqttSession {
  readonly #accepted: Accepted;
  readonly #stream: Duplex;
  readonly #context: SessionContext;
  readonly #parser: Parser = parser();
  readonly #writer: PacketWriter;
  readonly #deadline: SessionDeadline;
  /** Answers that a fault delays. */
  readonly #delays = new Set<Timer>();
  #held: Delivery | null = null;
  #device: ConnectedDevice | null = null;
  #deviceKey: string | null = null;
  /** Granted QoS by filter. */
  readonly #subscriptions = new Map<string, 0 | 1>();
  #nextMessageId = 1;
  #keepAliveMs: number | null = null;
  #lastPacketAtMs: number;
  /** Since when the bytes of an incomplete packet wait; `null` = none do. */
  #incompleteSinceMs: number | null = null;
  /** What came before a late CONNACK was sent, which must be the first packet to the device; `null` = it is not late. */
  #early: Packet[] | null = null;
  #isStalled = false;
  #isClosed = false;

  constructor(accepted: Accepted, context: SessionContext) {
    const { stream } = accepted;
    this.#accepted = accepted;
    this.#stream = stream;
    this.#context = context;
    this.#writer = new PacketWriter(stream, context.clock);
    this.#lastPacketAtMs = context.clock.nowMs();
    this.#deadline = new SessionDeadline(
      context.clock,
      () => this.#deadlines(),
      (reason) => this.close(reason),
    );
    context.openSessions.add(this);
    this.#parser.on('packet', (packet) => this.#received(packet));
    this.#parser.on('error', (error: Error) => this.close(`no MQTT: ${error.message}`));
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    for (const event of ['error', 'close', 'end']) stream.on(event, () => this.close(null));
    this.#deadline.watch();
  }

  get registrationId(): string | null {
    return this.#device?.registrationId ?? null;
  }

  /** Ends the connection after what was written to it has been sent. */
  close(reason: string | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (reason !== null) this.#log(`connection closed: ${reason}`);
    this.#deadline.cancel();
    for (const delay of this.#delays) delay.cancel();
    this.#context.openSessions.remove(this.#deviceKey, this);
    const stream = this.#stream;
    this.#writer.flush();
    if (stream.destroyed) return;
    const { clock, limits } = this.#context;
    const cutOff = clock.wakeAt(clock.nowMs() + limits.closeTimeoutMs, () => stream.destroy());
    stream.once('close', () => cutOff.cancel());
    stream.end(() => stream.destroy());
  }

  #read(bytes: Buffer): void {
    if (this.#isClosed || this.#isStalled) return;
    this.#orClose(() => {
      const incompleteBytes = this.#parser.parse(bytes);
      if (this.#isClosed) return;
      if (incompleteBytes > this.#context.limits.packetBytesMax) throw new ProtocolViolation('packet too large');
      this.#noteIncomplete(incompleteBytes);
    });
  }

  /** Closes the connection where `act` finds something that is not allowed. */
  #orClose(act: () => void): void {
    try {
      act();
    } catch (error) {
      // The parser reads beyond the end of some malformed packets.
      if (!(error instanceof ProtocolViolation || error instanceof RangeError)) throw error;
      this.close(error.message);
    }
  }

  #noteIncomplete(bytes: number): void {
    if (bytes === 0) this.#incompleteSinceMs = null;
    else if (this.#incompleteSinceMs === null) {
      this.#incompleteSinceMs = this.#context.clock.nowMs();
      this.#deadline.watch();
    }
  }

  #received(packet: Packet): void {
    if (this.#isClosed || this.#isStalled) return;
    this.#lastPacketAtMs = this.#context.clock.nowMs();
    this.#incompleteSinceMs = null;
    if (packet.cmd === 'connect') this.#connect(packet);
    else if (this.#early !== null) this.#keepEarly(this.#early, packet);
    else if (this.#device === null) throw new ProtocolViolation(`${packet.cmd} before CONNECT`);
    else this.#receivedFrom(this.#device, packet);
  }

  #keepEarly(early: Packet[], packet: Packet): void {
    if (early.push(packet) > EARLY_PACKETS_MAX) throw new ProtocolViolation('too much before CONNACK');
  }

  #receivedFrom(device: ConnectedDevice, packet: Packet): void {
    switch (packet.cmd) {
      case 'subscribe':
        this.#subscribe(packet, device);
        break;
      case 'unsubscribe':
        this.#unsubscribe(packet);
        break;
      case 'publish':
        this.#publish(packet, device);
        break;
      case 'pingreq':
        this.#send({ cmd: 'pingresp' });
        break;
      case 'puback':
        break; // Answers are not repeated within a connection: nothing waits for it.
      case 'disconnect':
        this.close(null);
        break;
      default:
        throw new ProtocolViolation(`unexpected ${packet.cmd}`);
    }
  }

  #connect(packet: IConnectPacket): void {
    if (this.#device !== null) throw new ProtocolViolation('second CONNECT');
    const fault = this.#strike('connect', packet.clientId);
    if (this.#isClosed || this.#isStalled) return;
    const answer = this.#judge(packet, fault);
    const { returnCode } = answer;
    if (returnCode !== CONNACK.accepted) {
      this.#send({ cmd: 'connack', returnCode, sessionPresent: false });
      throw new ProtocolViolation(`CONNACK ${returnCode} to ${quoted(packet.clientId)}: ${answer.reason}`);
    }
    this.#device = answer.device;
    this.#deviceKey = `${answer.device.instance.idScope}/${foldRegistrationId(answer.device.registrationId)}`;
    this.#keepAliveMs = packet.keepalive ? packet.keepalive * 1000 * KEEP_ALIVE_FACTOR : null;
    this.#context.openSessions.claim(this.#deviceKey, this);
    this.#deadline.watch();
    if (fault?.kind === 'lose-connack') return;
    if (fault?.kind === 'slow-connack') this.#early = [];
    this.#after(fault?.kind === 'slow-connack' ? fault.delayMs : 0, () => {
      this.#send({ cmd: 'connack', returnCode, sessionPresent: false });
      if (fault?.kind === 'disconnect') this.close(null);
      const early = this.#early ?? [];
      this.#early = null;
      this.#orClose(() => {
        for (const one of early) this.#received(one);
      });
    });
  }

  #judge({ protocolVersion, clientId, username, password }: IConnectPacket, fault: Fault | null): ConnectAnswer {
    if (fault?.kind === 'refuse-connect') return { returnCode: fault.returnCode, reason: 'by a fault on demand' };
    if (protocolVersion !== MQTT_3_1_1) {
      return { returnCode: CONNACK.unacceptableProtocolVersion, reason: `protocol level ${protocolVersion}` };
    }
    const request = {
      clientId,
      username: username ?? null,
      password: password?.toString('utf8') || null,
      certificates: this.#accepted.certificates(),
      sourceAddress: this.#accepted.sourceAddress,
    };
    return this.#context.service.connect(request, this.#context.serviceTimeMs());
  }

  #subscribe({ messageId, subscriptions }: ISubscribePacket, { registrationId }: ConnectedDevice): void {
    if (!isMessageId(messageId) || subscriptions.length === 0) throw new ProtocolViolation('malformed SUBSCRIBE');
    const fault = this.#strike('subscribe', registrationId);
    if (this.#isClosed || this.#isStalled) return;
    const { grantsExactFilters, otherFilters } = this.#context.behavior;
    const granted = subscriptions.map(({ topic, qos }) => {
      if (!isGranted(topic, grantsExactFilters) || fault?.kind === 'refuse-subscription') return SUBSCRIPTION_REFUSED;
      const grantedQos = qos === 0 ? 0 : 1;
      this.#subscriptions.set(topic, grantedQos);
      return grantedQos;
    });
    if (granted.includes(SUBSCRIPTION_REFUSED)) {
      if (otherFilters === 'close' && fault === null) throw new ProtocolViolation('SUBSCRIBE to another filter');
      this.#log('SUBACK 128: only $dps/registrations/res/# can be subscribed');
    }
    if (fault?.kind !== 'lose-suback') this.#send({ cmd: 'suback', messageId, granted });
    if (fault?.kind === 'disconnect') this.close(null);
  }

  #unsubscribe({ messageId, unsubscriptions }: IUnsubscribePacket): void {
    if (!isMessageId(messageId) || unsubscriptions.length === 0) throw new ProtocolViolation('malformed UNSUBSCRIBE');
    for (const filter of unsubscriptions) this.#subscriptions.delete(filter);
    this.#send({ cmd: 'unsuback', messageId, granted: [] });
  }

  #publish({ topic, payload, qos, messageId }: IPublishPacket, device: ConnectedDevice): void {
    if (qos === 2) throw new ProtocolViolation('PUBLISH with QoS 2');
    if (payload.length > MESSAGE_BYTES_MAX) throw new ProtocolViolation(`message of ${payload.length} bytes`);
    if (qos === 1 && !isMessageId(messageId)) throw new ProtocolViolation('malformed PUBLISH');
    const request = isWellFormedTopic(topic) ? parseRequestTopic(topic) : null;
    if (request === null) {
      this.#publishElsewhere(topic, qos === 1 ? messageId : undefined);
      return;
    }
    if (Buffer.byteLength(request.requestId) > REQUEST_ID_BYTES_MAX) throw new ProtocolViolation('request ID too long');
    const fault = this.#strike(request.kind, device.registrationId);
    if (this.#isClosed || this.#isStalled) return;
    const { isAcknowledged, isProcessed, isAnswered, closes } = requestHandling(fault);
    // Before the answer: the C# SDK takes them in no other order.
    if (isMessageId(messageId) && qos === 1 && isAcknowledged) this.#send({ cmd: 'puback', messageId });
    const answerDelayMs = this.#context.service.answerDelayMs(device);
    if (isProcessed) {
      const answer = this.#ask(request, payload.toString(), device, fault);
      if (isAnswered) this.#answer(answer, request.requestId, fault, answerDelayMs);
    }
    if (closes !== null) this.#after(isAnswered ? answerDelayMs : 0, () => this.close(null));
  }

  #publishElsewhere(topic: string, messageId: number | undefined): void {
    if (this.#context.behavior.otherTopics === 'close') throw new ProtocolViolation(`PUBLISH to ${quoted(topic)}`);
    this.#log(`ignored: PUBLISH to ${quoted(topic)}`);
    if (messageId !== undefined) this.#send({ cmd: 'puback', messageId });
  }

  #ask(request: RequestTopic, payload: string, device: ConnectedDevice, fault: Fault | null): ServiceAnswer {
    const { service, serviceTimeMs, callWebhooks } = this.#context;
    const nowMs = serviceTimeMs();
    if (fault?.kind === 'error-answer') return service.refuseByFault(request.kind, fault, nowMs);
    if (request.kind === 'poll') return service.poll(device, request.operationId, nowMs);
    const answer = service.register(device, payload, nowMs);
    callWebhooks();
    return answer;
  }

  #answer(answer: ServiceAnswer, requestId: string, fault: Fault | null, delayMs: number): void {
    if (answer.refusal !== null) this.#log(`${answer.status}: ${answer.refusal}`);
    for (const delivery of deliveries(answer, requestId, fault)) {
      if (delivery.isHeld) this.#held = delivery;
      else this.#after(delayMs + delivery.afterMs, () => this.#deliver(delivery));
    }
  }

  #deliver({ topic, body }: Delivery): void {
    const qos = this.#subscriptions.get(RESPONSE_TOPIC_FILTER) ?? this.#subscriptions.get(topic);
    if (qos === undefined) return;
    const messageId = qos === 1 ? this.#messageId() : 0;
    this.#send({ cmd: 'publish', topic, payload: body, qos, messageId, dup: false, retain: false });
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#deliver(held);
  }

  #messageId(): number {
    const messageId = this.#nextMessageId;
    this.#nextMessageId = messageId === MESSAGE_ID_MAX ? 1 : messageId + 1;
    return messageId;
  }

  /** Asks for a fault, and applies it as far as it concerns the connection itself. */
  #strike(point: FaultPoint, registrationId: string): Fault | null {
    const { faults, serviceTimeMs } = this.#context;
    const fault = faults.next(point, registrationId, serviceTimeMs());
    if (fault === null) return null;
    if (fault.kind === 'outage' || (fault.kind === 'disconnect' && fault.when === 'before')) this.cut();
    if (fault.kind === 'stall') this.#isStalled = true;
    if (fault.kind === 'fragment') this.#writer.fragment(fault.bytes, fault.pauseMs);
    return fault;
  }

  /** Ends the connection at once, whatever was still to be sent. */
  cut(): void {
    this.#stream.destroy();
    this.close(null);
  }

  #after(delayMs: number, act: () => void): void {
    if (delayMs === 0) {
      act();
      return;
    }
    const { clock } = this.#context;
    const timer = clock.wakeAt(clock.nowMs() + delayMs, () => {
      this.#delays.delete(timer);
      act();
    });
    this.#delays.add(timer);
  }

  #send(packet: Packet): void {
    if (this.#isClosed || this.#isStalled) return;
    this.#writer.write(packet);
    if (this.#writer.unreadBytes > this.#context.limits.unreadBytesMax) this.close('the device reads no answers');
  }

  #deadlines(): readonly Deadline[] {
    if (this.#isStalled) return [];
    const { connectTimeoutMs, packetTimeoutMs } = this.#context.limits;
    const { idleTimeoutMs } = this.#context.behavior;
    const deadlines: Deadline[] = [];
    if (this.#device === null) deadlines.push({ atMs: this.#lastPacketAtMs + connectTimeoutMs, reason: 'no CONNECT' });
    if (this.#incompleteSinceMs !== null) {
      deadlines.push({ atMs: this.#incompleteSinceMs + packetTimeoutMs, reason: 'incomplete packet' });
    }
    if (idleTimeoutMs !== null) deadlines.push({ atMs: this.#lastPacketAtMs + idleTimeoutMs, reason: 'idle' });
    if (this.#keepAliveMs !== null) {
      deadlines.push({ atMs: this.#lastPacketAtMs + this.#keepAliveMs, reason: 'keep-alive time passed' });
    }
    return deadlines;
  }

  #log(text: string): void {
    this.#context.log(`${this.#deviceKey ?? 'unknown device'}: ${text}`);
  }
}

/** What MQTT or the service does not allow, so that the connection is closed. */
class ProtocolViolation extends Error {}

/** No wildcards (MQTT 3.1.1 §3.3.2.1), no null character, and no replacement character: that was bad UTF-8. */
function isWellFormedTopic(topic: string): boolean {
  return !/[#+\0\uFFFD]/.test(topic);
}

/** @param grantsExact whether the exact topic of one answer can be subscribed too. */
function isGranted(filter: string, grantsExact: boolean): boolean {
  if (filter === RESPONSE_TOPIC_FILTER) return true;
  return grantsExact && parseResponseTopic(filter) !== null && isWellFormedTopic(filter);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > LOGGED_CHARACTERS_MAX ? `${text.slice(0, LOGGED_CHARACTERS_MAX)}…` : text);
}

function isMessageId(messageId: number | undefined): messageId is number {
  return messageId !== undefined && messageId >= 1 && messageId <= MESSAGE_ID_MAX;
}
