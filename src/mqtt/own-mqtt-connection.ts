import type { Duplex } from 'node:stream';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { CLOSED_BY_SERVER, connackFailure, PING_UNANSWERED, protocolFailure } from './connection-failures.ts';
import { type Dial, PACKET_BYTES_MAX } from './dial.ts';
import {
  destroyUnlessClosed,
  KEEP_ALIVE_SECONDS,
  type MqttConnection,
  type MqttEvent,
  type MqttIdentity,
  type OpenMqttConnection,
} from './mqtt-connection.ts';
import {
  connectPacket,
  DISCONNECT,
  MalformedPacket,
  PacketReader,
  PINGREQ,
  pubackPacket,
  publishPacket,
  type ServerPacket,
  subscribePacket,
} from './packets.ts';

/** A ping must be answered within half a keep-alive, as MQTT.js has it. */
const PING_TIMEOUT_MS = (KEEP_ALIVE_SECONDS * 1_000) / 2;
/** A return code of a SUBACK from here on is a refusal. */
const SUBACK_REFUSED_MIN = 0x80;

/** MQTT connections that do no more than a registration needs. */
export function ownMqttConnections(dial: Dial, clock: Clock): OpenMqttConnection {
  return (identity, onEvent) => new OwnMqttConnection({ dial, clock, identity, onEvent });
}

type Parts = {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly identity: MqttIdentity;
  readonly onEvent: (event: MqttEvent) => void;
};

class OwnMqttConnection implements MqttConnection {
  readonly #clock: Clock;
  readonly #onEvent: (event: MqttEvent) => void;
  readonly #stream: Duplex;
  readonly #reader = new PacketReader(PACKET_BYTES_MAX, (packet) => this.#take(packet));
  #phase: 'opening' | 'connecting' | 'connected' | 'over' = 'opening';
  #lastPacketId = 0;
  /** Of the SUBSCRIBE that has no answer yet; `null`: there is none. */
  #subscribeId: number | null = null;
  /** The message whose PUBACK somebody waits for; `null` = nobody does. */
  #awaited: { readonly packetId: number; readonly onAcknowledged: () => void } | null = null;
  #wroteAtMs = 0;
  /** What answers the chunk that is being read; `null` = none is. */
  #answers: Buffer[] | null = null;
  #pingedAtMs: number | null = null;
  #timer: Timer | null = null;

