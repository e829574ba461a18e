import type { Packet } from 'mqtt-packet';
import { expect } from 'vitest';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { buildSasToken } from '../../../src/dps/sas-token.ts';
import { pollTopic, registerTopic } from '../../../src/dps/topics.ts';
import type { Emulator, EmulatorOptions } from '../../../src/emulator/emulator.ts';
import { startEmulator } from '../../../src/emulator/start-emulator.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE } from '../../support/emulated-instance.ts';
import { ScriptedDevice } from '../../support/scripted-device.ts';

export type FactEmulator = Emulator & { readonly logged: readonly string[] };

/** The emulators that the facts share: one for each set of options. */
export class FactBench {
  readonly #emulators = new Map<string, Promise<FactEmulator>>();

  /** With everything as it is by default, apart from `options`. */
  emulator(options: Partial<EmulatorOptions> = {}): Promise<FactEmulator> {
    const key = JSON.stringify(options);
    const known = this.#emulators.get(key);
    if (known !== undefined) return known;
    const started = start(options);
    this.#emulators.set(key, started);
    return started;
  }

  /** A device that has got CONNACK 0. */
  async connected(id: string, login: Login = {}): Promise<FactDevice> {
    const device = await this.opened(login);
    expect(await device.exchange(connectOf(id, login))).toMatchObject({ cmd: 'connack', returnCode: 0 });
    return device;
  }

  /** A device that has done its handshake, and has not sent anything yet. */
  async opened({ at = {}, tls = {} }: Login = {}): Promise<FactDevice> {
    const emulator = await this.emulator(at);
    const { socket } = await ScriptedDevice.open({ ...emulator, host: 'localhost' }, tls);
    return new FactDevice(socket);
  }

  /** The return code of CONNECT, after which a refused connection must be closed. */
  async connack(id: string, login: Login = {}): Promise<number> {
    const device = await this.opened(login);
    const packet = await device.exchange(connectOf(id, login));
    if (packet?.cmd !== 'connack') throw new Error(`${packet?.cmd ?? 'a closed connection'} instead of CONNACK`);
    expect(packet.sessionPresent).toBe(false);
    if (packet.returnCode !== 0) expect(await device.receive()).toBeNull();
    device.close();
    return packet.returnCode ?? -1;
  }

  /** A device that has subscribed to its answers. */
  async subscribed(id: string, login: Login = {}): Promise<FactDevice> {
    const device = await this.connected(id, login);
    await device.subscribe(login.subscribeQos ?? 1);
    return device;
  }

  /** The answer to a register request, over a connection of its own. */
  async registered(id: string, login: Login = {}): Promise<Answer> {
    const device = await this.subscribed(id, login);
    const answer = await device.register(login.body ?? '');
    device.close();
    return answer;
  }

  /** The final answer to a device for which nothing takes time. */
  async assigned(id: string, login: Login = {}): Promise<Answer> {
    const at = { ...login.at, behavior: { assignmentDelayMs: 0, ...login.at?.behavior } };
    const device = await this.subscribed(id, { ...login, at });
    const { body } = await device.register(login.body ?? '');
    const answer = await device.poll(body.operationId);
    device.close();
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#emulators.values()].map(async (started) => (await started).close()));
  }
}

async function start(options: Partial<EmulatorOptions>): Promise<FactEmulator> {
  const logged: string[] = [];
  const log = (line: string): void => void logged.push(line);
  const emulator = await startEmulator({ serverKeys: 'ecdsa', instances: [emulatedInstance()], log, ...options });
  return { ...emulator, logged };
}

export type Login = {
  /** Of the emulator. */
  readonly at?: Partial<EmulatorOptions>;
  /** Of the device's handshake. */
  readonly tls?: object;
  /** base64; `null` = by certificate. Default: the key derived from the group's. */
  readonly key?: string | null;
  readonly scope?: string;
  /** api-version, and what follows it in the user name. */
  readonly version?: string;
  /** Members of the CONNECT packet. */
  readonly connect?: object;
  readonly subscribeQos?: 0 | 1 | 2;
  /** Of the register request. */
  readonly body?: string;
};

/** Operations that are in progress for as long as a check takes, on whatever machine. */
export const IN_PROGRESS: Login = { at: { behavior: { assignmentDelayMs: 600_000 } } };

const EXPIRY = 4_000_000_000;

function connectOf(id: string, login: Login): Packet {
  const { key = deriveDeviceKey(GROUP_KEY, id), scope = ID_SCOPE, version = '2021-06-01' } = login;
  const username = `${scope}/registrations/${id}/api-version=${version}`;
  const password = key === null ? undefined : Buffer.from(buildSasToken(scope, id, key, EXPIRY));
  return { cmd: 'connect', clientId: id, username, password, clean: true, keepalive: 0, ...login.connect } as Packet;
}

/** An answer of the service, as the device sees it. */
export type Answer = {
  readonly status: number;
  readonly requestId: string;
  readonly retryAfter: string | null;
  readonly topic: string;
  readonly qos: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a body holds is what the facts are about
  readonly body: any;
};

export class FactDevice extends ScriptedDevice {
  #requests = 0;

  async subscribe(qos: 0 | 1 | 2, ...topics: readonly string[]): Promise<readonly number[]> {
    const filters = topics.length === 0 ? ['$dps/registrations/res/#'] : topics;
    const subscriptions = filters.map((topic) => ({ topic, qos }));
    const packet = await this.exchange({ cmd: 'subscribe', messageId: 9, subscriptions });
    if (packet?.cmd !== 'suback') throw new Error(`${packet?.cmd ?? 'a closed connection'} instead of SUBACK`);
    return packet.granted as readonly number[];
  }

  register(body = '', requestId = this.#nextRequestId()): Promise<Answer> {
    return this.ask(registerTopic(requestId), body);
  }

  poll(operationId: string, body = '', requestId = this.#nextRequestId()): Promise<Answer> {
    return this.ask(pollTopic(requestId, operationId), body);
  }

  /** Publishes with QoS 0; the answer. */
  async ask(topic: string, payload = ''): Promise<Answer> {
    this.publish(topic, { payload });
    return this.answer();
  }

  publish(topic: string, settings: object = {}): void {
    const packet = { cmd: 'publish', topic, payload: '', qos: 0, messageId: 7, dup: false, retain: false, ...settings };
    this.send(packet as Packet);
  }

  async answer(): Promise<Answer> {
    const packet = await this.receive();
    if (packet?.cmd !== 'publish') throw new Error(`${packet?.cmd ?? 'a closed connection'} instead of an answer`);
    const [, status, requestId = '', retryAfter = null] =
      /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=([^&]*)(?:&retry-after=(.*))?$/.exec(packet.topic) ?? [];
    const { topic, qos } = packet;
    const text = packet.payload.toString();
    return { status: Number(status), requestId, retryAfter, topic, qos, text, body: text === '' ? null : parsed(text) };
  }

  #nextRequestId(): string {
    this.#requests += 1;
    return String(this.#requests);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
