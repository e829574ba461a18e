import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { defaultInstance } from '../../src/emulator/config/default-instance.ts';
import { EMULATOR_ID_SCOPE_DEFAULT } from '../../src/emulator/config/emulator-defaults.ts';
import { HubRegistry } from '../../src/emulator/hub/hub-registry.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { readState } from '../../src/emulator/state/read-state.ts';
import { type Started, startDpsload } from './dpsload-program.ts';
import { GROUP_KEY } from './emulated-instance.ts';
import { HubAndApiLoad } from './hub-and-api-load.ts';
import { RegisteringDevice } from './registering-device.ts';
import { SimulatedRandom } from './simulated-random.ts';

/** Devices that register at the same time, over and over, until the kill. */
const DEVICES = 8;

/** Clients that change enrollments at the same time, and devices that report properties to their hubs. */
const CLIENTS = 3;

/** A device that has just registered is at its hub by then. */
const ASSIGNED_WITHIN_MS = 60_000;

/** The latest operations of a device that are looked for: older ones make room for as many as were not answered. */
const OPERATIONS_CHECKED = 90;

/** On a busy disk, a kill waits no longer than this. */
const ACKNOWLEDGED_WITHIN_MS = 10_000;

export type KillTally = {
  /** While devices registered, and while the emulator started. */
  kills: number;
  killsAtStart: number;
  /** Kills after which what was written after the last sync was dropped, or a part of it. */
  powerCuts: number;
  bytesDropped: number;
  /** Answers to register requests that devices received. */
  acknowledged: number;
  /** Of those, what the state does not know afterwards; must be 0. */
  registersLost: number;
  operationsLost: number;
  /** Records that count more register requests than were sent; must be 0. */
  surplus: number;
  /** Devices that are not at their hub; must be 0. */
  identitiesLost: number;
  /** Starts that found a torn line. */
  tornLines: number;
  /** Inodes of the state file: one for each time that it was written anew. */
  files: Set<number>;
};

type Acknowledged = { registers: number; readonly operationIds: string[] };