  constructor({ dial, clock, identity, onEvent }: Parts) {
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#stream = dial(
      {
        resolved: () => this.#emit({ type: 'resolved' }),
        tcpConnected: () => this.#emit({ type: 'tcpConnected' }),
        secured: (tlsVersion) => this.#secured(identity, tlsVersion),
        received: (bytes) => this.#receive(bytes),
        ended: (failure) => this.#lose(failure ?? CLOSED_BY_SERVER),
      },
      identity.clientCertificate,
    );
  }

  subscribe(topicFilter: string): void {
    if (this.#phase !== 'connected') return;
    this.#subscribeId = this.#nextPacketId();
    this.#write(subscribePacket(this.#subscribeId, topicFilter));
  }

  publish(topic: string, payload: string, onAcknowledged?: () => void): void {
    if (this.#phase !== 'connected') return;
    const packetId = this.#nextPacketId();
    if (onAcknowledged !== undefined) this.#awaited = { packetId, onAcknowledged };
    this.#write(publishPacket(packetId, topic, payload));
  }

  close(): void {
    if (this.#phase === 'over') return;
    const wasOpening = this.#phase === 'opening';
    this.#end();
    if (wasOpening) {
      this.#stream.destroy();
      return;
    }
    destroyUnlessClosed(this.#stream, this.#clock);
    const answers = this.#takeAnswers();
    this.#stream.end(answers === null ? DISCONNECT : Buffer.concat([answers, DISCONNECT]));
  }

  /** The password leaves this machine only now that the server is authenticated. */
  #secured({ clientId, username, password }: MqttIdentity, tlsVersion: string | null): void {
    this.#emit({ type: 'secured', tlsVersion });
    if (this.#phase !== 'opening') return;
    this.#phase = 'connecting';
    this.#write(connectPacket({ clientId, username, password, keepAliveSeconds: KEEP_ALIVE_SECONDS }));
    this.#keepAlive();
  }

  /** What one chunk brings is answered in one write: each costs a TLS record and a system call. */
  #receive(chunk: Buffer): void {
    this.#answers = [];
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      this.#lose(protocolFailure(error.message));
    }
    const bytes = this.#takeAnswers();
    if (bytes !== null && this.#phase !== 'over') this.#stream.write(bytes);
  }

  #takeAnswers(): Buffer | null {
    const answers = this.#answers ?? [];
    this.#answers = null;
    const [first = null] = answers;
    return answers.length > 1 ? Buffer.concat(answers) : first;
  }

  #take(packet: ServerPacket): void {
    if (this.#phase === 'over') return;
    // MQTT 3.1.1, 3.2: the first packet from the server is CONNACK, and there is one.
    if ((packet.type === 'connack') !== (this.#phase === 'connecting')) {
      throw new MalformedPacket(
        packet.type === 'connack' ? 'a second CONNACK' : `${packet.type.toUpperCase()} before CONNACK`,
      );
    }
    switch (packet.type) {
      case 'connack':
        this.#acknowledged(packet.returnCode);
        break;
      case 'suback':
        this.#subscribed(packet.packetId, packet.returnCodes);
        break;
      case 'publish':
        if (packet.packetId !== null) this.#write(pubackPacket(packet.packetId));
        this.#emit({ type: 'message', topic: packet.topic, payload: packet.payload });
        break;
      case 'pingresp':
        this.#pingedAtMs = null;
        break;
      case 'puback':
        // At the provisioning service nothing waits for it: the answer to a request is a message of its own, and nothing is sent twice.
        if (packet.packetId === this.#awaited?.packetId) this.#awaited.onAcknowledged();
        break;
    }
  }

  #acknowledged(returnCode: number): void {
    if (returnCode !== 0) {
      this.#lose(connackFailure(returnCode));
      return;
    }
    this.#phase = 'connected';
    this.#emit({ type: 'connected' });
  }

  #subscribed(packetId: number, returnCodes: Uint8Array): void {
    if (packetId !== this.#subscribeId || returnCodes.length !== 1) {
      throw new MalformedPacket('a SUBACK that answers no SUBSCRIBE of this connection, or more than one filter');
    }
    this.#subscribeId = null;
    const [returnCode = 0] = returnCodes;
    if (returnCode < SUBACK_REFUSED_MIN) this.#emit({ type: 'subscribed' });
    else this.#lose({ code: 'suback-refused', message: `SUBSCRIBE refused with 0x${returnCode.toString(16)}` });
  }

  /** One timer for the whole connection, set anew only when it fires: most connections end long before. */
  #keepAlive(): void {
    const dueAtMs = this.#keepAliveDueAtMs;
    this.#timer = this.#clock.wakeAt(dueAtMs, () => this.#wokeToKeepAlive(dueAtMs));
  }

  #wokeToKeepAlive(dueAtMs: number): void {
    if (this.#phase === 'over') return;
    if (this.#keepAliveDueAtMs <= dueAtMs) {
      if (this.#pingedAtMs !== null) {
        this.#lose(PING_UNANSWERED);
        return;
      }
      this.#write(PINGREQ);
      this.#pingedAtMs = this.#wroteAtMs;
    }
    this.#keepAlive();
  }

  /** When the next ping is due, or its answer. Each write puts the ping off. */
  get #keepAliveDueAtMs(): number {
    return this.#pingedAtMs === null
      ? this.#wroteAtMs + KEEP_ALIVE_SECONDS * 1_000
      : this.#pingedAtMs + PING_TIMEOUT_MS;
  }

  #nextPacketId(): number {
    this.#lastPacketId = (this.#lastPacketId % 0xffff) + 1;
    return this.#lastPacketId;
  }

  #write(bytes: Buffer): void {
    this.#wroteAtMs = this.#clock.nowMs();
    if (this.#answers === null) this.#stream.write(bytes);
    else this.#answers.push(bytes);
  }

  #emit(event: MqttEvent): void {
    if (this.#phase !== 'over') this.#onEvent(event);
  }

  #lose(failure: ConnectionFailure): void {
    if (this.#phase === 'over') return;
    this.#end();
    this.#stream.destroy();
    this.#onEvent({ type: 'lost', failure });
  }

  #end(): void {
    this.#phase = 'over';
    this.#timer?.cancel();
  }
}
