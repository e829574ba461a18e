import { generate, type Packet } from 'mqtt-packet';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { Conversation, Handshake } from '../../src/emulator/conversation/conversation.ts';
import { MqttSession } from '../../src/emulator/server/mqtt-session.ts';
import { provisioningRole } from '../../src/emulator/server/provisioning-role.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { connectPacket, pollPacket, publishPacket, registerPacket, subscribePacket } from './device-packets.ts';
import { GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';
import { acceptedOver, simulatedContext, WiredStream } from './wired-session.ts';

const ID = 'dev-1';

/** A token of `ID` for so long from the epoch of the virtual clock. */
export function tokenFor(seconds: number, scope = ID_SCOPE, id = ID): string {
  return buildSasToken(scope, id, deriveDeviceKey(GROUP_KEY, ID), 1_767_225_600 + seconds);
}

/** A device in virtual time, with sessions of the emulator, which makes no mistake unless it is told to. */
export class LintedDevice {
  readonly #context: ReturnType<typeof simulatedContext>;
  #stream = new WiredStream();

  constructor(...faults: readonly FaultRule[]) {
    this.#context = simulatedContext(1, faults);
  }

  get conversation(): Conversation {
    const conversation = this.#context.conversations?.conversation(ID);
    if (conversation === undefined || conversation === null) throw new Error('there is no conversation');
    return conversation;
  }

  open(handshake: Partial<Handshake> = {}): this {
    this.#stream = new WiredStream();
    const accepted = acceptedOver(this.#stream);
    const facts = { ...accepted.handshake(), ...handshake };
    new MqttSession({ ...accepted, handshake: () => facts }, this.#context, provisioningRole(this.#context));
    return this;
  }

  /** @param settings of the packet @param path what follows the registration ID in the user name */
  connect(settings: object = {}, path = 'api-version=2019-03-31&ClientVersion=pump%2F1.0'): this {
    const username = `${ID_SCOPE}/registrations/${ID}/${path}`;
    const password = Buffer.from(tokenFor(3_600));
    return this.send(connectPacket(ID, { keepalive: 60, username, password, ...settings }));
  }

  /** Opens a connection, and subscribes. */
  begin(settings: object = {}, path?: string): this {
    return this.open().connect(settings, path).send(subscribePacket());
  }

  register(requestId = '1', qos: 0 | 1 = 1): this {
    return this.send(registerPacket(requestId, qos));
  }

  poll(requestId = '2', operationId = this.operationId): this {
    return this.send(pollPacket(requestId, operationId));
  }

  publish(topic: string, settings: object = {}): this {
    return this.send({ ...publishPacket(topic), ...settings } as Packet);
  }

  /** Several packets at once. */
  send(...packets: readonly Packet[]): this {
    return this.sendBytes(Buffer.concat(packets.map((packet) => generate(packet))));
  }

  sendBytes(bytes: Uint8Array): this {
    this.#stream.emit('data', bytes);
    return this.acknowledge();
  }

  wait(ms: number): this {
    const { clock } = this.#context;
    clock.advanceTo(clock.nowMs() + ms);
    return this.acknowledge();
  }

  disconnect(): this {
    return this.send({ cmd: 'disconnect' });
  }

  /** Closes the connection without a word. */
  hangUp(): this {
    this.#stream.emit('end');
    return this;
  }

  /** Whether it acknowledges what it receives with QoS 1. */
  acknowledges = true;
  #acknowledged = new WeakSet<Packet>();

  acknowledge(): this {
    for (const packet of this.#stream.received) {
      if (packet.cmd !== 'publish' || packet.qos !== 1 || this.#acknowledged.has(packet) || !this.acknowledges)
        continue;
      this.#acknowledged.add(packet);
      this.#stream.emit('data', generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }));
    }
    return this;
  }

  /** The latest that it was told. */
  get operationId(): string {
    const payloads = this.#stream.received.flatMap((packet) =>
      packet.cmd === 'publish' ? [String(packet.payload)] : [],
    );
    const ids = payloads.flatMap((payload) => /"operationId":"([^"]+)"/.exec(payload)?.[1] ?? []);
    return ids.at(-1) ?? this.#lastOperationId;
  }

  #lastOperationId = '';

  /** Keeps the operation over the next connection. */
  remember(): this {
    this.#lastOperationId = this.operationId;
    return this;
  }
}
