import type { HubRegistry } from '../../src/emulator/hub/hub-registry.ts';
import { etagOf } from '../../src/emulator/service/enrollment-store.ts';
import type { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { hubConnectPacket } from './hub-devices.ts';
import { RegisteringDevice } from './registering-device.ts';
import { type Address, ScriptedDevice } from './scripted-device.ts';
import { ServiceApiConnection } from './service-api-connection.ts';
import type { SimulatedRandom } from './simulated-random.ts';

/** An emulator that serves all that is kept. */
export type LoadedEmulator = Address & {
  readonly idScope: string;
  readonly hubPort: number;
  readonly connectionString: string;
};

export type HubAndApiTally = {
  /** Answers to changes of enrollments that clients received, and to patches of reported properties that devices received. */
  enrollmentsAcknowledged: number;
  twinsAcknowledged: number;
  /** Of those, what the state does not say afterwards; must be 0. */
  enrollmentsLost: number;
  twinsLost: number;
};

/** The latest that was acknowledged under an ID, and whether a later change may have been carried out. */
type Enrolled = { etag: string | null; isInFlight: boolean };
type Reported = { readonly hub: string; patches: number };

/** Enrollments that change by the service API, and twins by their devices, until the emulator is killed. */
export class HubAndApiLoad {
  readonly tally: HubAndApiTally = {
    enrollmentsAcknowledged: 0,
    twinsAcknowledged: 0,
    enrollmentsLost: 0,
    twinsLost: 0,
  };
  readonly #random: SimulatedRandom;
  /** By registration ID. */
  readonly #enrolled = new Map<string, Enrolled>();
  readonly #reported = new Map<string, Reported>();

  constructor(random: SimulatedRandom) {
    this.#random = random;
  }

  /** Creates, updates and deletes enrollments, one after another. */
  async enrollUntilKilled({ connectionString, caPem }: LoadedEmulator, client: string): Promise<void> {
    const api = new ServiceApiConnection(connectionString, caPem);
    try {
      for (let number = 0; ; number += 1) await this.#change(api, `${client}-${Math.floor(number / 3)}`);
    } catch (error) {
      // The connection ends with the emulator.
      if ((error as NodeJS.ErrnoException).code === undefined && !String(error).includes('aborted')) throw error;
    } finally {
      api.close();
    }
  }

  async #change(api: ServiceApiConnection, id: string): Promise<void> {
    const known = this.#enrolled.get(id) ?? { etag: null, isInFlight: false };
    this.#enrolled.set(id, known);
    const path = `/enrollments/${id}`;
    const etag = known.etag === null ? {} : { etag: known.etag };
    known.isInFlight = true;
    const deletes = known.etag !== null && this.#random.chance(0.3);
    const body = { registrationId: id, attestation: { type: 'symmetricKey' }, initialTwin: { tags: { path } } };
    const { status, body: answer } = await api.ask(
      deletes ? { method: 'DELETE', path, ...etag } : { method: 'PUT', path, body, ...etag },
    );
    if (status !== (deletes ? 204 : 200)) throw new Error(`${id} got ${status}`);
    known.isInFlight = false;
    known.etag = deletes ? null : answer.etag;
    this.tally.enrollmentsAcknowledged += 1;
  }

  /** Registers a device, which then reports a new property again and again at its hub. */
  async reportUntilKilled(emulator: LoadedEmulator, id: string): Promise<void> {
    const hub = await assignedHub(emulator, id);
    const device = await ScriptedDevice.open({ ...emulator, host: 'localhost', port: emulator.hubPort });
    try {
      await device.exchange(hubConnectPacket({ hub, id }));
      await device.exchange({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }],
      });
      const reported = { hub, patches: 0 };
      this.#reported.set(id, reported);
      for (;;) {
        const topic = `$iothub/twin/PATCH/properties/reported/?$rid=${reported.patches}`;
        const payload = JSON.stringify({ patches: reported.patches + 1 });
        const answer = await device.exchange({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
        if (answer === null) return;
        if (answer.cmd !== 'publish' || !answer.topic.includes('/204/')) throw new Error(`${id} got ${answer.cmd}`);
        reported.patches += 1;
        this.tally.twinsAcknowledged += 1;
      }
    } finally {
      device.close();
    }
  }

  /** Looks for all that was acknowledged. @param idScope of the instance */
  look(service: ProvisioningService, hubs: HubRegistry, idScope: string, nowMs: number): void {
    const individuals = service.instance(idScope)?.enrollments.individuals;
    for (const [id, { etag, isInFlight }] of this.#enrolled) {
      const stored = individuals?.get(id) ?? null;
      const found = stored === null ? null : etagOf(stored);
      if (found !== etag && !isInFlight) this.tally.enrollmentsLost += 1;
    }
    for (const [id, { hub, patches }] of this.#reported) {
      const found = Number(hubs.find(hub, id, nowMs)?.twin.reported.values['patches'] ?? 0);
      // The last patch may have been applied without an answer that arrived.
      if (found !== patches && found !== patches + 1) this.tally.twinsLost += 1;
    }
  }
}

/** Registers a device. Returns its hub. */
export async function assignedHub(emulator: Address & Pick<LoadedEmulator, 'idScope'>, id: string): Promise<string> {
  const device = await RegisteringDevice.connect(emulator, id, emulator.idScope);
  try {
    const { operationId } = (await device.register()).body;
    for (;;) {
      const { status, body } = await device.poll(operationId);
      if (status === 200) return String((body['registrationState'] as { assignedHub: string }).assignedHub);
    }
  } finally {
    device.close();
  }
}
