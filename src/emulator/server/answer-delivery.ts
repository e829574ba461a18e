import type { Clock, Timer } from '../../time/clock.ts';
import type { Delivery } from '../service/request-handling.ts';
import { publishBytes } from './packet-bytes.ts';
import type { PacketStream } from './packet-stream.ts';

const PACKET_ID_MAX = 65_535;

export type AnswerLimits = {
  readonly subscriptionsMax: number;
  /** Of answers that are not due yet, topics included. */
  readonly lateBytesMax: number;
};

/** Publishes answers to one device: with the QoS that it subscribed, and delayed or held back where a fault says so. */
export class AnswerDelivery {
  /** Granted QoS by filter. */
  subscriptions = new Map<string, 0 | 1>();
  readonly #limits: AnswerLimits;
  readonly #packets: PacketStream;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  /** Of answers that are not due yet. */
  #lateBytes = 0;
  /** Comes after the next answer. */
  #held: Delivery | null = null;
  #nextPacketId = 1;

  constructor(packets: PacketStream, clock: Clock, limits: AnswerLimits) {
    this.#limits = limits;
    this.#packets = packets;
    this.#clock = clock;
  }

  /** Returns whether there is room for the subscription. */
  subscribe(filter: string, qos: 0 | 1): boolean {
    if (this.subscriptions.size === this.#limits.subscriptionsMax && !this.subscriptions.has(filter)) return false;
    this.subscriptions.set(filter, qos);
    return true;
  }

  deliver(delivery: Delivery, delayMs: number): void {
    const lateMs = delayMs + delivery.afterMs;
    if (delivery.isHeld) this.#held = delivery;
    else if (lateMs === 0) this.#publish(delivery);
    else this.#deliverLate(delivery, lateMs);
  }

  #deliverLate(delivery: Delivery, lateMs: number): void {
    const bytes = Buffer.byteLength(delivery.topic) + Buffer.byteLength(delivery.body);
    this.#lateBytes += bytes;
    if (this.#lateBytes > this.#limits.lateBytesMax) {
      this.#packets.close('the device does not wait for its late answers');
      return;
    }
    this.after(lateMs, () => {
      this.#lateBytes -= bytes;
      this.#publish(delivery);
    });
  }

  /** Calls `act` at once, or after the delay unless the connection ends first. */
  after(delayMs: number, act: () => void): void {
    if (delayMs === 0) {
      act();
      return;
    }
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + delayMs, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #publish({ topic, body }: Delivery): void {
    const qos = this.#grantedQos(topic);
    if (qos === undefined) return;
    this.#packets.write(publishBytes(topic, body, qos === 1 ? this.#packetId() : null));
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#publish(held);
  }

  /** `undefined` = not subscribed. */
  #grantedQos(topic: string): 0 | 1 | undefined {
    for (const [filter, qos] of this.subscriptions) {
      if (filter.endsWith('#') ? topic.startsWith(filter.slice(0, -1)) : filter === topic) return qos;
    }
    return undefined;
  }

  #packetId(): number {
    const packetId = this.#nextPacketId;
    this.#nextPacketId = packetId === PACKET_ID_MAX ? 1 : packetId + 1;
    return packetId;
  }
}
