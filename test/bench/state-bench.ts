// npm run bench state: what --state costs the emulator: how fast it is, and its CPU, beside an emulator without it, in turns; and, with
// 100,000 devices, how long a start takes and how long nobody is served while the file is written anew. Each without hubs and with them.
// DPSLOAD_BENCH_ROUNDS sets how often.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { HubRegistry } from '../../src/emulator/hub/hub-registry.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import { keepState } from '../../src/emulator/state/keep-state.ts';
import { textTable } from '../../src/report/text-table.ts';
import { watchEventLoop } from '../../src/time/event-loop-watch.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { publishPacket } from '../support/device-packets.ts';
import { emulatedInstance, ID_SCOPE } from '../support/emulated-instance.ts';
import { assignedHub } from '../support/hub-and-api-load.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { RegisteringDevice } from '../support/registering-device.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { dpsloadClient } from './client-contenders.ts';
import { type Figure, showFigures } from './figures.ts';
import { cpuPerUnitMs, median } from './interleaved-rounds.ts';
import { inTemporaryFolder } from './program-run.ts';
import { type MeasuredServer, serverCpuMs, startMeasured } from './server-cpu.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 7);
const WARM_UPS = 2;
const UNITS = { rounds: 1, unitsPerRound: 500, concurrency: 50 };
/** Register requests of a round over open connections, of which there are as many as there is concurrency. */
const REQUESTS = 10_000;
const DEVICES = 100_000;

type Cost = { readonly perSecond: number; readonly cpuMs: number };

/** Does `units` of some work, and tells how fast, and what that cost the server. */
async function measure(server: MeasuredServer, units: number, work: () => Promise<unknown>): Promise<Cost> {
  let elapsedMs = 0;
  const cpuMs = await serverCpuMs(server, async () => {
    const startedAtMs = performance.now();
    await work();
    elapsedMs = performance.now() - startedAtMs;
  });
  return { perSecond: (units * 1000) / elapsedMs, cpuMs: cpuMs / units };
}

/** New devices that connect, register and poll once. */
function measureDevices(server: MeasuredServer, round: number): Promise<Cost> {
  const registration = dpsloadClient(server.ready, 'dpsload');
  return measure(server, UNITS.unitsPerRound, () =>
    cpuPerUnitMs((index) => registration.run(round * UNITS.unitsPerRound + index), UNITS),
  );
}

/** Devices that register again and again, over connections that are open already: all that the state costs, and little else. */
async function measureRequests(server: MeasuredServer): Promise<Cost> {
  const ids = Array.from({ length: UNITS.concurrency }, (_, index) => `open-${index}`);
  const address = { ...server.ready, host: 'localhost' };
  const devices = await Promise.all(ids.map((id) => RegisteringDevice.connect(address, id)));
  const register = async (device: RegisteringDevice): Promise<void> => {
    for (let request = 0; request < REQUESTS / UNITS.concurrency; request += 1) await device.register();
  };
  const cost = await measure(server, REQUESTS, () => Promise.all(devices.map(register)));
  for (const device of devices) device.close();
  return cost;
}

/** Devices that change a reported property again and again, over connections to their hubs that are open already. */
async function measurePatches(server: MeasuredServer): Promise<Cost> {
  const ids = Array.from({ length: UNITS.concurrency }, (_, index) => `reporting-${index}`);
  const devices = await Promise.all(ids.map((id) => connectedToHub(server, id)));
  const topic = '$iothub/twin/PATCH/properties/reported/?$rid=1';
  const report = async (device: ScriptedDevice): Promise<void> => {
    for (let request = 0; request < REQUESTS / UNITS.concurrency; request += 1) {
      const answer = await device.exchange(publishPacket(topic, 0, `{"request":${request}}`));
      if (answer?.cmd !== 'publish' || !answer.topic.includes('/204/')) throw new Error(`no answer but ${answer?.cmd}`);
    }
  };
  const cost = await measure(server, REQUESTS, () => Promise.all(devices.map(report)));
  for (const device of devices) device.close();
  return cost;
}

async function connectedToHub({ ready }: MeasuredServer, id: string): Promise<ScriptedDevice> {
  const address = { ...ready, host: 'localhost' };
  const hub = await assignedHub({ ...address, idScope: ID_SCOPE }, id);
  const device = await ScriptedDevice.open({ ...address, port: ready.hubPort ?? 0 });
  await device.exchange(hubConnectPacket({ hub, id }));
  await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }] });
  return device;
}

type Work = {
  readonly what: string;
  readonly measure: (server: MeasuredServer, round: number) => Promise<Cost>;
};

const WITHOUT_HUBS: readonly Work[] = [
  { what: 'new devices', measure: measureDevices },
  { what: 'register requests', measure: measureRequests },
];
const WITH_HUBS: readonly Work[] = [
  { what: 'new devices, with hubs', measure: measureDevices },
  { what: 'twin patches', measure: measurePatches },
];

type Pair = { readonly without: Cost; readonly with: Cost };

