import { CONNACK } from '../../dps/error-codes.ts';
import type { Clock, Timer } from '../../time/clock.ts';
import type { KeptConversations } from '../conversation/kept-conversations.ts';
import type { ConnectedDevice } from '../service/connect-check.ts';
import type { FaultPlan } from '../service/fault-plan.ts';
import type { Fault, FaultPoint } from '../service/fault-rule.ts';
import { keptText } from '../service/kept-text.ts';
import type { ProvisioningService } from '../service/provisioning-service.ts';
import { type RequestHandling, requestHandling } from '../service/request-handling.ts';
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
import type {
  Accepted,
  AcceptedConnect,
  DeviceRequest,
  JudgedConnect,
  RoleAnswer,
  SessionRole,
} from './session-role.ts';
import { isWellFormedTopic } from './topic-form.ts';

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

/** MQTT 3.1.1 §3.1.2.10: the server waits one and a half times the keep-alive time. */
const KEEP_ALIVE_FACTOR = 1.5;

/** SUBACK return code for a refused filter, MQTT 3.1.1 §3.9.3. */
const SUBSCRIPTION_REFUSED = 0x80;

/** Name and level, MQTT 3.1.1 §3.1.2.1 and §3.1.2.2. */
const MQTT_3_1_1 = 'MQTT 4';

/** An answer's topic is at most 65,535 bytes long, MQTT 3.1.1 §1.5.3, of which less than 100 are not the request ID. */
const REQUEST_ID_BYTES_MAX = 65_535 - 100;

/** What every session needs; more is for the role that it has. */
type SharedContext = Omit<SessionContext, 'service' | 'callWebhooks' | 'registered'>;

/** One device's MQTT connection: answers its packets with the help of a service or hub, and applies faults. */
export class MqttSession<Device, Request extends DeviceRequest> {
  readonly #accepted: Accepted;
  readonly #context: SharedContext;
  readonly #role: SessionRole<Device, Request>;
  readonly #packets: PacketStream;
  readonly #answers: AnswerDelivery;
  readonly #recorder: ConversationRecorder | null;
  #device: Device | null = null;
  #deviceKey: string | null = null;
  /** When the credentials of the device are no longer good; `null` = they stay good. */
  #expiry: Timer | null = null;

