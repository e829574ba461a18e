// npm run bench truth: p50, p95 and p99 of accepted, service and response time, as the built program reports them in summary.json, beside the
// send log of the server that it ran against. DPSLOAD_BENCH_SECONDS names another time of launches for each run.
import { once } from 'node:events';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { textTable } from '../../src/report/text-table.ts';
import type { DelayingServer, DelayingServerOptions, ServerDelays } from '../support/delaying-server.ts';
import { type JudgedTime, runAgainstTruth, type TruthVerdict } from '../support/ground-truth.ts';
import { type Figure, showFigures } from './figures.ts';
import { inTemporaryFolder } from './program-run.ts';
import { startMeasured } from './server-cpu.ts';

const SECONDS = Number(process.env['DPSLOAD_BENCH_SECONDS'] ?? 20);
const SEED = 1;

/** What is reported may differ from the truth by this share of it and this constant. */
const TOLERANCE_SHARE = 0.03;
const TOLERANCE_MS = 2;

type Server = Omit<ServerDelays, 'connackSpreadMs'>;

/** Far above the few milliseconds of CPU that a handshake takes, on both sides of which the same machine works. */
const SERVERS: Readonly<Record<string, Server>> = {
  fixed: { answers: [{ share: 1, delayMs: 200 }], stalls: null },
  bimodal: {
    answers: [
      { share: 0.9, delayMs: 20 },
      { share: 0.1, delayMs: 400 },
    ],
    stalls: null,
  },
  stalling: { answers: [{ share: 1, delayMs: 200 }], stalls: { everyMs: 10_000, forMs: 3_000 } },
};

const RATES_PER_SECOND = [10, 25, 50];

const MODELS = {
  // A registration takes 1.4 s: slots for more than that, and too few for a stall, in which launches wait for one.
  open: { slotSeconds: 2, connackSpreadMs: 0 },
  // So many slots launch at about the rate.
  closed: { slotSeconds: 1.9, connackSpreadMs: 1_000 },
};

const INTRODUCTION = `The reference is the server's own log: when it accepted the TCP connection, received the register request and sent each answer of a device.
accepted: register request received to 202 sent. service: TCP connection to the final answer, without the pause that the server asked for (1 s).
response, open: intended start to the final answer; launch n is meant to start n ÷ rate after the first, and the first so that no device came too early.
response, closed: TCP connection to the final answer, CONNACK being delayed by up to 1 s, so that slots do not stay in step. A closed load hides stalls: whoever would have come during one never shows, here or in any log.
Left out, so that a report is a little above the truth: the client's own work before its connection arrives and after an answer was sent, and the network.
The report cannot be below it. An error above the tolerance (${TOLERANCE_SHARE * 100}% + ${TOLERANCE_MS} ms) is the client's, unless something else was busy on the machine: see load and start lag.`;

const HEAD = ['ms', '', 'truth', 'reported', 'error', '', ''];

type Case = { readonly server: string; readonly ratePerSecond: number; readonly model: keyof typeof MODELS };

const CASES = Object.keys(SERVERS).flatMap((server) =>
  (['open', 'closed'] as const).flatMap((model) =>
    RATES_PER_SECOND.map((ratePerSecond): Case => ({ server, ratePerSecond, model })),
  ),
);

console.log(INTRODUCTION);
console.log(`Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}).`);
await inTemporaryFolder(async (folder) => {
  const figures: Figure[] = [];
  for (const each of CASES) figures.push(await measured(folder, each));
  console.log('\nThe largest error of p50, p95 and p99, as a share of the tolerance:');
  showFigures(figures);
});

async function measured(folder: string, { server, ratePerSecond, model }: Case): Promise<Figure> {
  const { slotSeconds, connackSpreadMs } = MODELS[model];
  const concurrency = Math.ceil(ratePerSecond * slotSeconds);
  const name = `${server}, ${model}, ${model === 'open' ? `${ratePerSecond}/s` : `${concurrency} slots`}`;
  const delays: ServerDelays = { ...(SERVERS[server] as Server), connackSpreadMs };
  const load = loadavg()[0]?.toFixed(1);
  const verdict = await runAgainstTruth({
    folder,
    name: `${server}-${model}-${ratePerSecond}`,
    // One more, so that no percentile falls between two ranks.
    devices: ratePerSecond * SECONDS + 1,
    ratePerSecond: model === 'open' ? ratePerSecond : null,
    concurrency,
    startServer: (logFile) => startServer({ delays, seed: SEED, logFile }),
  });
  console.log(`\n${name}; ${circumstances(verdict)}, load ${load}`);
  console.log(textTable([HEAD, ...verdict.times.map(row)]).join('\n'));
  const judged = verdict.times.filter(({ percentile }) => percentile !== 'max');
  return { figure: name, ratio: Math.max(...judged.map(shareOfTolerance)), atMost: 1 };
}

async function startServer(options: DelayingServerOptions): Promise<DelayingServer> {
  const { process: server, ready } = await startMeasured('./truth-server.js', [JSON.stringify(options)]);
  return {
    ...ready,
    async close() {
      server.send('close');
      await once(server, 'exit');
    },
  };
}

function row(judged: JudgedTime): readonly string[] {
  const { time, percentile, trueMs, reportedMs } = judged;
  const errorMs = reportedMs - trueMs;
  const verdict = shareOfTolerance(judged) <= 1 ? 'within' : 'missed';
  return [
    time,
    percentile,
    trueMs.toFixed(2),
    reportedMs.toFixed(2),
    errorMs.toFixed(2),
    `${((100 * errorMs) / trueMs).toFixed(2)}%`,
    percentile === 'max' ? '' : verdict,
  ];
}

function shareOfTolerance({ trueMs, reportedMs }: JudgedTime): number {
  return Math.abs(reportedMs - trueMs) / (TOLERANCE_SHARE * trueMs + TOLERANCE_MS);
}

function circumstances({ summary }: TruthVerdict): string {
  const startLagMs = summary.latency.startLag?.p99Ms ?? 0;
  const { limited } = summary.loadGenerator;
  return `start lag p99 ${startLagMs.toFixed(1)} ms, ${limited ? '' : 'not '}limited by the load generator`;
}
