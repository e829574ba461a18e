// npm run bench program: CPU of the whole program for each registration (CSV, journal, metrics, progress and results), beside a bare TLS
// handshake and plain MQTT.js. Client on one core, server on the other.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { textTable } from '../../src/report/text-table.ts';
import { bareHandshake, plainMqttJs } from './client-contenders.ts';
import { pinned } from './cost-table.ts';
import type { ServerCrypto, ServerReady } from './dps-server.ts';
import { cpuPerUnitMs, median } from './interleaved-rounds.ts';
import { marginalCpu } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 5);
const UNITS = { rounds: 1, unitsPerRound: 1_000, concurrency: 50 };
const FEW = 500;
const MANY = 3_500;

const CASES: readonly (readonly [name: string, crypto: Partial<ServerCrypto>])[] = [
  ['TLS 1.2, RSA 2048', {}],
  ['TLS 1.3, RSA 2048', { maxVersion: 'TLSv1.3' }],
  ['TLS 1.2, ECDSA P-256', { keys: 'ec' }],
  ['TLS 1.2, RSA 2048, chain of three', { intermediates: 2 }],
];

await inTemporaryFolder(async (folder) => {
  const rows: string[][] = [];
  for (const [name, crypto] of CASES.filter(([name]) => name.includes(process.env['DPSLOAD_BENCH_CASE'] ?? ''))) {
    const server = fork(fileURLToPath(new URL('./dps-server.js', import.meta.url)), [JSON.stringify(crypto)]);
    try {
      const [ready] = (await once(server, 'message')) as [ServerReady];
      const isPinned = pinned(server.pid);
      const [bare, mqttJs] = [bareHandshake(ready), plainMqttJs(ready)];
      const figures = {
        bare: [] as number[],
        mqttJs: [] as number[],
        one: [] as number[],
        two: [] as number[],
        main: [] as number[],
      };
      for (let round = 0; round <= ROUNDS; round += 1) {
        const bareMs = await cpuPerUnitMs(bare.run, UNITS);
        const mqttJsMs = await cpuPerUnitMs(mqttJs.run, UNITS);
        const fleet = { folder, ready, concurrency: UNITS.concurrency, attestation: [] };
        const one = await marginalCpu(FEW, MANY, { ...fleet, workers: 1 });
        const two = await marginalCpu(FEW, MANY, { ...fleet, workers: 2 });
        if (round === 0) continue;
        figures.bare.push(bareMs);
        figures.mqttJs.push(mqttJsMs);
        figures.one.push(one.cpuMs);
        figures.two.push(two.cpuMs);
        figures.main.push(one.mainThreadMs);
      }
      const medianOf = (values: number[]): number => median(values.toSorted((a, b) => a - b));
      const ratio = (a: number[], b: number[]): string =>
        medianOf(a.map((value, i) => value / (b[i] ?? Number.NaN))).toFixed(2);
      rows.push([
        name,
        medianOf(figures.bare).toFixed(2),
        medianOf(figures.mqttJs).toFixed(2),
        medianOf(figures.one).toFixed(2),
        ratio(figures.one, figures.bare),
        ratio(figures.one, figures.mqttJs),
        ratio(figures.main, figures.one),
        ratio(figures.two, figures.one),
        isPinned ? 'yes' : 'no',
      ]);
      console.log(rows.at(-1)?.join('  '));
    } finally {
      server.disconnect();
    }
  }
  console.log(`Node ${process.versions.node}, ${availableParallelism()} cores`);
  console.log(
    textTable([
      ['case', 'bare ms', 'MQTT.js ms', 'program ms', 'to bare', 'to MQTT.js', 'coordinator', 'two workers', 'pinned'],
      ...rows,
    ]).join('\n'),
  );
});
