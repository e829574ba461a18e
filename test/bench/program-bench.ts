// npm run bench program: CPU of the whole program for each registration (CSV, journal, metrics, progress and results), beside a bare TLS
// handshake, plain MQTT.js and Microsoft's SDK. Client on one core, server on the other. DPSLOAD_BENCH_ROUNDS names another number of rounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { bareHandshake, plainMqttJs } from './client-contenders.ts';
import { pinned } from './cost-table.ts';
import type { ServerCrypto, ServerReady } from './dps-server.ts';
import { type Figure, showFigures } from './figures.ts';
import { cpuPerUnitMs, median } from './interleaved-rounds.ts';
import { marginalCpu } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';
import { SdkContender } from './sdk-contender.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 5);
/** Where only the ratio to the handshake is of interest. */
const FURTHER_ROUNDS = Math.ceil(ROUNDS / 2);
const UNITS = { rounds: 1, unitsPerRound: 1_000, concurrency: 50 };
const SDK_UNITS = 200;
const FEW = 500;
const MANY = 3_500;

const FURTHER_CASES: readonly (readonly [name: string, crypto: Partial<ServerCrypto>])[] = [
  ['TLS 1.3, RSA 2048', { maxVersion: 'TLSv1.3' }],
  ['TLS 1.2, ECDSA P-256', { keys: 'ec' }],
  ['TLS 1.2, chain of three certificates', { intermediates: 2 }],
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
      const bare = bareHandshake(ready);
      const fleet = { folder, ready, concurrency: UNITS.concurrency, workers: 1, attestation: [] };
      const ratios = await inRounds(FURTHER_ROUNDS, async () => {
        const bareMs = await cpuPerUnitMs(bare.run, UNITS);
        return (await marginalCpu(FEW, MANY, fleet)).cpuMs / bareMs;
      });
      showFigures([{ figure: `program to a bare handshake, ${name}`, ratio: medianOf(ratios), atMost: null }]);
    });
  }
  await withServer({}, async (ready) => showFigures([await x509Figure(ready, folder)]));
});

/** The figures for what the service has: TLS 1.2, RSA 2048. */
async function serviceFigures(ready: ServerReady, folder: string): Promise<readonly Figure[]> {
  const [bare, mqttJs, sdk] = [bareHandshake(ready), plainMqttJs(ready), new SdkContender(ready, folder)];
  const fleet = { folder, ready, concurrency: UNITS.concurrency, attestation: [] };
  const rounds = await inRounds(ROUNDS, async (): Promise<Round> => {
    const bareMs = await cpuPerUnitMs(bare.run, UNITS);
    const mqttJsMs = await cpuPerUnitMs(mqttJs.run, UNITS);
    const sdkMs = await sdk.cpuPerUnitMs(SDK_UNITS);
    const one = await marginalCpu(FEW, MANY, { ...fleet, workers: 1 });
    const two = await marginalCpu(FEW, MANY, { ...fleet, workers: 2 });
    const program = { program: one.cpuMs, coordinator: one.mainThreadMs, twoWorkers: two.cpuMs };
    return { bare: bareMs, mqttJs: mqttJsMs, sdk: sdkMs, ...program };
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

/** Devices with certificates: a bare handshake presents one, too. */
async function x509Figure(ready: ServerReady, folder: string): Promise<Figure> {
  const line = await authority('Line A');
  const certificates = join(folder, 'certificates');
  mkdirSync(certificates);
  const pairs = await Promise.all(
    Array.from({ length: MANY }, async (_, index) => {
      const { certificatePem, privateKeyPem } = await deviceCertificate(`dev-${index}`, line);
      writeFileSync(join(certificates, `dev-${index}.pem`), certificatePem);
      writeFileSync(join(certificates, `dev-${index}.key`), privateKeyPem);
      return { chainPem: certificatePem, privateKeyPem };
    }),
  );
  const bare = bareHandshake(ready, pairs);
  const attestation = ['--attestation', 'x509', '--cert-dir', certificates];
  const fleet = { folder, ready, concurrency: UNITS.concurrency, workers: 1, attestation };
  const ratios = await inRounds(FURTHER_ROUNDS, async () => {
    const bareMs = await cpuPerUnitMs(bare.run, UNITS);
    return (await marginalCpu(FEW, MANY, fleet)).cpuMs / bareMs;
  });
  const figure = 'program to a bare handshake, TLS 1.2, RSA 2048, X.509 devices';
  return { figure, ratio: medianOf(ratios), atMost: null };
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

/** Discards the first round, which warms up. */
async function inRounds<Value>(rounds: number, measure: () => Promise<Value>): Promise<readonly Value[]> {
  await measure();
  const values: Value[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await measure());
  return values;
}

function medianOf(values: readonly number[]): number {
  return median(values.toSorted((a, b) => a - b));
}
