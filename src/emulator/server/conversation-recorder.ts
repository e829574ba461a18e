import type { Clock } from '../../time/clock.ts';
import type { Handshake, Step } from '../conversation/conversation.ts';
import type { ConversationRecord, KeptConversations } from '../conversation/kept-conversations.ts';
import { keptConnect, keptFilters, keptNote, keptPayload, keptTopic } from '../conversation/kept-steps.ts';
import { CLOSED } from '../conversation/lint.ts';
import { sentStep } from '../conversation/sent-packet.ts';
import type { ConnectPacket, DevicePacket } from './packet-reader.ts';
import type { PacketTap } from './packet-stream.ts';

/** The service's time may have been put forward; tokens go by the real time. */
type Times = { readonly serviceTimeMs: () => number; readonly clock: Pick<Clock, 'epochMs'> };

/** Records what one connection sends and gets, from its CONNECT on, in the order in which it went over the wire. */
export class ConversationRecorder implements PacketTap {
  readonly #handshake: () => Handshake;
  readonly #conversations: KeptConversations;
  readonly #nowMs: () => number;
  readonly #epochMs: () => number;
  #record: ConversationRecord | null = null;
  /** Packets and notes that leave only when everything has been read that came with their cause; `null` = they leave at once. */
  #held: (Buffer | string)[] | null = null;
  #hasDisconnected = false;

  constructor(handshake: () => Handshake, conversations: KeptConversations, { serviceTimeMs, clock }: Times) {
    this.#handshake = handshake;
    this.#conversations = conversations;
    this.#nowMs = serviceTimeMs;
    this.#epochMs = () => clock.epochMs();
  }

  received(packet: DevicePacket): void {
    if (packet.type === 'connect') this.#connected(packet);
    else if (this.#record !== null) this.#record.add(receivedStep(packet, this.#nowMs()));
    if (packet.type === 'disconnect') this.#hasDisconnected = true;
  }

  sent(bytes: Buffer): void {
    this.#leave(bytes);
  }

  note(text: string): void {
    this.#leave(text);
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const one of held) this.#leave(one);
  }

  ended(by: 'device' | 'emulator', reason: string | null): void {
    this.release();
    const from = this.#hasDisconnected ? 'device' : by;
    const otherwise = from === 'device' ? CLOSED : 'injected fault';
    const text = this.#hasDisconnected ? 'DISCONNECT' : (reason ?? otherwise);
    this.#record?.add({ from, type: 'end', atMs: this.#nowMs(), reason: keptNote(text) });
    this.#record = null;
  }

  /** A second CONNECT closes the connection. */
  #connected(packet: ConnectPacket): void {
    const connect = keptConnect(packet, this.#nowMs(), this.#epochMs());
    if (this.#record === null) this.#record = this.#conversations.begin(this.#handshake(), connect);
    else this.#record.add(connect);
  }

  #leave(one: Buffer | string): void {
    if (this.#record === null) return;
    if (this.#held !== null) this.#held.push(one);
    else if (typeof one !== 'string') this.#record.add(sentStep(one, this.#nowMs()));
    else this.#record.add({ from: 'emulator', type: 'note', atMs: this.#nowMs(), text: keptNote(one) });
  }
}

function receivedStep(packet: Exclude<DevicePacket, ConnectPacket>, atMs: number): Step {
  const from = 'device';
  switch (packet.type) {
    case 'subscribe': {
      const keep = ({ filter, qos }: { filter: string; qos: number }) => ({ filter: keptTopic(filter), qos });
      const { type, packetId, subscriptions } = packet;
      return { from, type, atMs, packetId, subscriptions: keptFilters(subscriptions, keep) };
    }
    case 'unsubscribe': {
      const { type, packetId, filters } = packet;
      return { from, type, atMs, packetId, filters: keptFilters(filters, keptTopic) };
    }
    case 'publish': {
      const { type, topic, payload, qos, retain, isDuplicate, packetId } = packet;
      return { from, type, atMs, topic: keptTopic(topic), ...keptPayload(payload), qos, retain, isDuplicate, packetId };
    }
    default:
      return { from, atMs, ...packet };
  }
}
