import { tally } from '../../allocation/tally.ts';
import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';
import type { LatencyMetric } from '../latency-metric.ts';
import { ERROR_GROUPS_MAX, FAILED_RESULTS, OTHER_ERRORS } from '../outcome-counts.ts';
import { allocationMs, outcomeTimes } from '../outcome-times.ts';
import { type Mergeable, TimeSeries } from '../time-series.ts';
import { binOf } from './value-bins.ts';

/**
 * Parts into which a run is cut. More than 30 narrow an interval hardly any further, while each part becomes too short to hold
 * what depends on each other: B. W. Schmeiser, "Batch size effects in the analysis of simulation output", Operations Research 30
 * (1982), 556–568.
 */
const BLOCKS_MAX = 30;

/** A block is one second, or two, four, … of a longer run. */
const BLOCK_MS_MIN = 1000;

/** Latencies of the service; the others belong to the load and the load generator. */
export const COMPARED_LATENCIES = [
  'response',
  'service',
  'accepted',
  'assigned',
  'allocation',
] as const satisfies readonly LatencyMetric[];

export type ComparedLatency = (typeof COMPARED_LATENCIES)[number];

export type LaunchSum = 'launched' | 'assigned' | 'failed' | 'registersSent' | 'throttles';

/** The registrations whose intended start lies in one part of a run. */
export class LaunchBlock implements Mergeable<LaunchBlock> {
  readonly sums: Record<LaunchSum, number> = { launched: 0, assigned: 0, failed: 0, registersSent: 0, throttles: 0 };
  readonly hubs = new Map<string, number>();
  readonly errors = new Map<string, number>();
  /** Counts of assigned registrations by `binOf` their latency. */
  readonly latencies = new Map(COMPARED_LATENCIES.map((metric) => [metric, new Map<number, number>()]));

  merge(later: LaunchBlock): void {
    for (const sum of Object.keys(this.sums) as LaunchSum[]) this.sums[sum] += later.sums[sum];
    addAll(this.hubs, later.hubs);
    addAll(this.errors, later.errors);
    for (const [metric, bins] of this.latencies) addAll(bins, later.latencies.get(metric) ?? new Map());
  }

  addLatencies(outcome: RegistrationOutcome): void {
    const times = outcomeTimes(outcome);
    if (times === null) return;
    const latencies: Record<ComparedLatency, number | null> = {
      response: times.responseMs,
      service: times.serviceMs,
      accepted: outcome.phases.acceptedMs,
      assigned: outcome.phases.assignedMs,
      allocation: allocationMs(outcome),
    };
    for (const [metric, bins] of this.latencies) {
      const latencyMs = latencies[metric];
      if (latencyMs !== null) tally(bins, binOf(latencyMs));
    }
  }
}

/** The registrations that ended in one part of a run. */
class EndBlock implements Mergeable<EndBlock> {
  ended = 0;

  merge(later: EndBlock): void {
    this.ended += later.ended;
  }
}

/** A run in parts of equal length, for each of which something is known. */
export type RunBlocks = {
  readonly launches: readonly LaunchBlock[];
  /** `activeMs`: the part between the first start and the last end of a session. */
  readonly ends: readonly { readonly ended: number; readonly activeMs: number }[];
};

/** Cuts a run into blocks, in memory that does not grow with the run. Sessions follow each other without the time between them. */
export class RunBlocksFold {
  readonly #launches = new TimeSeries(() => new LaunchBlock(), BLOCK_MS_MIN, BLOCKS_MAX);
  readonly #ends = new TimeSeries(() => new EndBlock(), BLOCK_MS_MIN, BLOCKS_MAX);
  readonly #errorCodes = new Set<string>();
  readonly #sessions: { readonly zeroMs: number; firstStartMs: number; lastEndMs: number }[] = [];

  /** The outcomes that follow have times of another clock. */
  beginSession(): void {
    const zeroMs = Math.ceil((this.#sessions.at(-1)?.lastEndMs ?? 0) / BLOCK_MS_MIN) * BLOCK_MS_MIN;
    this.#sessions.push({ zeroMs, firstStartMs: Number.POSITIVE_INFINITY, lastEndMs: zeroMs });
  }

  /** @param isLast no later outcome replaced it; of one that was replaced, only its requests and its end count */
  add(outcome: RegistrationOutcome, isLast: boolean): void {
    const session = this.#sessions.at(-1);
    const { intendedAtMs, startedAtMs, finishedAtMs, result } = outcome;
    if (session === undefined || intendedAtMs === null || startedAtMs === null) return;
    const { zeroMs } = session;
    const block = this.#launches.at(zeroMs + intendedAtMs);
    block.sums.registersSent += outcome.registersSent;
    block.sums.throttles += outcome.throttles;
    if (isLast) this.#addLast(block, outcome);
    if (finishedAtMs === null) return;
    session.firstStartMs = Math.min(session.firstStartMs, zeroMs + startedAtMs);
    session.lastEndMs = Math.max(session.lastEndMs, zeroMs + finishedAtMs);
    if (result !== 'cancelled') this.#ends.at(zeroMs + finishedAtMs).ended += 1;
  }

  blocks(): RunBlocks {
    const { widthMs } = this.#ends;
    const activeMs = (fromMs: number): number =>
      this.#sessions.reduce((sum, { firstStartMs, lastEndMs }) => {
        const [from, to] = [Math.max(fromMs, firstStartMs), Math.min(fromMs + widthMs, lastEndMs)];
        return sum + Math.max(0, to - from);
      }, 0);
    return {
      launches: this.#launches.buckets().filter(({ sums }) => sums.launched > 0 || sums.registersSent > 0),
      ends: this.#ends
        .buckets()
        .map(({ ended }, index) => ({ ended, activeMs: activeMs(index * widthMs) }))
        .filter((block) => block.activeMs > 0 || block.ended > 0),
    };
  }

  #addLast(block: LaunchBlock, outcome: RegistrationOutcome): void {
    const { result, assignedHub, errorCode } = outcome;
    if (result !== 'not-started') block.sums.launched += 1;
    if (result === 'assigned') {
      block.sums.assigned += 1;
      if (assignedHub !== null) tally(block.hubs, assignedHub);
      block.addLatencies(outcome);
    }
    if (FAILED_RESULTS.includes(result)) {
      block.sums.failed += 1;
      tally(block.errors, this.#errorGroup(errorCode ?? result));
    }
  }

  #errorGroup(code: string): string {
    if (this.#errorCodes.size < ERROR_GROUPS_MAX) this.#errorCodes.add(code);
    return this.#errorCodes.has(code) ? code : OTHER_ERRORS;
  }
}

function addAll<Key>(counts: Map<Key, number>, more: ReadonlyMap<Key, number>): void {
  for (const [key, count] of more) tally(counts, key, count);
}