/** Kills an emulator under load, round after round, and looks after each for what devices were told. */
export class StateKills {
  readonly tally: KillTally = {
    kills: 0,
    killsAtStart: 0,
    powerCuts: 0,
    bytesDropped: 0,
    acknowledged: 0,
    registersLost: 0,
    operationsLost: 0,
    surplus: 0,
    identitiesLost: 0,
    tornLines: 0,
    files: new Set(),
  };
  readonly #folder: string;
  readonly #state: string;
  readonly #synced: string;
  readonly #random: SimulatedRandom;
  readonly load: HubAndApiLoad;
  /** By registration ID. */
  readonly #acknowledged = new Map<string, Acknowledged>();

  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.#state = join(folder, 'state.ndjson');
    this.#synced = join(folder, 'synced');
    this.#random = new SimulatedRandom(seed);
    this.load = new HubAndApiLoad(this.#random);
    writeFileSync(this.#synced, '');
  }

  async round(number: number): Promise<void> {
    const program = this.#start();
    if (this.#random.chance(0.15)) await this.#killAtStart(program);
    else await this.#killUnderLoad(program, number);
    this.tally.kills += 1;
    if (program.stderr().includes('which was torn')) this.tally.tornLines += 1;
    if (existsSync(this.#state)) this.tally.files.add(statSync(this.#state).ino);
    if (this.#random.chance(0.35)) this.#cutPower();
    await this.#look();
  }

  #start(): Started {
    const args = [
      '--port',
      '0',
      '--server-keys',
      'ecdsa',
      '--ca-dir',
      join(this.#folder, 'ca'),
      '--state',
      this.#state,
      '--service-port',
      '0',
      '--hub-port',
      '0',
    ];
    const notes = `synced-length.mjs?to=${encodeURIComponent(this.#synced)}`;
    return startDpsload(['emulator', ...args], { env: { DPSLOAD_GROUP_KEY: GROUP_KEY }, preload: [notes] });
  }

  async #killAtStart(program: Started): Promise<void> {
    await pauseMs(this.#random.whole(300, 1_200));
    program.child.kill('SIGKILL');
    await program.ended;
    this.tally.killsAtStart += 1;
  }

  async #killUnderLoad(program: Started, round: number): Promise<void> {
    await program.until(({ stdout }) => stdout.includes('\n'));
    const { port, caFile, idScope, hubPort, serviceConnectionFile } = JSON.parse(program.stdout());
    const address = { host: 'localhost', port, caPem: readFileSync(caFile, 'utf8') };
    const connectionString = readFileSync(serviceConnectionFile, 'utf8').trim();
    const emulator = { ...address, idScope, hubPort, connectionString };
    const ids = Array.from({ length: DEVICES }, (_, index) => `round-${round}-device-${index}`);
    const devices = await Promise.all(ids.map((id) => RegisteringDevice.connect(address, id, idScope)));
    const registering = devices.map((device, index) => this.#registerUntilKilled(device, ids[index] ?? ''));
    const others = Array.from({ length: CLIENTS }, (_, index) => [
      this.load.enrollUntilKilled(emulator, `round-${round}-enrolled-${index}`),
      this.load.reportUntilKilled(emulator, `round-${round}-reports-${index}`).catch(ignoreEnd),
    ]).flat();
    // Now and then so many that the file may be written anew meanwhile.
    await this.#untilAcknowledged(this.#random.chance(0.1) ? 8_000 : this.#random.whole(1, 400));
    program.child.kill('SIGKILL');
    await program.ended;
    await Promise.all([...registering, ...others]);
  }

  async #untilAcknowledged(more: number): Promise<void> {
    const enough = this.tally.acknowledged + more;
    const givenUpAtMs = Date.now() + ACKNOWLEDGED_WITHIN_MS;
    while (this.tally.acknowledged < enough && Date.now() < givenUpAtMs) await pauseMs(1);
  }

  async #registerUntilKilled(device: RegisteringDevice, id: string): Promise<void> {
    const told: Acknowledged = { registers: 0, operationIds: [] };
    this.#acknowledged.set(id, told);
    try {
      for (;;) {
        const { status, body } = await device.register();
        if (status !== 202) throw new Error(`${id} got ${status}`);
        told.registers += 1;
        told.operationIds.push(String(body['operationId']));
        if (told.operationIds.length > OPERATIONS_CHECKED) told.operationIds.shift();
        this.tally.acknowledged += 1;
      }
    } catch (error) {
      if (!String(error).includes('no answer')) throw error;
    } finally {
      device.close();
    }
  }

  #cutPower(): void {
    if (!existsSync(this.#state)) return;
    const { ino, size } = statSync(this.#state);
    const last = readFileSync(this.#synced, 'utf8')
      .split('\n')
      .findLast((line) => line.startsWith(`${ino} `));
    const synced = last === undefined ? 0 : Math.min(size, Number(last.split(' ')[1]));
    const left = this.#random.chance(0.5) ? synced : this.#random.whole(synced, size);
    truncateSync(this.#state, left);
    this.tally.powerCuts += 1;
    this.tally.bytesDropped += size - left;
  }

  /** Reads the file as the next emulator will, and looks for every operation that a device was told of. */
  async #look(): Promise<void> {
    const instance = defaultInstance(EMULATOR_ID_SCOPE_DEFAULT, GROUP_KEY);
    const service = new ProvisioningService({
      instances: [instance],
      behavior: SERVICE_BEHAVIOR_DEFAULT,
      newGuid: () => '',
    });
    const hubs = new HubRegistry([], {
      behavior: () => SERVICE_BEHAVIOR_DEFAULT,
      aheadMs: () => 0,
      ownNames: [],
      changes: null,
    });
    const kinds = [...service.stateKinds(), hubs.stateKind()];
    await readState(this.#state, kinds, new Set([instance.idScope]));
    const nowMs = Date.now();
    for (const kind of kinds) kind.complete(nowMs);
    const registers = new Map([...service.records(nowMs)].map((line) => [line.registrationId, line.registers]));
    this.load.look(service, hubs, instance.idScope, nowMs);
    const atHubs = new Set([...hubs.identities(nowMs + ASSIGNED_WITHIN_MS)].map(({ deviceId }) => deviceId));
    const known = new Set(kinds.flatMap((kind) => [...kind.lines()]).flatMap(operationIdsIn));
    for (const [id, told] of this.#acknowledged) {
      const found = registers.get(id) ?? 0;
      if (told.registers > 0 && !atHubs.has(id)) this.tally.identitiesLost += 1;
      this.tally.registersLost += Math.max(0, told.registers - found);
      // The last request may have been accepted without an answer that arrived.
      this.tally.surplus += Math.max(0, found - told.registers - 1);
      this.tally.operationsLost += told.operationIds.filter((operationId) => !known.has(operationId)).length;
    }
  }
}

/** The emulator may be killed before a device is at its hub. */
function ignoreEnd(error: unknown): void {
  if (!/no answer|was not let in|ECONN|socket/.test(String(error))) throw error;
}

/** Of a line that the service writes, its operation if it has one. */
function operationIdsIn(line: object): readonly string[] {
  const { operationId, operation } = line as { operationId?: string; operation?: { operationId: string } | null };
  return [operationId, operation?.operationId].filter((id) => id !== undefined);
}
