import type { FaultPoint } from '../../src/emulator/service/fault-rule.ts';
import type { Ended } from './dpsload-program.ts';
import type { CaseLimits, FaultCase } from './fault-cases.ts';
import { faultRule } from './fault-rules.ts';
import { FaultyFleet, type FleetWay } from './faulty-fleet.ts';
import type { ResultRow } from './results.ts';
import type { TestEmulator } from './test-emulator.ts';

export type MatrixSize = {
  readonly cases: readonly FaultCase[];
  readonly devicesPerCase: number;
  readonly ratePerSecond: number;
  /** Healthy devices come among the others, and after them for so long: while they get through, nothing looks like an outage. */
  readonly healthySeconds: number;
  readonly limits: CaseLimits;
  /** Beyond what `limits` bound; in the notation of a scenario. */
  readonly retryDelayMax: string;
  readonly workers: number;
};

/** Enough to be heard of every second. */
const HEALTHY_PER_SECOND = 4;
const STRUCK_IN_A_ROW = 4;

/** A timer may be a little early, and a clock a little coarse. */
const HAIR_MS = 2;

/** One emulator for the whole matrix: each device meets the fault that its registration ID names. */
export class FaultMatrix {
  readonly #size: MatrixSize;
  readonly #fleet: FaultyFleet;

  private constructor(size: MatrixSize, fleet: FaultyFleet) {
    this.#size = size;
    this.#fleet = fleet;
  }

  static async start(size: MatrixSize, folder: string): Promise<FaultMatrix> {
    const faults = size.cases.map(({ fault, point, times }, index) =>
      faultRule(fault, { points: [point], registrationIds: `*-${caseName(index)}-*`, timesPerDevice: times }),
    );
    const behavior = { retryAfterSeconds: size.limits.retryAfterMs / 1_000, assignmentDelayMs: 10 };
    return new FaultMatrix(size, await FaultyFleet.start(folder, faults, behavior));
  }

  close(): Promise<void> {
    return this.#fleet.close();
  }

  /** Registers every device through the built program. */
  async run(way: FleetWay): Promise<MatrixRun> {
    const { cases, devicesPerCase, healthySeconds, ratePerSecond, workers } = this.#size;
    const prefix = `${way.attestation}-${way.transport}`;
    const struck = [...cases.keys()].flatMap((index) =>
      Array.from({ length: devicesPerCase }, (_, n) => `${prefix}-${caseName(index)}-${n}`),
    );
    // The preflight is the first device's too, which therefore is a healthy one.
    const ids = struck.flatMap((id, n) => (n % STRUCK_IN_A_ROW === 0 ? [`${prefix}-healthy-${n}`, id] : [id]));
    const rampMs = Math.ceil((ids.length * 1_000) / ratePerSecond);
    const stages = `${ratePerSecond}/s:${rampMs}ms,${HEALTHY_PER_SECOND}/s:${healthySeconds}s`;
    const healthy = Array.from(
      { length: healthySeconds * HEALTHY_PER_SECOND },
      (_, n) => `${prefix}-healthy-after-${n}`,
    );
    const { ended, rows: results } = await this.#fleet.run(
      { ...way, ids: [...ids, ...healthy], load: { stages, workers } },
      registrationSettings(this.#size),
    );
    return new MatrixRun(prefix, this.#size, ended, results, this.#fleet.emulator);
  }
}

function registrationSettings({ limits, retryDelayMax }: MatrixSize): object {
  return {
    attempts: limits.attempts,
    requestRetries: limits.requestRetries,
    polls: limits.polls,
    connectTimeout: `${limits.connectTimeoutMs}ms`,
    responseTimeout: `${limits.responseTimeoutMs}ms`,
    pollDelay: `${limits.pollDelayMs}ms`,
    pollDelayMin: `${limits.pollDelayMinMs}ms`,
    retryAfterMax: `${limits.retryAfterMaxMs}ms`,
    retryDelayBase: `${limits.retryDelayBaseMs}ms`,
    retryDelayMax,
    conflictDelayMin: `${limits.conflictDelayMinMs}ms`,
    conflictDelayMax: `${limits.conflictDelayMinMs * 2}ms`,
  };
}

type Seen = { readonly point: FaultPoint; readonly atMs: number; readonly isStruck: boolean };

/** One run through the matrix: what its results say, beside what the emulator saw of each device. */
export class MatrixRun {
  readonly ended: Ended;
  readonly #prefix: string;
  readonly #size: MatrixSize;
  readonly #rows: ReadonlyMap<string, ResultRow>;
  readonly #seen = new Map<string, Seen[]>();