  constructor(accepted: Accepted, context: SharedContext, role: SessionRole<Device, Request>) {
    const { clock, serviceClock, limits, conversations } = context;
    this.#accepted = accepted;
    this.#context = context;
    this.#role = role;
    this.#recorder = conversations && new ConversationRecorder(accepted.handshake, conversations, context);
    this.#packets = new PacketStream(accepted.stream, clock, limits, {
      onPacket: (packet) => this.#received(packet),
      onClosed: (reason) => this.#closed(reason),
      tap: this.#recorder,
    });
    const { subscriptionsMax } = role;
    this.#answers = new AnswerDelivery(this.#packets, serviceClock, {
      subscriptionsMax,
      lateBytesMax: limits.unreadBytesMax,
    });
    context.openSessions.add(this);
    const timeoutMs = limits.connectTimeoutMs;
    this.#packets.limitSilence({ timeoutMs, reason: 'no CONNECT' }, this.#idleLimit);
  }

  get registrationId(): string | null {
    return this.#device === null ? null : this.#role.idOf(this.#device);
  }

  notify(topic: string, body: string): void {
    this.#answers.deliver({ topic, body, afterMs: 0, isHeld: false }, 0);
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
    this.#expiry?.cancel();
    this.#context.openSessions.remove(this.#deviceKey, this);
  }

  #received(packet: DevicePacket): void {
    const device = this.#device;
    const { type } = packet;
    const endReason = device === null ? null : this.#role.endReason(device);
    if (endReason !== null) throw new ProtocolViolation(endReason);
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
    const fault = this.#strike(this.#role.points.connect, packet.clientId);
    if (!this.#packets.isOpen) return;
    const answer = this.#judge(packet, fault);
    const { returnCode } = answer;
    if (returnCode !== CONNACK.accepted) {
      if (returnCode !== null) this.#packets.write(connackBytes(returnCode));
      const refused = returnCode === null ? 'no CONNACK' : `CONNACK ${returnCode}`;
      throw new ProtocolViolation(`${refused} to ${quoted(packet.clientId)}: ${answer.reason}`);
    }
    this.#accept(answer);
    const silenceMs = packet.keepAliveSeconds * 1000 * KEEP_ALIVE_FACTOR || Number.POSITIVE_INFINITY;
    const timeoutMs = Math.min(silenceMs, this.#role.silenceMaxMs);
    this.#packets.limitSilence(this.#idleLimit, { timeoutMs, reason: 'keep-alive time passed' });
    if (fault?.kind === 'lose-connack') return;
    const delayMs = (answer.waitMs ?? 0) + (fault?.kind === 'slow-connack' ? fault.delayMs : 0);
    // CONNACK must be the first packet to the device: what arrives before a late one waits.
    if (delayMs > 0) this.#packets.keep();
    this.#answers.after(delayMs, () => {
      this.#packets.write(connackBytes(returnCode, answer.subscriptions?.isPresent));
      if (answer.subscriptions !== undefined) this.#answers.subscriptions = answer.subscriptions.granted;
      if (fault?.kind === 'disconnect') this.#packets.close(null);
      this.#packets.release();
    });
  }

  #accept({ device, endsInMs = Number.POSITIVE_INFINITY }: AcceptedConnect<Device>): void {
    const { clock, openSessions } = this.#context;
    this.#device = device;
    this.#deviceKey = this.#role.keyOf(device);
    openSessions.claim(this.#deviceKey, this, () => this.#role.isProven(device));
    if (endsInMs === Number.POSITIVE_INFINITY) return;
    this.#expiry = clock.wakeAt(clock.nowMs() + endsInMs, () => this.#packets.close('SAS token expired'));
  }

  #judge(packet: ConnectPacket, fault: Fault | null): JudgedConnect<Device> {
    const { protocol, clientId, username, password } = packet;
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
    return this.#role.judge(request, packet, this.#accepted);
  }

  #subscribe({ packetId, subscriptions }: SubscribePacket, device: Device): void {
    if (packetId === 0 || subscriptions.length === 0) throw new ProtocolViolation('malformed SUBSCRIBE');
    const fault = this.#strike(this.#role.points.subscribe, this.#role.idOf(device));
    if (!this.#packets.isOpen) return;
    const granted = subscriptions.map(({ filter, qos }) => {
      if (!this.#role.grants(filter, device) || fault?.kind === 'refuse-subscription') return SUBSCRIPTION_REFUSED;
      const grantedQos = qos === 0 ? 0 : 1;
      return this.#answers.subscribe(filter, grantedQos) ? grantedQos : SUBSCRIPTION_REFUSED;
    });
    if (granted.includes(SUBSCRIPTION_REFUSED)) {
      if (this.#context.behavior.otherFilters === 'close' && fault === null)
        throw new ProtocolViolation('SUBSCRIBE to another filter');
      this.#log(`SUBACK 128: only ${this.#role.subscribable} can be subscribed`);
    }
    if (fault?.kind !== 'lose-suback') this.#packets.write(subackBytes(packetId, granted));
    if (fault?.kind === 'disconnect') this.#packets.close(null);
  }

  #unsubscribe({ packetId, filters }: UnsubscribePacket): void {
    if (packetId === 0 || filters.length === 0) throw new ProtocolViolation('malformed UNSUBSCRIBE');
    for (const filter of filters) this.#answers.subscriptions.delete(filter);
    this.#packets.write(unsubackBytes(packetId));
  }

  #publish(packet: PublishPacket, device: Device): void {
    const { topic, payload, qos, packetId } = packet;
    if (qos === 2) throw new ProtocolViolation('PUBLISH with QoS 2');
    if (payload.length > this.#role.messageBytesMax) throw new ProtocolViolation(`message of ${payload.length} bytes`);
    if (packetId === 0) throw new ProtocolViolation('malformed PUBLISH');
    const request = isWellFormedTopic(topic) ? this.#role.parse(topic, device) : null;
    if (request === null) {
      this.#publishElsewhere(topic, packetId);
      return;
    }
    const requestIdBytes = Buffer.byteLength(request.requestId ?? '');
    if (requestIdBytes > REQUEST_ID_BYTES_MAX) throw new ProtocolViolation('request ID too long');
    const fault = this.#strike(request.point, this.#role.idOf(device));
    if (!this.#packets.isOpen) return;
    const handling = requestHandling(fault);
    // PUBACK comes before the answer: the C# SDK accepts no other order.
    if (packetId !== null && handling.isAcknowledged) this.#packets.write(pubackBytes(packetId));
    const answerDelayMs = this.#role.answerDelayMs(device);
    const answer = handling.isProcessed ? this.#role.answer(request, packet, device, fault) : null;
    // One request of a device waits for the disk at a time: thousands fit into one read, each with as long a line as its twin is large.
    const pauses = request.requestId !== null;
    if (pauses) this.#packets.pause();
    this.#context.whenKept((isKept) => {
      const given = isKept ? answer : (answer?.unkept?.() ?? answer);
      this.#finish(handling, given, answerDelayMs);
      if (pauses) this.#packets.release();
    });
  }

  /** @param answer `null` = the request is lost */
  #finish({ isAnswered, closes }: RequestHandling, answer: RoleAnswer | null, answerDelayMs: number): void {
    if (answer !== null && isAnswered) {
      if (answer.refusal !== null) this.#log(answer.refusal);
      for (const delivery of answer.deliveries) this.#answers.deliver(delivery, answerDelayMs);
    }
    if (closes !== null) this.#answers.after(isAnswered ? answerDelayMs : 0, () => this.#packets.close(null));
  }

  #publishElsewhere(topic: string, packetId: number | null): void {
    if (this.#context.behavior.otherTopics === 'close') throw new ProtocolViolation(`PUBLISH to ${quoted(topic)}`);
    this.#log(`ignored: PUBLISH to ${quoted(topic)}`);
    if (packetId !== null) this.#packets.write(pubackBytes(packetId));
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

function quoted(text: string): string {
  return JSON.stringify(keptText(text));
}

function nameOf(packet: DevicePacket): string {
  return packet.type === 'other' ? packet.name : packet.type;
}
