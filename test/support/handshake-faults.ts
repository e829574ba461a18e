import { FAULT_POINTS, type Fault } from '../../src/emulator/service/fault-rule.ts';
import { faultRule } from './fault-rules.ts';
import { FaultyFleet, type FleetWay } from './faulty-fleet.ts';
import type { ResultRow } from './results.ts';

/** Of the draws by which a share of the connections is struck: the first spares the preflight. */
const SEED = 2;

export type HandshakeFault = Extract<Fault, { kind: 'refuse-tls' | 'stall-tls' | 'outage' }>;

export type Struck = {
  readonly exitCode: number | null;
  readonly reason: string | undefined;
  readonly stderr: string;
  readonly rows: readonly ResultRow[];
  /** Connections that the fault struck, and those that came to CONNECT. */
  readonly struck: readonly { readonly atMs: number }[];
  readonly connects: number;
};

export type Strike = FleetWay & {
  readonly fault: HandshakeFault;
  readonly devices: number;
  readonly ratePerSecond: number;
  /** Of all connections, but never the first, unless it is all of them. */
  readonly share: number;
  /** Since the emulator's start. */
  readonly fromMs: number;
  readonly untilMs: number | null;
  /** As in a scenario. */
  readonly registration: object;
};

/** A fleet against an emulator whose fault strikes before it can know a device. */
export async function strikeHandshakes(folder: string, strike: Strike): Promise<Struck> {
  const { fault, share, fromMs, untilMs, devices, ratePerSecond, registration, ...way } = strike;
  // An outage also cuts what is open, and what had just come through the handshake.
  const points = fault.kind === 'outage' ? FAULT_POINTS.outage : (['handshake'] as const);
  const rule = faultRule(fault, { points, share, fromMs, untilMs });
  const fleet = await FaultyFleet.start(folder, [rule], { retryAfterSeconds: 1, assignmentDelayMs: 10 }, SEED);
  try {
    const ids = Array.from({ length: devices }, (_, n) => `${fault.kind}-${n}`);
    const load = { rate: `${ratePerSecond}/s`, workers: 1 };
    const { ended, rows, reason } = await fleet.run({ ...way, ids, load }, registration);
    const { faultRecords } = fleet.emulator;
    return {
      exitCode: ended.code,
      reason,
      stderr: ended.stderr,
      rows,
      struck: faultRecords.filter(({ point }) => point === 'handshake'),
      connects: faultRecords.filter(({ point }) => point === 'connect').length,
    };
  } finally {
    await fleet.close();
  }
}

export function sumOf(rows: readonly ResultRow[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column]), 0);
}
