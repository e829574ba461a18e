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
    const size = { cases: CASES, devicesPerCase: DEVICES_PER_CASE, ratePerSecond: 20, healthySeconds: HEALTHY_SECONDS };
    matrix = await FaultMatrix.start({ ...size, limits: LIMITS, retryDelayMax: '5s', workers: 2 }, folder);
    run = await matrix.run(way);
  }, 300_000);
  afterAll(() => matrix.close());

  it.each(CASES.map((one, index) => [describeCase(one), index] as const))('%s', (_, index) => {
    expect(run.problems(index)).toEqual([]);
  });

  it('harms no other device', () => {
    expect(run.healthy.filter((row) => row['result'] !== 'assigned' || row['attempts'] !== '1')).toEqual([]);
  });

  it.each(['refuse-tls', 'stall-tls'] as const)('%s now and then costs one more connection each', async (kind) => {
    const registration = { attempts: 20, connectTimeout: '5s', retryDelayBase: '100ms', retryDelayMax: '1s' };
    const strike = { ...way, fault: { kind }, devices: 60, ratePerSecond: 20, share: 0.3, fromMs: 0, untilMs: null };
    const { rows, struck, connects } = await strikeHandshakes(folder, { ...strike, registration });
    expect(struck.length).toBeGreaterThan(10);
    expect(rows.map((row) => `${row['result']} ${row['registers_sent']}`)).toEqual(rows.map(() => 'assigned 1'));
    expect(sumOf(rows, 'attempts')).toBe(connects - 1 + struck.length);
  });

  it.each(['refuse-tls', 'stall-tls'] as const)('%s, always, is met once, and nothing is begun', async (kind) => {
    const strike = { ...way, fault: { kind }, devices: 60, ratePerSecond: 20, share: 1, fromMs: 0, untilMs: null };
    const { exitCode, struck } = await strikeHandshakes(folder, { ...strike, registration: {} });
    expect([exitCode, struck.length]).toEqual([4, 1]);
  });

  it.each([
    15, 45, 300,
  ])('an outage of %i s fails no device, and what is not there is not hammered', async (seconds) => {
    const [fromMs, untilMs] = [8_000, 8_000 + seconds * 1_000];
    const window = { devices: 300, ratePerSecond: 20, share: 1, fromMs, untilMs };
    const strike = { ...way, ...window, fault: { kind: 'outage' } } as const;
    const { rows, struck, reason } = await strikeHandshakes(folder, { ...strike, registration: {} });
    expect(reason).toBe('completed');
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
    const known = struck.filter(({ atMs }) => atMs > fromMs + 5_000);
    // Pauses of 2, 4, 8, 16 and then 30 s.
    expect(known.length).toBeLessThanOrEqual(6 + seconds / 30);
  });
});
