import type { JournalRecord } from '../../src/journal/journal-record.ts';
import type { LoadShape } from '../../src/load/pace.ts';
import { mqttConversations } from '../../src/mqtt/mqtt-conversation.ts';
import { PERMIT_LAPSE_MS, type RegistrationPolicy } from '../../src/registration/registration-policy.ts';
import type { RecordedRun } from './eta-judge.ts';
import { SETUP, sessionBench, waveOf } from './session-bench.ts';
import { type QuotaServiceOptions, SimulatedQuotaService } from './simulated-quota-service.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { virtualWorkers } from './virtual-workers.ts';

type SimulatedRun = {
  readonly devices: number;
  readonly shape: LoadShape;
  readonly concurrency: number;
  readonly service: QuotaServiceOptions;
  /** Register requests a minute that the run limits itself to; `null` = no quota. */
  readonly perMinute: number | null;
  readonly policy?: Partial<RegistrationPolicy>;
};

/** A service without a limit that anybody reaches. */
const AMPLE: QuotaServiceOptions = {
  limit: { algorithm: 'token-bucket', limit: 1_000_000, perMs: 1_000 },
  retryAfterSeconds: 3,
  trouble: 0,
};
const PER_SECOND = 1_000;

/** Runs like those of the shipped scenarios, and some that they do not have, in virtual time. */
const RUNS: Readonly<Record<string, SimulatedRun>> = {
  'power cut, 40/s': {
    devices: 600,
    shape: { kind: 'at-once' },
    concurrency: 600,
    service: { ...AMPLE, limit: { algorithm: 'fixed-window', limit: 40, perMs: PER_SECOND } },
    perMinute: null,
    policy: { attemptsMax: 20, retryDelayMaxMs: 10_000 },
  },
  'power cut, no retry-after': {
    devices: 600,
    shape: { kind: 'at-once' },
    concurrency: 600,
    service: { ...AMPLE, limit: { algorithm: 'token-bucket', limit: 20, perMs: PER_SECOND }, retryAfterSeconds: null },
    perMinute: null,
    policy: { attemptsMax: 50, retryDelayMaxMs: 10_000 },
  },
  'power cut, no limit': {
    devices: 600,
    shape: { kind: 'at-once' },
    concurrency: 600,
    service: AMPLE,
    perMinute: null,
  },
  'closed, 100 slots': { devices: 1_500, shape: { kind: 'closed' }, concurrency: 100, service: AMPLE, perMinute: null },
  'closed, troubled': {
    devices: 1_000,
    shape: { kind: 'closed' },
    concurrency: 100,
    service: { ...AMPLE, trouble: 0.05 },
    perMinute: null,
  },
  'rate of 20/s': {
    devices: 600,
    shape: { kind: 'rate', ratePerSecond: 20 },
    concurrency: 200,
    service: AMPLE,
    perMinute: null,
  },
  'rate above the limit of the service': {
    devices: 900,
    shape: { kind: 'rate', ratePerSecond: 30 },
    concurrency: 300,
    service: { ...AMPLE, limit: { algorithm: 'token-bucket', limit: 20, perMs: PER_SECOND } },
    perMinute: null,
    policy: { attemptsMax: 50 },
  },
  batches: {
    devices: 1_000,
    shape: { kind: 'batches', size: 200, everyMs: 10_000 },
    concurrency: 400,
    service: AMPLE,
    perMinute: null,
  },
  'stages with a ramp': {
    devices: 900,
    shape: {
      kind: 'stages',
      stages: [
        { ratePerSecond: 5, forMs: 20_000, ramp: false },
        { ratePerSecond: 40, forMs: 40_000, ramp: true },
      ],
    },
    concurrency: 400,
    service: AMPLE,
    perMinute: null,
  },
  'quota, kept': {
    devices: 500,
    shape: { kind: 'closed' },
    concurrency: 50,
    service: {
      ...AMPLE,
      limit: { algorithm: 'token-bucket', limit: 15, perMs: PER_SECOND },
      retryAfterSeconds: 'exact',
    },
    perMinute: 600,
  },
  'quota, half of what was stated': {
    devices: 500,
    shape: { kind: 'closed' },
    concurrency: 50,
    service: {
      ...AMPLE,
      limit: { algorithm: 'token-bucket', limit: 10, perMs: PER_SECOND },
      retryAfterSeconds: 'exact',
    },
    perMinute: 720,
  },
};

export const SIMULATED_RUNS = Object.keys(RUNS);

/** A whole session with real workers, in virtual time. */
export async function simulateForEta(name: string, seed: number): Promise<RecordedRun> {
  const run = RUNS[name];
  if (run === undefined) throw new Error(`no run is called ${name}`);
  const { devices, shape, concurrency, perMinute, service, policy } = run;
  const permitLapseMs = perMinute === null ? null : PERMIT_LAPSE_MS;
  const bench = sessionBench([waveOf(devices, { shape })], {
    startPool: virtualWorkers((clock) =>
      mqttConversations(new SimulatedQuotaService(clock, new SimulatedRandom(seed), service).open, clock),
    ),
    setup: { ...SETUP, seed, policy: { ...SETUP.policy, permitLapseMs, ...policy } },
    load: { workers: 2, concurrency, sharePerMinute: perMinute, governor: perMinute !== null, onOutage: 'ignore' },
  });
  for (let seconds = 0; bench.end() === null && seconds < 600; seconds += 1) await bench.advance(1_000);
  const quota = perMinute === null ? null : { perMinute, share: 1 };
  return {
    name,
    load: { shape, concurrency, rounds: 1, durationMs: null, quota, canaryPerGroup: 0, hubs: null },
    registrations: devices,
    records: bench.records satisfies readonly JournalRecord[],
  };
}
