// Is the emulator the bottleneck? Its CPU per registration beside that of the client, over TLS, and the memory of its records.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { dpsloadClient } from './client-contenders.ts';
import type { ServerReady } from './dps-server.ts';
import type { EmulatorUsage } from './emulator-server.ts';

const WARM_UP = 500;
const REGISTRATIONS = 3_000;
const CONCURRENCY = 50;
const RECORDS = 1_000_000;

async function usageOf(emulator: ChildProcess): Promise<EmulatorUsage> {
  emulator.send('usage');
  const [usage] = (await once(emulator, 'message')) as [EmulatorUsage];
  return usage;
}

async function register(run: (index: number) => Promise<void>, from: number, until: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < until) await run(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

async function measureCpu(): Promise<void> {
  const script = fileURLToPath(new URL('./emulator-server.js', import.meta.url));
  const emulator = fork(script, [String(WARM_UP + REGISTRATIONS)]);
  try {
    const [ready] = (await once(emulator, 'message')) as [ServerReady];
    const { run } = dpsloadClient(ready, 'dpsload');
    await register(run, 0, WARM_UP);
    const [before, clientBefore] = [await usageOf(emulator), process.cpuUsage()];
    await register(run, WARM_UP, WARM_UP + REGISTRATIONS);
    const client = process.cpuUsage(clientBefore);
    const after = await usageOf(emulator);
    const registrations = after.registrations - before.registrations;
    const emulatorMs = (after.cpuMs - before.cpuMs) / registrations;
    const clientMs = (client.user + client.system) / 1000 / registrations;
    console.log(`${registrations} registrations over TLS, ${CONCURRENCY} in flight; Node ${process.versions.node}, ${availableParallelism()} cores
emulator  ${emulatorMs.toFixed(3)} ms CPU each, ${Math.round(1000 / emulatorMs)} registrations per CPU second
client    ${clientMs.toFixed(3)} ms CPU each, ${Math.round(1000 / clientMs)} registrations per CPU second
ratio     ${(emulatorMs / clientMs).toFixed(2)} (below 1: the client is the bottleneck)`);
  } finally {
    emulator.disconnect();
  }
}

function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Heap of the records alone, and with the operations that are still alive. */
function measureMemory(): void {
  const nowMs = Date.UTC(2026, 0, 1);
  const service = new ProvisioningService({
    instances: [emulatedInstance()],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    newGuid: () => crypto.randomUUID(),
  });
  const before = heapMegabytes();
  for (let n = 0; n < RECORDS; n++) service.register(connectedDevice(service, `device-${n}`, nowMs), '', nowMs);
  const withOperations = heapMegabytes() - before;
  const laterMs = nowMs + SERVICE_BEHAVIOR_DEFAULT.operationLifetimeMs;
  service.register(connectedDevice(service, 'device-0', laterMs), '', laterMs);
  const recordsAlone = heapMegabytes() - before;
  console.log(
    `${RECORDS} registration records: ${Math.round(recordsAlone)} MB heap; ${Math.round(withOperations)} MB with as many operations alive`,
  );
}

await measureCpu();
measureMemory();
