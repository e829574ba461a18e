import { DurationHistogram } from '../../src/metrics/duration-histogram.ts';
import type { RunProgress } from '../../src/metrics/progress.ts';
import { HUBS, sampleRecord, sessionRecord } from './sample-journal.ts';

function summaryOf(...durationsMs: readonly number[]) {
  const histogram = new DurationHistogram();
  for (const durationMs of durationsMs) histogram.recordMs(durationMs);
  return histogram.summary();
}

const NO_LATENCY: RunProgress['latency'] = {
  tcp: null,
  tls: null,
  connack: null,
  suback: null,
  accepted: null,
  assigned: null,
  service: null,
  response: null,
};

/** A run of a thousand, not quite half done. */
export function sampleProgress(changes: Partial<RunProgress> = {}): RunProgress {
  return {
    target: sessionRecord().target,
    name: 'sample',
    phase: { kind: 'running' },
    total: 1000,
    settled: 450,
    settledBefore: 0,
    assigned: 440,
    failed: 10,
    elapsedMs: 12_000,
    eta: { lowMs: 15_000, highMs: 15_000 },
    inFlight: 100,
    launched: 37,
    settledLately: 35,
    ratePerSecond: 50,
    throttles: 3,
    repeatedRegisters: 1,
    latency: { ...NO_LATENCY, accepted: summaryOf(180, 220, 250), service: summaryOf(190, 230, 300) },
    hubs: [
      { hub: HUBS[0], count: 240, share: 240 / 440, expectedShare: null },
      { hub: HUBS[1], count: 200, share: 200 / 440, expectedShare: null },
    ],
    errors: [{ code: '401000', count: 10, message: 'Unauthorized', firstRow: 3, lately: 0 }],
    recent: [sampleRecord(12_000, { startLagMaxMs: 2.5 })],
    ...changes,
  };
}

/** A run in its first moment. */
export const NOTHING_YET: Partial<RunProgress> = {
  phase: { kind: 'starting' },
  settled: 0,
  assigned: 0,
  failed: 0,
  elapsedMs: 0,
  eta: null,
  inFlight: 0,
  launched: 0,
  settledLately: 0,
  throttles: 0,
  repeatedRegisters: 0,
  latency: NO_LATENCY,
  hubs: [],
  errors: [],
  recent: [],
};
