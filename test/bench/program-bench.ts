// npm run bench program: CPU of the whole program for each registration (CSV, journal, metrics, progress and results), beside a bare TLS
// handshake, plain MQTT.js and Microsoft's SDK. Client on one core, server on the other. DPSLOAD_BENCH_ROUNDS names another number of rounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { contenderCpuMs, type UnitWindow } from './contender-cpu.ts';
import { pinned } from './cost-table.ts';
import type { ServerCrypto, ServerReady } from './dps-server.ts';
import { type Figure, showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import { marginalCpu } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';
import { SdkContender } from './sdk-contender.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 3);
/** Where only the ratio to the handshake is of interest. */
const FURTHER_ROUNDS = Math.ceil(ROUNDS / 2);
/** Each contender is a new process; what it takes to start and to become warm is left out, for all in the same way. */
const WINDOW: UnitWindow = { first: 1_000, last: 5_000, concurrency: 50 };
const FURTHER_WINDOW: UnitWindow = { ...WINDOW, last: 3_000 };
/** The SDK keeps a registration open for 2 s, and takes several times the CPU: fewer do. */
const SDK_UNITS = 300;

const FURTHER_CASES: readonly (readonly [name: string, crypto: Partial<ServerCrypto>])[] = [
  ['TLS 1.3, RSA 2048', { maxVersion: 'TLSv1.3' }],
  ['TLS 1.2, ECDSA P-256', { keys: 'ec' }],
  ['TLS 1.2, a chain of three RSA certificates, as the service has', { authorityKeys: 'rsa', intermediates: 2 }],
];

/** What one round measured, in milliseconds of CPU. */
type Round = Readonly<Record<'bare' | 'mqttJs' | 'sdk' | 'program' | 'coordinator' | 'twoWorkers', number>>;

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

/** The figures for what the service has: TLS 1.2, RSA 2048. */
async function serviceFigures(ready: ServerReady, folder: string): Promise<readonly Figure[]> {
  const caFile = rootFile(ready, folder);
  const sdk = new SdkContender(ready, caFile);
  await sdk.cpuPerUnitMs(SDK_UNITS);
  const contender = { ready, caFile, window: WINDOW, certificatesFile: null };
  const fleet = { folder, ready, window: WINDOW, attestation: [] };
  const rounds = await inRounds(ROUNDS, async (): Promise<Round> => {
    const bareBeforeMs = await contenderCpuMs({ ...contender, contender: 'bare' });
    const one = await marginalCpu({ ...fleet, workers: 1 });
    const two = await marginalCpu({ ...fleet, workers: 2 });
    const mqttJsMs = await contenderCpuMs({ ...contender, contender: 'mqttJs' });
    const sdkMs = await sdk.cpuPerUnitMs(SDK_UNITS);
    const bareAfterMs = await contenderCpuMs({ ...contender, contender: 'bare' });
    const program = { program: one.cpuMs, coordinator: one.mainThreadMs, twoWorkers: two.cpuMs };
    return { bare: (bareBeforeMs + bareAfterMs) / 2, mqttJs: mqttJsMs, sdk: sdkMs, ...program };
  });
  sdk.end();
  for (const name of ['bare', 'mqttJs', 'sdk', 'program', 'coordinator', 'twoWorkers'] as const) {
    const costs = rounds.map((round) => round[name]).toSorted((a, b) => a - b);
    console.log(`${name}: ${costs.map((cost) => cost.toFixed(2)).join(', ')} ms`);
  }
  const ratio = (figure: string, of: keyof Round, to: keyof Round, atMost: number): Figure => ({
    figure,
    ratio: medianOf(rounds.map((round) => round[of] / round[to])),
    atMost,
  });
  return [
    ratio('program to a bare handshake, TLS 1.2, RSA 2048', 'program', 'bare', 1.35),
    ratio('program to MQTT.js by hand', 'program', 'mqttJs', 0.7),
    ratio("program to Microsoft's Node SDK", 'program', 'sdk', 0.4),
    ratio('coordinator, journal and results to the whole program', 'coordinator', 'program', 0.05),
    ratio('two workers to one', 'twoWorkers', 'program', 1.08),
  ];
}

type FurtherCase = { readonly attestation: readonly string[]; readonly certificatesFile: string | null };

async function ratioToHandshake(ready: ServerReady, folder: string, further: FurtherCase): Promise<number> {
  const { attestation, certificatesFile } = further;
  const window = FURTHER_WINDOW;
  const caFile = rootFile(ready, folder);
  const ratios = await inRounds(FURTHER_ROUNDS, async () => {
    const bareMs = await contenderCpuMs({ contender: 'bare', ready, caFile, window, certificatesFile });
    return (await marginalCpu({ folder, ready, window, workers: 1, attestation })).cpuMs / bareMs;
  });
  return medianOf(ratios);
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

function medianOf(values: readonly number[]): number {
  return median(values.toSorted((a, b) => a - b));
}