  constructor(prefix: string, size: MatrixSize, ended: Ended, rows: readonly ResultRow[], emulator: TestEmulator) {
    this.ended = ended;
    this.#prefix = prefix;
    this.#size = size;
    this.#rows = new Map(rows.map((row) => [row['registration_id'] ?? '', row]));
    for (const { registrationId, point, atMs } of emulator.faultRecords) {
      if (registrationId === null || !this.#rows.has(registrationId) || point === 'assignment') continue;
      const seen = this.#seen.get(registrationId) ?? [];
      const strikes = this.#caseOf(registrationId);
      const isFirst = !seen.some((earlier) => earlier.point === point);
      seen.push({ point, atMs, isStruck: point === strikes?.point && (isFirst || strikes.times === null) });
      this.#seen.set(registrationId, seen);
    }
  }

  /** Rows of devices that no fault strikes. */
  get healthy(): readonly ResultRow[] {
    return [...this.#rows].flatMap(([id, row]) => (id.includes('-healthy-') ? [row] : []));
  }

  /** Everything in which the devices of one case did not end, or behave, as they must. */
  problems(index: number): readonly string[] {
    const expected = this.#size.cases[index] as FaultCase;
    return Array.from({ length: this.#size.devicesPerCase }, (_, n) => n).flatMap((n) => {
      const id = `${this.#prefix}-${caseName(index)}-${n}`;
      const row = this.#rows.get(id);
      if (row === undefined) return [`${id} has no row`];
      const seen = this.#seen.get(id) ?? [];
      return [...endProblems(expected, row), ...countProblems(expected, row, seen), ...this.#pauses(expected, seen)];
    });
  }

  #caseOf(registrationId: string): FaultCase | undefined {
    return this.#size.cases[Number(/-case(\d+)-/.exec(registrationId)?.[1])];
  }

  /** Nothing is sent sooner than the service asked, or than the policy says where it did not. */
  #pauses({ pauseMs }: FaultCase, seen: readonly Seen[]): readonly string[] {
    const { retryAfterMs, retryDelayBaseMs } = this.#size.limits;
    const requests = seen.filter(({ point }) => point === 'register' || point === 'poll');
    const connects = seen.filter(({ point }) => point === 'connect');
    const requestLeast = ({ isStruck }: Seen): number => (isStruck ? pauseMs : retryAfterMs);
    return [...tooSoon(requests, requestLeast), ...tooSoon(connects, () => retryDelayBaseMs)];
  }
}

function endProblems({ result, errorCode }: FaultCase, row: ResultRow): readonly string[] {
  const ended = `${row['result']} ${row['error_code']}`;
  const isAsExpected = row['result'] === result && errorCode.test(row['error_code'] ?? '');
  return isAsExpected ? [] : [`ended as ${ended}, not as ${result} ${errorCode}: ${row['error_message']}`];
}

/** The wire's counts are the expected ones, and the outcome tells the same. */
function countProblems(expected: FaultCase, row: ResultRow, seen: readonly Seen[]): readonly string[] {
  const count = (point: FaultPoint): number => seen.filter((one) => one.point === point).length;
  return (
    [
      ['connect', expected.connects, 'attempts'],
      ['register', expected.registers, 'registers_sent'],
      ['poll', expected.polls, 'polls'],
    ] as const
  ).flatMap(([point, wanted, column]) => {
    const lost = point === 'register' ? expected.registersLost : 0;
    const [onTheWire, told] = [count(point), Number(row[column])];
    if (onTheWire === wanted && told === wanted + lost) return [];
    return [`${point}: ${onTheWire} on the wire, ${told} by the outcome, ${wanted} expected`];
  });
}

function tooSoon(seen: readonly Seen[], leastMs: (earlier: Seen) => number): readonly string[] {
  return seen.slice(1).flatMap((later, index) => {
    const earlier = seen[index] as Seen;
    const pausedMs = later.atMs - earlier.atMs;
    const least = leastMs(earlier);
    return pausedMs >= least - HAIR_MS ? [] : [`${later.point} ${pausedMs} ms after ${earlier.point}, not ${least}`];
  });
}

function caseName(index: number): string {
  return `case${index}`;
}
