import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
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
    const connack = await device.exchange({ cmd: 'connect', clientId: id, username, password });
    if (connack?.cmd !== 'connack' || connack.returnCode !== 0) throw new Error(`${id} was not let in`);
    const subscriptions = [{ topic: '$dps/registrations/res/#', qos: 0 as const }];
    await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions });
    return new RegisteringDevice(device);
  }

  register(): Promise<Answered> {
    return this.#ask('PUT/iotdps-register/?');
  }

  poll(operationId: unknown): Promise<Answered> {
    return this.#ask(`GET/iotdps-get-operationstatus/?operationId=${operationId}&`);
  }

  close(): void {
    this.#device.close();
  }

  async #ask(request: string): Promise<Answered> {
    this.#requests += 1;
    const topic = `$dps/registrations/${request.replace(/([?&])$/, `$1$rid=${this.#requests}`)}`;
    const answer = await this.#device.exchange({
      cmd: 'publish',
      topic,
      payload: '',
      qos: 0,
      dup: false,
      retain: false,
    });
    if (answer?.cmd !== 'publish') throw new Error(`no answer but ${answer?.cmd}`);
    return { status: Number(answer.topic.split('/')[3]), body: JSON.parse(String(answer.payload)) };
  }
}
