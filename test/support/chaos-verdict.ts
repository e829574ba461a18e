import { rowsAhead } from '../../src/load/schedule.ts';
import { busiestWindow } from './busiest-window.ts';
import { AGENTS, type ChaosResult, type SettledOutcome } from './chaos-round.ts';

const MINUTE_MS = 60_000;
/** An outcome waits for its message; meanwhile two clocks of 200 ppm drift apart by this share. */
const DRIFT_SHARE = 4e-4;
const ROUNDING_MS = 0.01;

/**
 * What is true of every session on agents, whatever happens to them, as the service saw it.
 *
 * @returns what is not as it must be
 */
export function brokenPromises(result: ChaosResult): readonly string[] {
  return [
    ...endProblems(result),
    ...rowProblems(result),
    ...fenceProblems(result),
    ...timeProblems(result),
    ...quotaProblems(result),
  ];
}

/** How many launches of each lost worker were marked although they were never sent. */
export function overMarked({ dealt, target }: ChaosResult): readonly number[] {
  const losses = new Map<string, number>();
  for (const [sequence, { lost, worker }] of dealt) {
    if (lost === null) continue;
    const wasSent = (target.launches.get(sequence)?.registersAtMs.length ?? 0) > 0;
    const loss = `${worker}/${lost.atMs}`;
    losses.set(loss, (losses.get(loss) ?? 0) + (lost.possiblySent && !wasSent ? 1 : 0));
  }
  return [...losses.values()];
}

/**
 * Most of them for one worker: what is dealt in the second until its agent counts as silent, with half a second granted ahead. While other agents
 * are missing, it is dealt what is meant for all. Where the load has fallen behind, its share of the rows ahead waits for slots besides; and
 * an agent that has just joined is dealt a row for each of its slots at once.
 */
export function overMarkedMax({ options }: ChaosResult): number {
  const { concurrency, ratePerSecond } = options;
  const ahead = Math.ceil(rowsAhead(ratePerSecond) / AGENTS.length);
  return Math.max(1.5 * ratePerSecond, Math.ceil(concurrency / AGENTS.length)) + ahead;
}

function endProblems({ end, error }: ChaosResult): readonly string[] {
  if (error !== null) return [`the session failed: ${error instanceof Error ? error.stack : error}`];
  return end?.reason === 'completed' ? [] : [`the session ended as ${end?.reason}: ${end?.message}`];
}

function rowProblems({ options, settled, target }: ChaosResult): readonly string[] {
  const broken: string[] = [];
  const last = new Map<number, SettledOutcome['outcome'][]>();
  for (const { outcome } of settled) {
    if (outcome.result === 'not-started') continue;
    last.set(outcome.row, [...(last.get(outcome.row) ?? []), outcome]);
  }
  for (let row = 0; row < options.devices; row += 1) {
    const outcomes = last.get(row) ?? [];
    const registers = target.registers.get(`dev-${row}`) ?? 0;
    const [outcome] = outcomes;
    if (outcomes.length !== 1) broken.push(`row ${row} has ${outcomes.length} outcomes`);
    if (registers > 1 && outcome?.possiblyTwice !== true)
      broken.push(`row ${row} was registered ${registers} times, unmarked`);
    if (outcome !== undefined && outcome.registersSent > registers)
      broken.push(`row ${row} counts ${outcome.registersSent} register requests, and the service got ${registers}`);
    if (registers === 0 && outcome?.result === 'assigned') broken.push(`row ${row} was never registered`);
  }
  return broken;
}

/** What was given up is not touched any more. */
function fenceProblems({ dealt, target }: ChaosResult): readonly string[] {
  return [...dealt].flatMap(([sequence, { lost }]) => {
    const seen = target.launches.get(sequence);
    if (lost === null || seen === undefined) return [];
    const late = [...seen.opensAtMs, ...seen.registersAtMs].filter((atMs) => atMs > lost.atMs);
    return late.map((atMs) => `launch ${sequence} was sent ${atMs - lost.atMs} ms after it was given up`);
  });
}

function timeProblems({ settled, target }: ChaosResult): readonly string[] {
  return settled.flatMap(({ outcome, uncertaintyMs, atMs }) => {
    const seen = target.launches.get(outcome.sequence ?? -1);
    const { attempts, startedAtMs, finishedAtMs, result, sequence } = outcome;
    const openedAtMs = seen?.opensAtMs[0];
    if (seen === undefined || openedAtMs === undefined || startedAtMs === null || result !== 'assigned') return [];
    const allowedMs = uncertaintyMs + DRIFT_SHARE * (atMs - openedAtMs) + ROUNDING_MS;
    // An attempt that met a closed fence opened nothing.
    const startWrongMs = attempts === seen.opensAtMs.length ? Math.abs(startedAtMs - openedAtMs) : 0;
    const wrongMs = Math.max(startWrongMs, Math.abs((finishedAtMs ?? 0) - seen.heardAtMs));
    return wrongMs <= allowedMs
      ? []
      : [`times of launch ${sequence} are wrong by ${wrongMs} ms, not by ${allowedMs} at most`];
  });
}

function quotaProblems({ options, target }: ChaosResult): readonly string[] {
  const busiest = busiestWindow(target.registersAtMs, MINUTE_MS);
  return busiest <= (options.sharePerMinute ?? Number.POSITIVE_INFINITY)
    ? []
    : [`${busiest} register requests in 60 s`];
}
