import { type Duplex, PassThrough } from 'node:stream';
import { MqttClient, type Packet } from 'mqtt';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import type { Clock } from '../time/clock.ts';
import { CLOSED_BY_SERVER, connackFailure, PING_UNANSWERED, protocolFailure } from './connection-failures.ts';
import { type Dial, PACKET_BYTES_MAX, type StreamEvents } from './dial.ts';
import {
  destroyUnlessClosed,
  KEEP_ALIVE_SECONDS,
  type MqttConnection,
  type MqttEvent,
  type MqttIdentity,
  type OpenMqttConnection,
} from './mqtt-connection.ts';
import { DISCONNECT } from './packets.ts';

/** MQTT.js requires a timeout for CONNACK. The registration has its own, so this is the longest possible. */
const CONNACK_TIMEOUT_MS = 2_147_483_647;

const CLIENT_OPTIONS = Object.freeze({
  protocolVersion: 4,
  clean: true,
  keepalive: KEEP_ALIVE_SECONDS,
  connectTimeout: CONNACK_TIMEOUT_MS,
  // The registration machine decides about reconnecting: one client, one connection.
  reconnectPeriod: 0,
  resubscribe: false,
  manualConnect: true,
  queueQoSZero: false,
  // By default MQTT.js logs whole packets, including passwords, if the environment variable DEBUG is set.
  log: () => {},
});

/** The connection port over MQTT.js. Calls before `connected` and after the end have no effect. */
export function mqttJsConnections(dial: Dial, clock: Clock): OpenMqttConnection {
  writeFirstPacket();
  return (identity, onEvent) => new MqttJsConnection(dial, clock, identity, onEvent);
}

/**
 * With its first packet, mqtt-packet fills a cache of 65,536 buffers, for which it blocks the thread for about 50 ms. Here that delays no
 * device: this packet goes nowhere.
 */
function writeFirstPacket(): void {
  const client = new MqttClient(() => new PassThrough(), { ...CLIENT_OPTIONS, clientId: 'nobody' });
  client.connect();
  client.end(true);
}

class MqttJsConnection implements MqttConnection {
  readonly #clock: Clock;
  readonly #onEvent: (event: MqttEvent) => void;
  readonly #stream: Duplex;
  #client: MqttClient | null = null;
  #connackSeen = false;
  #bytesSincePacket = 0;
  #over = false;

  constructor(dial: Dial, clock: Clock, identity: MqttIdentity, onEvent: (event: MqttEvent) => void) {
    this.#clock = clock;
    this.#onEvent = onEvent;
    const streamEvents: StreamEvents = {
      resolved: () => this.#emit({ type: 'resolved' }),
      tcpConnected: () => this.#emit({ type: 'tcpConnected' }),
      secured: (tlsVersion) => {
        this.#emit({ type: 'secured', tlsVersion });
        // The password leaves this machine only after the server is authenticated.
        if (!this.#over) this.#client = this.#startMqtt(identity);
      },
      ended: (failure) => this.#lose(failure ?? CLOSED_BY_SERVER),
    };
    this.#stream = dial(streamEvents, identity.clientCertificate);
  }

  subscribe(topicFilter: string): void {
    if (this.#over) return;
    this.#client?.subscribe(topicFilter, { qos: 1 }, (error, _grants, suback) => {
      // Without a SUBACK the connection has ended, and `lost` reports that.
      if (suback === undefined) return;
      if (error === null) this.#emit({ type: 'subscribed' });
      else this.#lose({ code: 'suback-refused', message: `SUBSCRIBE refused: ${error.message}` });
    });
  }

  publish(topic: string, payload: string, onAcknowledged?: () => void): void {
    if (this.#over) return;
    this.#client?.publish(topic, payload, { qos: 1 }, (error) => {
      if (error === null || error === undefined) onAcknowledged?.();
    });
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#client === null) {
      this.#stream.destroy();
      return;
    }
    destroyUnlessClosed(this.#stream, this.#clock);
    // MQTT.js acknowledges a message after its event, in the same turn: a DISCONNECT sent from that event must not overtake the PUBACK.
    process.nextTick(() => this.#stream.end(DISCONNECT));
  }

  #startMqtt({ clientId, username, password }: MqttIdentity): MqttClient {
    const client = new MqttClient(() => this.#stream, {
      ...CLIENT_OPTIONS,
      clientId,
      username,
      ...(password === null ? {} : { password }),
    });
    this.#stream.on('data', (chunk: Uint8Array) => this.#limitPacket(chunk.length));
    client.on('packetreceive', (packet) => this.#inspect(packet));
    client.on('connect', () => this.#emit({ type: 'connected' }));
    client.on('message', (topic, payload) => this.#emit({ type: 'message', topic, payload: payload.toString('utf8') }));
    client.on('error', (error) => this.#lose(protocolFailure(error.message)));
    client.onKeepaliveTimeout = () => this.#lose(PING_UNANSWERED);
    return client.connect();
  }

  #limitPacket(bytes: number): void {
    this.#bytesSincePacket += bytes;
    if (this.#bytesSincePacket > PACKET_BYTES_MAX) {
      this.#lose(protocolFailure(`a packet of more than ${PACKET_BYTES_MAX} bytes`));
    }
  }

  #inspect(packet: Packet): void {
    this.#bytesSincePacket = 0;
    if (packet.cmd === 'connack') {
      this.#connackSeen = true;
      if (packet.returnCode !== 0) this.#lose(connackFailure(packet.returnCode ?? null));
    } else if (!this.#connackSeen) {
      // MQTT 3.1.1, 3.2: the first packet from the server is CONNACK.
      this.#lose(protocolFailure(`${packet.cmd.toUpperCase()} before CONNACK`));
    }
    if (packet.cmd === 'pubrel') {
      this.#lose(protocolFailure('PUBREL, though nothing was published with QoS 2'));
      // MQTT.js would answer it, and throw if it has no packet ID: it goes by this member, which it looks at next.
      Object.assign(packet, { cmd: 'pingresp' });
    }
  }

  #emit(event: MqttEvent): void {
    if (!this.#over) this.#onEvent(event);
  }

  #lose(failure: ConnectionFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.destroy();
    this.#onEvent({ type: 'lost', failure });
  }
}
