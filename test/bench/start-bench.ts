// npm run bench start: from the start of the program to its first connections, for a small fleet, beside a bare start of Node.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { textTable } from '../../src/report/text-table.ts';
import { dpsScript } from '../support/dps-script.ts';
import { type ScriptedMqttServer, startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { targetArgs } from '../support/target-args.ts';
import { createTestCa } from '../support/test-certificates.ts';
import { showFigures } from './figures.ts';
import { median } from './interleaved-rounds.ts';
import { withoutSettings } from './program-cpu.ts';
import { inTemporaryFolder } from './program-run.ts';

const ROUNDS = Number(process.env['DPSLOAD_BENCH_ROUNDS'] ?? 9);
const DEVICES = 20;
const MAIN = 'dist/cli/main.js';
/** Throw-away, of no service. */
const KEY = Buffer.alloc(32, 5).toString('base64');

const ca = await createTestCa();
let connectsAtMs: number[] = [];
const script = dpsScript();
const server = await startScriptedMqttServer({
  certificate: await ca.issue({ keys: 'rsa' }),
  maxVersion: 'TLSv1.2',
  requestCert: true,
  record: false,
  script: (peer) => {
    const answer = script(peer);
    return (packet) => {
      if (packet.cmd === 'connect') connectsAtMs.push(performance.now());
      answer(packet);
    };
  },
});

await inTemporaryFolder(async (folder) => {
  const fleet = join(folder, 'fleet.csv');
  const caFile = join(folder, 'ca.pem');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: DEVICES }, (_, index) => `dev-${index}\n`).join('')}`);
  writeFileSync(caFile, ca.certPem);
  const rows: Row[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const bareMs = await wallMs(['-e', '0']);
    const versionMs = await wallMs([MAIN, '--version']);
    const run = await runMs(fleet, caFile, mkdtempSync(join(folder, 'out-')), server);
    if (round > 0) rows.push({ bareMs, versionMs, ...run });
  }
  report(rows);
});
await server.close();

type Row = {
  readonly bareMs: number;
  readonly versionMs: number;
  /** Of the connection that finds out whether the target can be used. */
  readonly firstConnectMs: number;
  /** Of the first device that is registered. */
  readonly deviceConnectMs: number;
  readonly endMs: number;
};

async function wallMs(args: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, args, { env: environment(), stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return performance.now() - startedAtMs;
}

async function runMs(fleet: string, caFile: string, out: string, { port }: ScriptedMqttServer) {
  connectsAtMs = [];
  const startedAtMs = performance.now();
  const target = targetArgs({ port, idScope: '0ne00111111', caFile });
  const endMs = await wallMs([MAIN, 'run', fleet, ...target, '--out', out, '--quiet']);
  const [first, second] = connectsAtMs;
  if (first === undefined || second === undefined) throw new Error('the run did not connect');
  return { firstConnectMs: first - startedAtMs, deviceConnectMs: second - startedAtMs, endMs };
}

function environment(): NodeJS.ProcessEnv {
  const variables = { DPSLOAD_GROUP_KEY: KEY, DPSLOAD_POLL_DELAY: '0s', DPSLOAD_POLL_DELAY_MIN: '0s' };
  return { ...withoutSettings(process.env), ...variables };
}

function report(rows: readonly Row[]): void {
  const medianOf = (value: (row: Row) => number): number => median(rows.map(value));
  const line = (what: string, value: (row: Row) => number): readonly string[] => [
    what,
    medianOf(value).toFixed(0),
    medianOf((row) => value(row) / row.bareMs).toFixed(2),
  ];
  const [load = 0] = loadavg();
  console.log(`Node ${process.versions.node}, ${availableParallelism()} cores, load ${load.toFixed(1)}`);
  console.log(
    textTable([
      ['from the start to', 'ms', 'to bare'],
      line('the end of node -e 0', ({ bareMs }) => bareMs),
      line('the end of dpsload --version', ({ versionMs }) => versionMs),
      line('the first CONNECT', ({ firstConnectMs }) => firstConnectMs),
      line('the first CONNECT of a device', ({ deviceConnectMs }) => deviceConnectMs),
      line(`the end of a run of ${DEVICES}`, ({ endMs }) => endMs),
    ]).join('\n'),
  );
  const ratio = medianOf((row) => row.deviceConnectMs / row.bareMs);
  showFigures([{ figure: 'start to the first CONNECT of a device, to a bare start of Node', ratio, atMost: 5 }]);
}
