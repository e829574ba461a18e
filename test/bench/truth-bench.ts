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

/**
 * Where many devices come at once, they wait for each other's handshakes: at the start of a closed load, whose slots would stay in step, and after
 * a stall. CONNACKs are then spread, so that this is not all that is measured.
 */
const SPREAD = { connackSpreadMs: 1_000 };
const NOT_SPREAD = { connackSpreadMs: 0 };

const FIXED = { answers: [{ share: 1, delayMs: 200 }], stalls: null };
const BIMODAL = {
  answers: [
    { share: 0.9, delayMs: 20 },
    { share: 0.1, delayMs: 400 },
  ],
  stalls: null,
};
const STALLING = { answers: [{ share: 1, delayMs: 200 }], stalls: { everyMs: 10_000, forMs: 3_000 } };

type Setup = {
  readonly server: 'fixed' | 'bimodal' | 'stalling';
  readonly model: 'open' | 'closed';
  readonly delays: ServerDelays;
  /** Slots for a rate of 1/s. */
  readonly slotSeconds: number;
};

/**
 * The delays are far above the few milliseconds of CPU that a handshake takes, both sides of which run on the same machine. A registration
 * takes 1.4 s, with spread CONNACKs 1.9 s: in the open model there are slots for more, but too few for a stall, in which launches wait for one.
 */
const SETUPS: readonly Setup[] = [
  { server: 'fixed', model: 'open', delays: { ...FIXED, ...NOT_SPREAD }, slotSeconds: 10 },
  { server: 'fixed', model: 'closed', delays: { ...FIXED, ...SPREAD }, slotSeconds: 1.9 },
  { server: 'bimodal', model: 'open', delays: { ...BIMODAL, ...NOT_SPREAD }, slotSeconds: 10 },
  { server: 'bimodal', model: 'closed', delays: { ...BIMODAL, ...SPREAD }, slotSeconds: 1.9 },
  { server: 'stalling', model: 'open', delays: { ...STALLING, ...SPREAD }, slotSeconds: 2.5 },
  { server: 'stalling', model: 'closed', delays: { ...STALLING, ...SPREAD }, slotSeconds: 1.9 },
];

const RATES_PER_SECOND = [10, 20, 30];

const INTRODUCTION = `The reference is the server's own log: when it accepted the TCP connection, received the register request and sent each answer of a device.
accepted: register request received to 202 sent. service: TCP connection to the final answer, without the pause that the server asked for (1 s).
response, open: intended start to the final answer; launch n is meant to start n ÷ rate after the first, and the first so that no device came too early.
response, closed: TCP connection to the final answer. A closed load hides stalls: whoever would have come during one never shows, here or in any log.
Left out, so that a report is a little above the truth: the client's own work before its connection arrives and after an answer was sent, and the network.
Closed loads and those on the stalling server get each CONNACK up to 1 s late, so that devices do not stay in step.
The report cannot be below the truth. An error above the tolerance (${TOLERANCE_SHARE * 100}% + ${TOLERANCE_MS} ms) is the client's, unless something else was busy on the machine: see load and start lag.`;

const HEAD = ['ms', '', 'truth', 'reported', 'error', '', ''];

console.log(INTRODUCTION);
console.log(`Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}).`);
await inTemporaryFolder(async (folder) => {
  const figures: Figure[] = [];
  for (const setup of SETUPS)
    for (const ratePerSecond of RATES_PER_SECOND) figures.push(await measured(folder, setup, ratePerSecond));
  console.log('\nThe largest error of p50, p95 and p99, as a share of the tolerance:');
  showFigures(figures);
});

async function measured(folder: string, setup: Setup, ratePerSecond: number): Promise<Figure> {
  const { server, model, delays, slotSeconds } = setup;
  const concurrency = Math.ceil(ratePerSecond * slotSeconds);
  const name = `${server}, ${model}, ${model === 'open' ? `${ratePerSecond}/s` : `${concurrency} slots`}`;
  const load = loadavg()[0]?.toFixed(1);
  const verdict = await runAgainstTruth({
    folder,
    name: `${server}-${model}-${ratePerSecond}`,
    // One more, so that no rank is a whole number, and its rounding counts.
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
