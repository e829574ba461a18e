// npm run bench program: CPU of the whole program for each registration (CSV, journal, metrics, progress and results), beside a bare TLS
// handshake, the packets of the conversation alone, plain MQTT.js and Microsoft's SDK. Client on one core, server on the other; the contenders take
// turns. DPSLOAD_BENCH_ROUNDS names another number of rounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { type ContenderTask, type CostSoFar, RunningContender } from './contender-cpu.ts';
import { pinned } from './cost-table.ts';
import type { ServerCrypto, ServerReady } from './dps-server.ts';
import { type Figure, showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import { type DeviceWindow, type ProgramCpu, type ProgramFleet, programCpu } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';
import { SdkContender } from './sdk-contender.ts';
import { takeTurns } from './turns.ts';

/** Contenders that take turns agree within a few percent from round to round. */
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 2);
const CONCURRENCY = 50;
/** The cost of starting and warming up is left out in the same way for all. */
const WINDOW: DeviceWindow = { first: 1_000, last: 9_000 };
/** Each of two workers warms up with as many as one alone. */
const TWO_WORKERS_WINDOW: DeviceWindow = { first: 2_000, last: 10_000 };
const FURTHER_WINDOW: DeviceWindow = { first: 1_000, last: 5_000 };
/** The SDK keeps a registration open for 2 s, and takes several times the CPU: fewer do. */
const SDK_UNITS = 300;

const FURTHER_CASES: readonly (readonly [name: string, crypto: Partial<ServerCrypto>])[] = [
  ['TLS 1.3, RSA 2048', { maxVersion: 'TLSv1.3' }],
  ['TLS 1.2, ECDSA P-256', { keys: 'ec' }],
  ['TLS 1.2, a chain of three RSA certificates, as the service has', { authorityKeys: 'rsa', intermediates: 2 }],
];

/** Costs as multiples of a bare handshake, but for the coordinator: its share of the program. */
type Round = Readonly<
  Record<'program' | 'packets' | 'mqttJs' | 'sdk' | 'coordinator' | 'twoWorkers' | 'twoThreads', number>
>;

await inTemporaryFolder(async (folder) => {
  console.log(
    `CPU of the client for each registration. Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), medians of ${ROUNDS} rounds.`,
  );
  await withServer({}, async (ready) => showFigures(await serviceFigures(ready, folder)));
  for (const [name, crypto] of FURTHER_CASES) {
    await withServer(crypto, async (ready) => {
      const ratio = await ratioToHandshake(ready, folder, { attestation: [], certificatesFile: null });
      showFigures([{ figure: `program to a bare handshake, ${name}`, ratio, atMost: null }]);
    });
  }
  await withServer({}, async (ready) => showFigures([await x509Figure(ready, folder)]));
});

/** The figures for what the service uses: TLS 1.2, RSA 2048. */
async function serviceFigures(ready: ServerReady, folder: string): Promise<readonly Figure[]> {
  const task = { ready, caFile: rootFile(ready, folder), certificatesFile: null };
  const bare = await startContender({ ...task, contender: 'bare' });
  const packets = await startContender({ ...task, contender: 'packets' });
  const twoThreads = await startContender({ ...task, contender: 'packets', threads: 2 });
  const mqttJs = await startContender({ ...task, contender: 'mqttJs' });
  const sdk = new SdkContender(ready, task.caFile);
  await sdk.cpuPerUnitMs(SDK_UNITS);
  const fleet = { folder, ready, concurrency: CONCURRENCY, attestation: [] };
  const rounds = await inRounds(ROUNDS, async (): Promise<Round> => {
    const one = await marginalCost([bare, packets, twoThreads, mqttJs], WINDOW, { ...fleet, workers: 1 });
    const two = await marginalCost([bare], TWO_WORKERS_WINDOW, { ...fleet, workers: 2 });
    const sdkMs = await sdk.cpuPerUnitMs(SDK_UNITS);
    const [program = Number.NaN, toPackets = Number.NaN, toTwoThreads = Number.NaN, toMqttJs = Number.NaN] =
      one.multiples;
    const [twoWorkers = Number.NaN] = two.multiples;
    return {
      program,
      packets: program / toPackets,
      mqttJs: program / toMqttJs,
      sdk: sdkMs / one.contenderMs,
      coordinator: one.coordinatorShare,
      twoWorkers,
      twoThreads: toPackets / toTwoThreads,
    };
  });
  for (const contender of [bare, packets, twoThreads, mqttJs, sdk]) contender.end();
  const figure = (name: string, atMost: number | null, of: (round: Round) => number): Figure => ({
    figure: name,
    ratio: median(rounds.map(of)),
    atMost,
  });
  return [
    figure('program to a bare handshake, TLS 1.2, RSA 2048', 1.35, ({ program }) => program),
    figure('its packets alone to a bare handshake', null, ({ packets }) => packets),
    figure('program to MQTT.js by hand', 0.7, ({ program, mqttJs }) => program / mqttJs),
    figure("program to Microsoft's Node SDK", 0.4, ({ program, sdk }) => program / sdk),
    figure('coordinator, journal and results to the whole program', 0.05, ({ coordinator }) => coordinator),
    figure('two workers to one', 1.08, ({ program, twoWorkers }) => twoWorkers / program),
    figure('the packets alone on two threads to one', null, ({ twoThreads }) => twoThreads),
  ];
}

