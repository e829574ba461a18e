// npm run bench program: CPU of the whole program for each registration (CSV, journal, metrics, progress and results), beside a bare TLS
// handshake, the packets of the conversation alone, plain MQTT.js and Microsoft's SDK. Client on one core, server on the other; contenders work
// before and after each run of the program. DPSLOAD_BENCH_ROUNDS names another number of rounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { type ContenderTask, RunningContender } from './contender-cpu.ts';
import { pinned } from './cost-table.ts';
import type { ServerCrypto, ServerReady } from './dps-server.ts';
import { type Figure, showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import { type ProgramCpu, type ProgramFleet, programCpu } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';
import { SdkContender } from './sdk-contender.ts';

/** Rounds agree within a few percent on a quiet machine. */
const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 3);
const CONCURRENCY = 50;
/** Sizes of fleets: what lies between two of them leaves out the start. Up to the second, V8 still compiles the program; after it, the run is in bulk. */
const SIZES = { first: 1_000, warm: 9_000, bulk: 17_000 };
/** Each of two workers warms up with as many devices as one alone. */
const SIZES_OF_TWO = { first: 2_000, compiled: 10_000, warm: 18_000, bulk: 26_000 };
const FURTHER_SIZES = { first: 1_000, last: 5_000 };
/** Before and after each run of the program. */
const CONTENDER_UNITS = 1_000;
/** The SDK keeps a registration open for 2 s, and takes several times the CPU: fewer do. */
const SDK_UNITS = 300;

const FURTHER_CASES: readonly (readonly [name: string, crypto: Partial<ServerCrypto>])[] = [
  ['TLS 1.3, RSA 2048', { maxVersion: 'TLSv1.3' }],
  ['TLS 1.2, ECDSA P-256', { keys: 'ec' }],
  ['TLS 1.2, a chain of three RSA certificates, as the service has', { authorityKeys: 'rsa', intermediates: 2 }],
];

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

/** Costs of a registration as multiples of what each contender takes, but for the coordinator: its share of the program. */
type Round = {
  readonly cold: MarginalCost;
  readonly bulk: MarginalCost;
  readonly sdk: number;
  readonly twoCold: MarginalCost;
  readonly twoBulk: MarginalCost;
};

/** The figures for what the service uses: TLS 1.2, RSA 2048. */
async function serviceFigures(ready: ServerReady, folder: string): Promise<readonly Figure[]> {
  const task = { ready, caFile: rootFile(ready, folder), concurrency: CONCURRENCY, certificatesFile: null };
  const start = (contender: ContenderTask['contender']): Promise<RunningContender> =>
    RunningContender.start({ ...task, contender }, SIZES.warm);
  const contenders = [await start('bare'), await start('packets'), await start('mqttJs')] as const;
  const sdk = new SdkContender(ready, task.caFile);
  await sdk.cpuPerUnitMs(SDK_UNITS);
  const rounds: Round[] = [];
  while (rounds.length < ROUNDS) rounds.push(await oneRound(contenders, sdk, { folder, ready, attestation: [] }));
  for (const contender of [...contenders, sdk]) contender.end();
  const figure = (name: string, atMost: number | null, of: (round: Round) => number | undefined): Figure => ({
    figure: name,
    ratio: median(rounds.map((round) => of(round) ?? Number.NaN)),
    atMost,
  });
  const toBare = ({ multiples }: MarginalCost): number => multiples[0] ?? Number.NaN;
  return [
    figure('program in bulk to a bare handshake, TLS 1.2, RSA 2048', 1.35, ({ bulk }) => toBare(bulk)),
    figure('the same while V8 compiles it', null, ({ cold }) => toBare(cold)),
    figure(
      'its packets alone to a bare handshake',
      null,
      ({ bulk }) => toBare(bulk) / (bulk.multiples[1] ?? Number.NaN),
    ),
    figure('program in bulk to MQTT.js by hand', 0.7, ({ bulk }) => bulk.multiples[2]),
    figure('the same while V8 compiles it', null, ({ cold }) => cold.multiples[2]),
    figure("program in bulk to Microsoft's Node SDK", 0.4, ({ sdk: multiple }) => multiple),
    figure('coordinator, journal and results to the whole program in bulk', 0.05, ({ bulk }) => bulk.coordinatorShare),
    figure('two workers in bulk to one', 1.08, ({ bulk, twoBulk }) => toBare(twoBulk) / toBare(bulk)),
    figure('the same while V8 compiles them', null, ({ cold, twoCold }) => toBare(twoCold) / toBare(cold)),
  ];
}

