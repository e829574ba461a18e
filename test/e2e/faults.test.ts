import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CaseLimits, describeCase, someFaultCases } from '../support/fault-cases.ts';
import { FaultMatrix, type MatrixRun } from '../support/fault-matrix.ts';
import { type HandshakeFault, type Strike, strikeHandshakes, sumOf } from '../support/handshake-faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** As short as they can be told from one another. */
const LIMITS: CaseLimits = {
  attempts: 2,
  requestRetries: 2,
  polls: 4,
  // A machine that does much beside this test is slow to answer.
  connectTimeoutMs: 7_000,
  responseTimeoutMs: 6_000,
  pollDelayMs: 1_200,
  pollDelayMinMs: 150,
  retryDelayBaseMs: 250,
  conflictDelayMinMs: 350,
  retryAfterMaxMs: 2_000,
  retryAfterMs: 1_000,
};

/** Longer than any device that is struck: two tries that are not answered. */
const HEALTHY_SECONDS = 16;

const CASES = someFaultCases(LIMITS);
const folder = temporaryFolder();
let matrix: FaultMatrix;

beforeAll(async () => {
  const size = { cases: CASES, devicesPerCase: 1, ratePerSecond: 15, healthySeconds: HEALTHY_SECONDS, limits: LIMITS };
  matrix = await FaultMatrix.start({ ...size, retryDelayMax: '400ms', workers: 1 }, folder);
});
afterAll(() => matrix.close());

let run: MatrixRun;
beforeAll(async () => {
  run = await matrix.run({ attestation: 'group-key', transport: 'mqtt' });
});

// With X.509, and over WebSocket: a long test.
describe('every fault', () => {
  it.each(CASES.map((one, index) => [describeCase(one), index] as const))('%s', (_, index) => {
    expect(run.problems(index)).toEqual([]);
  });

  it('harms no other device', () => {
    const { healthy, ended } = run;
    expect(healthy.length).toBeGreaterThan(HEALTHY_SECONDS);
    expect(healthy.filter((row) => row['result'] !== 'assigned' || row['attempts'] !== '1')).toEqual([]);
    expect(ended.code).toBe(3);
  });
});

const HANDSHAKES: Omit<Strike, 'fault' | 'attestation'> = {
  transport: 'mqtt',
  devices: 12,
  ratePerSecond: 12,
  share: 0.3,
  fromMs: 0,
  untilMs: null,
  registration: { attempts: 20, connectTimeout: '4s', retryDelayBase: '100ms', retryDelayMax: '300ms' },
};

describe.concurrent('before anybody can know the device', () => {
  it.each<[HandshakeFault['kind'], Strike['attestation']]>([
    ['refuse-tls', 'group-key'],
    ['stall-tls', 'x509'],
  ])('%s now and then is overcome, with one more connection each (%s)', async (kind, attestation) => {
    const { reason, rows, struck, connects } = await strikeHandshakes(folder, {
      ...HANDSHAKES,
      fault: { kind },
      attestation,
    });
    expect([reason, rows.length]).toEqual(['completed', HANDSHAKES.devices]);
    expect(struck.length).toBeGreaterThan(2);
    expect(rows.map((row) => `${row['result']} ${row['registers_sent']}`)).toEqual(rows.map(() => 'assigned 1'));
    // The preflight's connection is no device's.
    expect(sumOf(rows, 'attempts')).toBe(connects - 1 + struck.length);
  });

  it('refuse-tls, always, is met once, and nothing is begun', async () => {
    const strike = { ...HANDSHAKES, fault: { kind: 'refuse-tls' }, attestation: 'x509', share: 1 } as const;
    const { exitCode, stderr, struck } = await strikeHandshakes(folder, strike);
    expect([exitCode, struck.length]).toEqual([4, 1]);
    expect(stderr).toMatch(/cannot be used: .*handshake failure/);
  });
});
