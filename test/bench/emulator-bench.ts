// npm run bench emulator: CPU of the emulator for each registration, beside that of a bare TLS server with the same certificates and settings
// and beside that of the client; and the memory of its records. DPSLOAD_BENCH_KEYS=ec leaves RSA out, DPSLOAD_BENCH_ROUNDS sets how often.

import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import type { ServerKeys } from '../../src/certificates/server-identity.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { textTable } from '../../src/report/text-table.ts';
import { connectedDevice } from '../support/connected-device.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { heapMegabytes } from '../support/heap.ts';
import { bareHandshake, dpsloadClient } from './client-contenders.ts';
import { pinned } from './cost-table.ts';
import { type Figure, showFigures } from './figures.ts';
import { cpuPerUnitMs, median } from './interleaved-rounds.ts';
import { inTemporaryFolder } from './program-run.ts';
import { serverCpuMs, startMeasured } from './server-cpu.ts';

/** Before this process is bound to one of them. */
const CORES = availableParallelism();

type Keys = 'ec' | 'rsa';

const NAMES: Readonly<Record<Keys, string>> = { ec: 'ECDSA P-256', rsa: 'RSA 2048' };
const KEYS = (process.env['DPSLOAD_BENCH_KEYS'] ?? 'ec,rsa').split(',') as Keys[];
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 9);
const UNITS = { rounds: 1, unitsPerRound: 500, concurrency: 50 };
/** Rounds before the first that counts: the code of the emulator must be compiled. */
const WARM_UPS = 3;
const RECORDS = 1_000_000;

/** CPU for each connection or registration, in milliseconds. */
type Round = { readonly bareMs: number; readonly emulatorMs: number; readonly clientMs: number };

/** With both, as is usual, the clients here choose ECDSA. */
const SERVER_KEYS: Readonly<Record<Keys, ServerKeys>> = { ec: 'both', rsa: 'rsa' };

async function measureRounds(caDir: string, keys: ServerKeys): Promise<readonly Round[]> {
  const devices = (WARM_UPS + ROUNDS) * UNITS.unitsPerRound;
  // Whichever starts first makes the certificates of both.
  const bare = await startMeasured('./bare-tls-server.js', [caDir, keys]);
  const emulator = await startMeasured('./emulator-server.js', [caDir, keys, String(devices)]);
  try {
    for (const { pid } of [bare.process, emulator.process]) pinned(pid);
    const [handshake, registration] = [bareHandshake(bare.ready), dpsloadClient(emulator.ready, 'dpsload')];
    const rounds: Round[] = [];
    for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
      const newDevice = (index: number): Promise<void> => registration.run(round * UNITS.unitsPerRound + index);
      let clientMs = 0;
      const bareMs = await serverCpuMs(bare, async () => void (await cpuPerUnitMs(handshake.run, UNITS)));
      const emulatorMs = await serverCpuMs(emulator, async () => {
        clientMs = await cpuPerUnitMs(newDevice, UNITS);
      });
      const [each, ofEmulator] = [bareMs, emulatorMs].map((ms) => ms / UNITS.unitsPerRound) as [number, number];
      if (round >= WARM_UPS) rounds.push({ bareMs: each, emulatorMs: ofEmulator, clientMs });
    }
    return rounds;
  } finally {
    bare.process.disconnect();
    emulator.process.disconnect();
  }
}

function tableRow(keys: Keys, rounds: readonly Round[]): readonly string[] {
  const spread = (of: (round: Round) => number, digits: number): string => {
    const values = rounds.map(of).sort((a, b) => a - b);
    const [low, high] = [values[0] ?? Number.NaN, values.at(-1) ?? Number.NaN];
    return `${median(values).toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  };
  return [
    NAMES[keys],
    spread(({ bareMs }) => bareMs, 3),
    spread(({ emulatorMs }) => emulatorMs, 3),
    spread(({ emulatorMs, bareMs }) => emulatorMs / bareMs, 2),
    spread(({ clientMs }) => clientMs, 3),
    spread(({ emulatorMs, clientMs }) => emulatorMs / clientMs, 2),
  ];
}

async function measureCpu(): Promise<void> {
  const rows: (readonly string[])[] = [];
  const figures: Figure[] = [];
  for (const keys of KEYS) {
    await inTemporaryFolder(async (folder) => {
      const caDir = join(folder, 'ca');
      const rounds = await measureRounds(caDir, SERVER_KEYS[keys]);
      rows.push(tableRow(keys, rounds));
      const ratios = rounds.map(({ emulatorMs, bareMs }) => emulatorMs / bareMs).sort((a, b) => a - b);
      const atMost = keys === 'ec' ? 1.5 : null;
      figures.push({ figure: `emulator to a bare server, ${NAMES[keys]}`, ratio: median(ratios), atMost });
    });
  }
  const load = loadavg()[0]?.toFixed(1);
  console.log(`TLS 1.2, ${ROUNDS} rounds of ${UNITS.unitsPerRound}, ${UNITS.concurrency} in flight; CPU ms each, median (range)
Node ${process.versions.node}, ${CORES} cores, load ${load}; to the client below 1: the client is the bottleneck`);
  const head = ['key', 'bare TLS server', 'emulator', 'to bare', 'client', 'to client'];
  console.log(textTable([head, ...rows]).join('\n'));
  showFigures(figures);
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
