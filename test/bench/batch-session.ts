import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { FleetSurvey } from '../../src/fleet/survey-fleet.ts';
import type { LoadShape } from '../../src/load/pace.ts';
import { TLS_CHOICES_DEFAULT } from '../../src/mqtt/tls-sockets.ts';
import { REGISTRATION_POLICY_DEFAULT } from '../../src/registration/registration-policy.ts';
import { type RunListener, runListeners } from '../../src/run/run-listener.ts';
import { RunSession, type RunSessionParts } from '../../src/run/session.ts';
import { sessionWaves } from '../../src/run/waves.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { threadPool } from '../../src/worker/thread-pool.ts';
import type { StartWorkerPool } from '../../src/worker/worker-pool.ts';

/** Throw-away, of no service. */
const KEY = Buffer.alloc(32, 5).toString('base64');

export const SIMULATED_WORKER = fileURLToPath(new URL('./simulated-worker.js', import.meta.url));

/** The journal of a run that keeps none. */
export const NULL_JOURNAL: RunSessionParts['journal'] = {
  append: () => {},
  flush: async () => {},
  sync: async () => {},
};

/** A fleet as a factory has it: an ID, and two columns of its own. */
export async function writeFleet(file: string, rows: number): Promise<FleetFile> {
  const stream = createWriteStream(file);
  stream.write('registration_id,Serial,Line\n');
  for (let row = 0; row < rows; row += 1) {
    const id = String(row).padStart(7, '0');
    if (!stream.write(`sensor-${id},SN-2026-${id},line-${row % 4}\n`)) {
      await new Promise<void>((resolve) => {
        stream.once('drain', resolve);
      });
    }
  }
  stream.end();
  await finished(stream);
  return { file, delimiter: ',', header: true, columns: {} };
}

export type BatchSession = {
  readonly fleet: FleetFile;
  readonly survey: FleetSurvey;
  readonly journal: RunSessionParts['journal'];
  /** Default: threads with the program's own worker. */
  readonly startPool?: StartWorkerPool;
  readonly workers: number;
  readonly concurrency: number;
  /** Default: the closed model. */
  readonly shape?: LoadShape;
  /** Ignored by the simulated connection. */
  readonly endpoint: {
    readonly host: string;
    readonly port: number;
    readonly idScope: string;
    readonly caPems: readonly string[];
  };
  readonly listener?: Partial<RunListener>;
};

/** One session of a run over a whole fleet, by the real coordinator. */
export async function runBatchSession(session: BatchSession): Promise<void> {
  const {
    fleet,
    survey,
    workers,
    concurrency,
    shape = { kind: 'closed' },
    endpoint,
    startPool = threadPool(),
  } = session;
  const clockOriginMs = hrtimeMs();
  const everyRow = {
    rows: survey.rows,
    takes: () => true,
    canary: [],
    pins: { only: null, exclude: null },
    warnings: [],
  };
  const load = { shape, rounds: 1, rowsMax: null };
  const keys = { kind: 'group-key', defaultKey: KEY, groups: {} } as const;
  const run = new RunSession({
    clock: systemClock(clockOriginMs),
    waves: sessionWaves({
      load,
      selection: everyRow,
      openFleet: () => readFleet(fleet, survey),
      possiblySent: null,
      isLeft: () => true,
    }),
    mark: (outcome) => outcome,
    rules: [],
    pins: null,
    journal: session.journal,
    startPool,
    setup: {
      ...endpoint,
      clockOriginMs,
      transport: 'mqtt',
      mqttClient: 'dpsload',
      addresses: null,
      tls: TLS_CHOICES_DEFAULT,
      apiVersion: '2021-06-01',
      userAgent: 'dpsload/bench',
      keys: { ...keys, secondary: { defaultKey: null, groups: {} } },
      policy: REGISTRATION_POLICY_DEFAULT,
      seed: 1,
    },
    load: {
      workers,
      concurrency,
      durationMs: null,
      sharePerMinute: null,
      governor: false,
      onOutage: 'hold',
      outageMaxMs: 900_000,
    },
    limited: false,
    emulatorPid: null,
    stopRequests: { onRequest: () => {} },
    listener: runListeners(session.listener ?? {}),
  });
  const end = await run.run();
  if (end.reason !== 'completed') throw new Error(`the run ended as ${end.reason}: ${end.message}`);
}