function startContender({
  threads = 1,
  ...task
}: Omit<ContenderTask, 'warmUpUnits' | 'concurrency' | 'threads'> & {
  readonly threads?: number;
}): Promise<RunningContender> {
  return RunningContender.start({ ...task, threads, warmUpUnits: WINDOW.first, concurrency: CONCURRENCY / threads });
}

type MarginalCost = {
  /** What a registration of the window costs, as multiples of one unit of each contender. */
  readonly multiples: readonly number[];
  readonly coordinatorShare: number;
  /** CPU of one unit of the first contender, in milliseconds. */
  readonly contenderMs: number;
};

/** The difference of two fleets, each measured by what the contenders cost in the same seconds: what slows the machine slows them, too. */
async function marginalCost(
  contenders: readonly RunningContender[],
  { first, last }: DeviceWindow,
  fleet: ProgramFleet,
): Promise<MarginalCost> {
  const small = await runBeside(contenders, first, fleet);
  const large = await runBeside(contenders, last, fleet);
  const multiples = contenders.map(
    (_, place) =>
      (large.cpu.cpuMs / (large.unitMs[place] ?? Number.NaN) - small.cpu.cpuMs / (small.unitMs[place] ?? Number.NaN)) /
      (last - first),
  );
  return {
    multiples,
    coordinatorShare: (large.cpu.mainThreadMs - small.cpu.mainThreadMs) / (large.cpu.cpuMs - small.cpu.cpuMs),
    contenderMs: large.unitMs[0] ?? Number.NaN,
  };
}

async function runBeside(
  contenders: readonly RunningContender[],
  devices: number,
  fleet: ProgramFleet,
): Promise<{ readonly cpu: ProgramCpu; readonly unitMs: readonly number[] }> {
  const costs = (): Promise<readonly CostSoFar[]> => Promise.all(contenders.map((contender) => contender.cost()));
  const before = await costs();
  const cpu = await programCpu(devices, fleet, (program) =>
    takeTurns([program, ...contenders.map((contender) => contender.process)]),
  );
  const after = await costs();
  const unitMs = after.map(({ units, cpuMs }, place) => {
    const { units: unitsBefore = Number.NaN, cpuMs: cpuBeforeMs = Number.NaN } = before[place] ?? {};
    return (cpuMs - cpuBeforeMs) / (units - unitsBefore);
  });
  return { cpu, unitMs };
}

type FurtherCase = { readonly attestation: readonly string[]; readonly certificatesFile: string | null };

async function ratioToHandshake(
  ready: ServerReady,
  folder: string,
  { attestation, certificatesFile }: FurtherCase,
): Promise<number> {
  const bare = await startContender({ contender: 'bare', ready, caFile: rootFile(ready, folder), certificatesFile });
  const fleet = { folder, ready, concurrency: CONCURRENCY, workers: 1, attestation };
  const { multiples } = await marginalCost([bare], FURTHER_WINDOW, fleet);
  bare.end();
  return multiples[0] ?? Number.NaN;
}

/** Devices with certificates: a bare handshake presents one, too. */
async function x509Figure(ready: ServerReady, folder: string): Promise<Figure> {
  const line = await authority('Line A');
  const certificates = join(folder, 'certificates');
  mkdirSync(certificates);
  const pairs = await Promise.all(
    Array.from({ length: FURTHER_WINDOW.last }, async (_, index) => {
      const { certificatePem, privateKeyPem } = await deviceCertificate(`dev-${index}`, line);
      writeFileSync(join(certificates, `dev-${index}.pem`), certificatePem);
      writeFileSync(join(certificates, `dev-${index}.key`), privateKeyPem);
      return { chainPem: certificatePem, privateKeyPem };
    }),
  );
  const certificatesFile = join(folder, 'certificates.json');
  writeFileSync(certificatesFile, JSON.stringify(pairs));
  const attestation = ['--attestation', 'x509', '--cert-dir', certificates];
  const ratio = await ratioToHandshake(ready, folder, { attestation, certificatesFile });
  return { figure: 'program to a bare handshake, TLS 1.2, RSA 2048, X.509 devices', ratio, atMost: null };
}

/** Writes the server's root to a file, and returns its name. */
function rootFile({ caPem }: ServerReady, folder: string): string {
  const file = join(folder, 'root.pem');
  writeFileSync(file, caPem);
  return file;
}

async function withServer(crypto: Partial<ServerCrypto>, work: (ready: ServerReady) => Promise<void>): Promise<void> {
  const server = fork(fileURLToPath(new URL('./dps-server.js', import.meta.url)), [JSON.stringify(crypto)]);
  try {
    const [ready] = (await once(server, 'message')) as [ServerReady];
    if (!pinned(server.pid)) console.log('Server and client are not pinned to a core each.');
    await work(ready);
  } finally {
    server.disconnect();
  }
}

async function inRounds<Value>(rounds: number, measure: () => Promise<Value>): Promise<readonly Value[]> {
  const values: Value[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await measure());
  return values;
}