function tableRows(what: string, pairs: readonly Pair[]): readonly (readonly string[])[] {
  const row = (name: string, of: (cost: Cost) => number, digits: number): readonly string[] => [
    `${what}: ${name}`,
    ...[pairs.map((pair) => of(pair.without)), pairs.map((pair) => of(pair.with))].map((values) =>
      median(values).toFixed(digits),
    ),
  ];
  return [row('a second', ({ perSecond }) => perSecond, 0), row('CPU ms', ({ cpuMs }) => cpuMs, 3)];
}

function ratios(what: string, pairs: readonly Pair[]): readonly Figure[] {
  const ratio = (of: (pair: Pair) => number): number => median(pairs.map(of));
  const [slower, dearer] = [
    ratio((pair) => pair.without.perSecond / pair.with.perSecond),
    ratio((pair) => pair.with.cpuMs / pair.without.cpuMs),
  ];
  return [
    { figure: `${what}: time with --state, to without`, ratio: slower, atMost: null },
    { figure: `${what}: CPU of the emulator with --state, to without`, ratio: dearer, atMost: null },
  ];
}

/** @param hubs `hubs` = they are served too, by both emulators */
async function measureCosts(folder: string, works: readonly Work[], hubs: 'hubs' | ''): Promise<readonly Figure[]> {
  const args = [join(folder, 'ca'), 'ecdsa', String((WARM_UPS + ROUNDS) * UNITS.unitsPerRound)];
  const without = await startMeasured('./emulator-server.js', [...args, '', hubs]);
  const keeping = await startMeasured('./emulator-server.js', [...args, join(folder, `state${hubs}.ndjson`), hubs]);
  const measured = works.map(({ what }) => ({ what, pairs: [] as Pair[] }));
  for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
    for (const [place, work] of works.entries()) {
      const pair = { without: await work.measure(without, round), with: await work.measure(keeping, round) };
      if (round >= WARM_UPS) measured[place]?.pairs.push(pair);
    }
  }
  for (const { process: server } of [without, keeping]) server.disconnect();
  console.log(`${ROUNDS} rounds in turns, ${UNITS.concurrency} in flight; medians`);
  const rows = measured.flatMap(({ what, pairs }) => tableRows(what, pairs));
  console.log(textTable([['', 'without', 'with --state'], ...rows]).join('\n'));
  return measured.flatMap(({ what, pairs }) => ratios(what, pairs));
}

/** A service without sockets, and with its hubs if it has them, that keeps its state in the file. */
async function opened(file: string, hasHubs: boolean) {
  const changes: StateLine[] = [];
  const behavior = SERVICE_BEHAVIOR_DEFAULT;
  const hubs = new HubRegistry([], { behavior: () => behavior, aheadMs: () => 0, ownNames: [], changes });
  const service = new ProvisioningService({
    instances: [emulatedInstance()],
    behavior,
    newGuid: () => crypto.randomUUID(),
    changes,
    ...(hasHubs ? { onAssigned: (assigned) => hubs.apply({ kind: 'assigned', ...assigned }) } : {}),
  });
  const kinds = [...service.stateKinds(), ...(hasHubs ? [hubs.stateKind()] : [])];
  const state = await keepState({
    file,
    idScopes: [ID_SCOPE],
    kinds,
    changes,
    nowMs: Date.now(),
    log: (line) => console.log(line),
  });
  return { service, state };
}

async function measureLargeFile(folder: string, hasHubs: boolean): Promise<void> {
  const file = join(folder, `large-${hasHubs}.ndjson`);
  const first = await opened(file, hasHubs);
  // A token ends with a whole second.
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  for (let device = 0; device < DEVICES; device += 1) {
    first.service.register(connectedDevice(first.service, `device-${device}`, nowMs), '', nowMs);
    if (device % 1_000 === 0) await new Promise((resolve) => first.state.whenKept(resolve));
  }
  const loop = watchEventLoop();
  const rewritingAtMs = performance.now();
  await first.state.clear();
  const rewritingMs = performance.now() - rewritingAtMs;
  const pauseMs = loop.takeMaxDelayMs();
  loop.stop();
  await first.state.close();
  const startedAtMs = performance.now();
  const second = await opened(file, hasHubs);
  const startMs = performance.now() - startedAtMs;
  await second.state.close();
  const megabytes = statSync(file).size / 1e6;
  console.log(
    `${DEVICES} devices${hasHubs ? ' with hubs' : ''}: ${megabytes.toFixed(0)} MB; read and written anew at the start in ${startMs.toFixed(0)} ms; ` +
      `written anew later in ${rewritingMs.toFixed(0)} ms, with pauses of at most ${pauseMs.toFixed(0)} ms`,
  );
}

await inTemporaryFolder(async (folder) => {
  showFigures([...(await measureCosts(folder, WITHOUT_HUBS, '')), ...(await measureCosts(folder, WITH_HUBS, 'hubs'))]);
  await measureLargeFile(folder, false);
  await measureLargeFile(folder, true);
});
