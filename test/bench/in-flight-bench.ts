// npm run bench in-flight: memory for each registration in flight over TLS, at 10,000 in flight, beside a bare idle TLS socket.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatCount } from '../../src/report/format.ts';
import { showFigures } from './figures.ts';
import type { IdleSockets } from './idle-sockets.ts';
import { inTemporaryFolder, type JournalLine, journalOf, startEmulator, startRun } from './program-run.ts';
import { startMeasured } from './server-cpu.ts';

const IN_FLIGHT = Number(process.env['DPSLOAD_BENCH_IN_FLIGHT'] ?? 10_000);
/** Slow enough for the handshakes of one core. */
const LAUNCHES_PER_SECOND = 200;
/** Longer than it takes to open them all. */
const RETRY_AFTER_SECONDS = 110;

await inTemporaryFolder(async (folder) => {
  const caDir = join(folder, 'ca');
  const emulator = await startEmulator(RETRY_AFTER_SECONDS, '--ca-dir', caDir);
  const options = ['-r', `${LAUNCHES_PER_SECOND}/s`, '-c', String(IN_FLIGHT)];
  const run = startRun(folder, emulator, IN_FLIGHT, options);
  const samples = (): readonly JournalLine[] => journalOf(folder).filter(({ kind }) => kind === 'sample');
  while (run.exitCode === null && (samples().at(-1)?.inFlight ?? 0) < IN_FLIGHT) await pauseMs(500);
  run.kill('SIGINT');
  run.kill('SIGINT');
  if (run.exitCode === null) await once(run, 'exit');
  await emulator.stop();
  const idle = await idleSockets(caDir);
  report(samples(), idle);
});

/** Against a server that waits forever, with the emulator's chain, which OpenSSL keeps for each socket: the emulator cuts connections that send no CONNECT. */
async function idleSockets(caDir: string): Promise<IdleSockets> {
  const { process: server, ready } = await startMeasured('./bare-tls-server.js', [caDir, 'both']);
  try {
    const args = [String(ready.port), join(caDir, 'ca.pem'), String(IN_FLIGHT)];
    const child = fork(fileURLToPath(new URL('./idle-sockets.js', import.meta.url)), args, {
      execArgv: ['--expose-gc'],
    });
    const [idle] = (await once(child, 'message')) as [IdleSockets];
    return idle;
  } finally {
    server.disconnect();
  }
}

function report(samples: readonly JournalLine[], idle: IdleSockets): void {
  const [first] = samples;
  const fullest = samples.toSorted((a, b) => (b.inFlight ?? 0) - (a.inFlight ?? 0))[0];
  if (first?.rssBytes === undefined || fullest?.rssBytes === undefined) throw new Error('the run left no samples');
  const inFlight = (fullest.inFlight ?? 0) - (first.inFlight ?? 0);
  const perRegistration = (fullest.rssBytes - first.rssBytes) / inFlight;
  const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(0)} kB`;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${fullest.inFlight} in flight: ${megabytes(fullest.rssBytes)} resident, ${megabytes(first.rssBytes)} at ${first.inFlight}: ` +
      `${kilobytes(perRegistration)} for each registration in flight`,
  );
  console.log(
    `a bare idle TLS socket: ${kilobytes(idle.rssBytes)} resident, ${kilobytes(idle.heapBytes)} of them heap; ` +
      `a registration in flight takes ${(perRegistration / idle.rssBytes).toFixed(2)} times that`,
  );
  const figure = `memory in flight to a bare idle TLS socket, ${formatCount(IN_FLIGHT)} each`;
  showFigures([{ figure, ratio: perRegistration / idle.rssBytes, atMost: 1.3 }]);
}
