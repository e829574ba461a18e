// npm run bench state: what --state costs the emulator: registrations a second and CPU beside an emulator without it, in turns; and, with
// 100,000 devices, how long a start takes and how long nobody is served while the file is written anew.
// DPSLOAD_BENCH_ROUNDS sets how often.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import { keepState } from '../../src/emulator/state/keep-state.ts';
import { textTable } from '../../src/report/text-table.ts';
import { watchEventLoop } from '../../src/time/event-loop-watch.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance, ID_SCOPE } from '../support/emulated-instance.ts';
import { dpsloadClient } from './client-contenders.ts';
import { type Figure, showFigures } from './figures.ts';
import { cpuPerUnitMs, median } from './interleaved-rounds.ts';
import { inTemporaryFolder } from './program-run.ts';
import { type MeasuredServer, serverCpuMs, startMeasured } from './server-cpu.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 7);
const WARM_UPS = 2;
const UNITS = { rounds: 1, unitsPerRound: 500, concurrency: 50 };
const DEVICES = 100_000;

type Round = { readonly perSecond: number; readonly cpuMs: number };

async function measureRound(server: MeasuredServer, round: number): Promise<Round> {
  const registration = dpsloadClient(server.ready, 'dpsload');
  let elapsedMs = 0;
  const cpuMs = await serverCpuMs(server, async () => {
    const startedAtMs = performance.now();
    await cpuPerUnitMs((index) => registration.run(round * UNITS.unitsPerRound + index), UNITS);
    elapsedMs = performance.now() - startedAtMs;
  });
  return { perSecond: (UNITS.unitsPerRound * 1000) / elapsedMs, cpuMs: cpuMs / UNITS.unitsPerRound };
}

async function measureRegistrations(folder: string): Promise<readonly Figure[]> {
  const args = [join(folder, 'ca'), 'ecdsa', String((WARM_UPS + ROUNDS) * UNITS.unitsPerRound)];
  const without = await startMeasured('./emulator-server.js', args);
  const keeping = await startMeasured('./emulator-server.js', [...args, join(folder, 'state.ndjson')]);
  const rounds: { readonly without: Round; readonly with: Round }[] = [];
  for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
    const measured = { without: await measureRound(without, round), with: await measureRound(keeping, round) };
    if (round >= WARM_UPS) rounds.push(measured);
  }
  for (const { process: server } of [without, keeping]) server.disconnect();
  const of = (value: (round: Round) => number, digits: number): readonly string[] =>
    [rounds.map((each) => value(each.without)), rounds.map((each) => value(each.with))].map((values) =>
      median(values).toFixed(digits),
    );
  console.log(`${ROUNDS} rounds of ${UNITS.unitsPerRound}, ${UNITS.concurrency} in flight; medians`);
  const rows = [
    ['', 'without', 'with --state'],
    ['registrations a second', ...of(({ perSecond }) => perSecond, 0)],
    ['CPU of the emulator for each, ms', ...of(({ cpuMs }) => cpuMs, 3)],
  ];
  console.log(textTable(rows).join('\n'));
  return [
    {
      figure: 'registrations a second, without --state to with it',
      ratio: median(rounds.map((each) => each.without.perSecond / each.with.perSecond)),
      atMost: null,
    },
    {
      figure: 'CPU of the emulator, with --state to without it',
      ratio: median(rounds.map((each) => each.with.cpuMs / each.without.cpuMs)),
      atMost: null,
    },
  ];
}

/** A service without sockets that keeps its state in the file. */
async function opened(file: string) {
  const changes: StateLine[] = [];
  const service = new ProvisioningService({
    instances: [emulatedInstance()],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    newGuid: () => crypto.randomUUID(),
    changes,
  });
  const kinds = service.stateKinds();
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

async function measureLargeFile(folder: string): Promise<void> {
  const file = join(folder, 'large.ndjson');
  const first = await opened(file);
  for (let device = 0; device < DEVICES; device += 1) {
    const nowMs = Date.now();
    first.service.register(connectedDevice(first.service, `device-${device}`, nowMs), '', nowMs);
    if (device % 1_000 === 0) first.state.keep();
  }
  const loop = watchEventLoop();
  const rewritingAtMs = performance.now();
  await first.state.clear();
  const rewritingMs = performance.now() - rewritingAtMs;
  const pauseMs = loop.takeMaxDelayMs();
  loop.stop();
  await first.state.close();
  const startedAtMs = performance.now();
  const second = await opened(file);
  const startMs = performance.now() - startedAtMs;
  await second.state.close();
  const megabytes = statSync(file).size / 1e6;
  console.log(
    `${DEVICES} devices: ${megabytes.toFixed(0)} MB; read and written anew at the start in ${startMs.toFixed(0)} ms; ` +
      `written anew later in ${rewritingMs.toFixed(0)} ms, with pauses of at most ${pauseMs.toFixed(0)} ms`,
  );
}

await inTemporaryFolder(async (folder) => {
  showFigures(await measureRegistrations(folder));
  await measureLargeFile(folder);
});
