import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MQTT_CLIENTS } from '../../src/mqtt/connection-settings.ts';
import { type CaseLimits, describeCase, faultCases } from '../support/fault-cases.ts';
import { FaultMatrix, type MatrixRun } from '../support/fault-matrix.ts';
import { strikeHandshakes, sumOf } from '../support/handshake-faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The service's usual retry-after, and the tool's usual pauses; only what nobody answers is given up sooner. */
const LIMITS: CaseLimits = {
  attempts: 3,
  requestRetries: 4,
  polls: 6,
  connectTimeoutMs: 10_000,
  responseTimeoutMs: 10_000,
  pollDelayMs: 2_000,
  pollDelayMinMs: 100,
  retryDelayBaseMs: 1_000,
  conflictDelayMinMs: 1_000,
  retryAfterMaxMs: 8_000,
  retryAfterMs: 3_000,
};

const CASES = faultCases(LIMITS);
const DEVICES_PER_CASE = 5;
/** Three tries that are not answered, and the pauses between. */
const HEALTHY_SECONDS = 45;

/** By then the program knows that nothing is there. */
const NOTICED_MS = 5_000;
/** Attempts of one device until then, on average: the pauses between them are 1 s to 2, 4 and 8 s. */
const TRIES_UNTIL_NOTICED = 4;
const RATE_PER_SECOND = 20;

const HANDSHAKES = { devices: 60, ratePerSecond: RATE_PER_SECOND, fromMs: 0, untilMs: null };

const WAYS = (['group-key', 'x509'] as const).flatMap((attestation) =>
  (['mqtt', 'websocket'] as const).flatMap((transport) =>
    MQTT_CLIENTS.map((mqttClient) => ({ attestation, transport, mqttClient })),
  ),
);
const folder = temporaryFolder();

describe.each(WAYS)('$attestation over $transport by $mqttClient: every fault', (way) => {
  let matrix: FaultMatrix;
  let run: MatrixRun;

  beforeAll(async () => {
    const size = {
      cases: CASES,
      devicesPerCase: DEVICES_PER_CASE,
      ratePerSecond: RATE_PER_SECOND,
      healthySeconds: HEALTHY_SECONDS,
    };
    matrix = await FaultMatrix.start({ ...size, limits: LIMITS, retryDelayMax: '5s', workers: 2 }, folder);
    run = await matrix.run(way);
  }, 300_000);
  afterAll(() => matrix.close());

  it.each(CASES.map((one, index) => [describeCase(one), index] as const))('%s', (_, index) => {
    expect(run.problems(index)).toEqual([]);
  });

  it('harms no other device', () => {
    expect(run.ended.code).toBe(3);
    expect(run.healthy.length).toBeGreaterThan(HEALTHY_SECONDS);
    expect(run.healthy.filter((row) => row['result'] !== 'assigned' || row['attempts'] !== '1')).toEqual([]);
  });
});

// They mostly wait: one after another they would take an hour.
describe.concurrent.each(
  WAYS,
)('$attestation over $transport by $mqttClient: before anybody can know the device', (way) => {
  it.each([
    'refuse-tls',
    'stall-tls',
  ] as const)('%s now and then is overcome, with one more connection each', async (kind) => {
    const registration = { attempts: 20, connectTimeout: '5s', retryDelayBase: '100ms', retryDelayMax: '1s' };
    const strike = { ...way, ...HANDSHAKES, fault: { kind }, share: 0.3, registration };
    const { exitCode, reason, rows, struck, connects } = await strikeHandshakes(folder, strike);
    expect([exitCode, reason, rows.length]).toEqual([0, 'completed', HANDSHAKES.devices]);
    expect(struck.length).toBeGreaterThan(10);
    expect(rows.map((row) => `${row['result']} ${row['registers_sent']}`)).toEqual(rows.map(() => 'assigned 1'));
    // The preflight's connection is no device's.
    expect(sumOf(rows, 'attempts')).toBe(connects - 1 + struck.length);
  });

  it.each(['refuse-tls', 'stall-tls'] as const)('%s, always, is met once, and nothing is begun', async (kind) => {
    const strike = { ...way, ...HANDSHAKES, fault: { kind }, share: 1, registration: {} };
    const { exitCode, struck } = await strikeHandshakes(folder, strike);
    expect([exitCode, struck.length]).toEqual([4, 1]);
  });

  it.each([
    15, 45, 300,
  ])('an outage of %i s fails no device, and what is not there is not hammered', async (seconds) => {
    // Late enough for a busy machine to have launched some, early enough to have some left.
    const [fromMs, untilMs] = [12_000, 12_000 + seconds * 1_000];
    const window = { devices: 400, ratePerSecond: RATE_PER_SECOND, share: 1, fromMs, untilMs };
    const strike = { ...way, ...window, fault: { kind: 'outage' } } as const;
    const { exitCode, reason, rows, struck } = await strikeHandshakes(folder, { ...strike, registration: {} });
    expect([exitCode, reason, rows.length]).toEqual([0, 'completed', 400]);
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
    const known = struck.filter(({ atMs }) => atMs > fromMs + NOTICED_MS);
    const unaware = struck.length - known.length;
    expect(unaware).toBeGreaterThan(0);
    expect(unaware).toBeLessThan((NOTICED_MS / 1_000) * TRIES_UNTIL_NOTICED * RATE_PER_SECOND);
    // Probes after pauses of 1, 2, 4, 8, 16 and then 30 s each.
    expect(known.length).toBeLessThanOrEqual(6 + seconds / 30);
  });
});
