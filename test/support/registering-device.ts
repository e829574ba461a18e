import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { pollTopic, registerTopic } from '../../src/dps/topics.ts';
import { connectPacket, publishPacket, subscribePacket } from './device-packets.ts';
import { GROUP_KEY, ID_SCOPE } from './emulated-instance.ts';
import { type Address, ScriptedDevice } from './scripted-device.ts';

/** An answer of the service to one request. */
export type Answered = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

/** A device of the group, connected and subscribed. */
export class RegisteringDevice {
  readonly #device: ScriptedDevice;
  #requests = 0;

  private constructor(device: ScriptedDevice) {
    this.#device = device;
  }

  static async connect(address: Address, id: string, idScope = ID_SCOPE): Promise<RegisteringDevice> {
    const device = await ScriptedDevice.open({ ...address, host: 'localhost' });
    const password = Buffer.from(buildSasToken(idScope, id, deriveDeviceKey(GROUP_KEY, id), 4_000_000_000));
    const username = `${idScope}/registrations/${id}/api-version=2021-06-01`;
    const connack = await device.exchange(connectPacket(id, { username, password }));
    if (connack?.cmd !== 'connack' || connack.returnCode !== 0) throw new Error(`${id} was not let in`);
    await device.exchange(subscribePacket(0));
    return new RegisteringDevice(device);
  }

  register(): Promise<Answered> {
    return this.#ask(registerTopic);
  }

  poll(operationId: unknown): Promise<Answered> {
    return this.#ask((requestId) => pollTopic(requestId, String(operationId)));
  }

  close(): void {
    this.#device.close();
  }

  async #ask(topicOf: (requestId: string) => string): Promise<Answered> {
    this.#requests += 1;
    const answer = await this.#device.exchange(publishPacket(topicOf(String(this.#requests))));
    if (answer?.cmd !== 'publish') throw new Error(`no answer but ${answer?.cmd}`);
    return { status: Number(answer.topic.split('/')[3]), body: JSON.parse(String(answer.payload)) };
  }
}