type Fleet = Pick<ProgramFleet, 'folder' | 'ready' | 'attestation'>;
type Contenders = readonly [bare: RunningContender, ...others: RunningContender[]];

async function oneRound(contenders: Contenders, sdk: SdkContender, fleet: Fleet): Promise<Round> {
  const one = { ...fleet, concurrency: CONCURRENCY, workers: 1 };
  const first = await runBeside(contenders, SIZES.first, one);
  const warm = await runBeside(contenders, SIZES.warm, one);
  const last = await runBeside(contenders, SIZES.bulk, one);
  const bulk = marginalCost(warm, last);
  const sdkMs = await sdk.cpuPerUnitMs(SDK_UNITS);
  const bare: Contenders = [contenders[0]];
  const two = { ...one, workers: 2 };
  const firstOfTwo = await runBeside(bare, SIZES_OF_TWO.first, two);
  const compiledOfTwo = await runBeside(bare, SIZES_OF_TWO.compiled, two);
  const warmOfTwo = await runBeside(bare, SIZES_OF_TWO.warm, two);
  const lastOfTwo = await runBeside(bare, SIZES_OF_TWO.bulk, two);
  return {
    cold: marginalCost(first, warm),
    bulk,
    sdk: ((bulk.multiples[0] ?? Number.NaN) * (last.unitMs[0] ?? Number.NaN)) / sdkMs,
    twoCold: marginalCost(firstOfTwo, compiledOfTwo),
    twoBulk: marginalCost(warmOfTwo, lastOfTwo),
  };
}

type MarginalCost = {
  /** What a registration costs, as multiples of one unit of each contender. */
  readonly multiples: readonly number[];
  readonly coordinatorShare: number;
};

/** The difference of two fleets, each measured by what the contenders cost around its run: what slows the machine slows them, too. */
function marginalCost(small: MeasuredRun, large: MeasuredRun): MarginalCost {
  const multiples = large.unitMs.map(
    (unitMs, place) =>
      (large.cpu.cpuMs / unitMs - small.cpu.cpuMs / (small.unitMs[place] ?? Number.NaN)) /
      (large.devices - small.devices),
  );
  const coordinatorMs = large.cpu.mainThreadMs - small.cpu.mainThreadMs;
  return { multiples, coordinatorShare: coordinatorMs / (large.cpu.cpuMs - small.cpu.cpuMs) };
}

type MeasuredRun = {
  readonly devices: number;
  readonly cpu: ProgramCpu;
  /** CPU of one unit of each contender, in milliseconds. */
  readonly unitMs: readonly number[];
};

async function runBeside(
  contenders: readonly RunningContender[],
  devices: number,
  fleet: ProgramFleet,
): Promise<MeasuredRun> {
  const before = await unitCosts(contenders);
  const cpu = await programCpu(devices, fleet);
  const after = await unitCosts(contenders);
  return { devices, cpu, unitMs: before.map((unitMs, place) => (unitMs + (after[place] ?? Number.NaN)) / 2) };
}

async function unitCosts(contenders: readonly RunningContender[]): Promise<readonly number[]> {
  const costs: number[] = [];
  for (const contender of contenders) costs.push(await contender.cpuPerUnitMs(CONTENDER_UNITS));
  return costs;
}

type FurtherCase = { readonly attestation: readonly string[]; readonly certificatesFile: string | null };

async function ratioToHandshake(
  ready: ServerReady,
  folder: string,
  { attestation, certificatesFile }: FurtherCase,
): Promise<number> {
  const task = { ready, caFile: rootFile(ready, folder), concurrency: CONCURRENCY, certificatesFile };
  const bare = await RunningContender.start({ ...task, contender: 'bare' }, FURTHER_SIZES.first);
  const fleet = { folder, ready, concurrency: CONCURRENCY, workers: 1, attestation };
  const small = await runBeside([bare], FURTHER_SIZES.first, fleet);
  const large = await runBeside([bare], FURTHER_SIZES.last, fleet);
  bare.end();
  return marginalCost(small, large).multiples[0] ?? Number.NaN;
}

/** Devices with certificates: a bare handshake presents one, too. */
async function x509Figure(ready: ServerReady, folder: string): Promise<Figure> {
  const line = await authority('Line A');
  const certificates = join(folder, 'certificates');
  mkdirSync(certificates);
  const pairs = await Promise.all(
    Array.from({ length: FURTHER_SIZES.last }, async (_, index) => {
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
