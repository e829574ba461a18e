import type { FleetRow } from '../fleet/fleet-row.ts';
import type { Placement } from '../load/schedule.ts';
import { COUNTED } from '../registration/event-counts.ts';
import type { Launch } from '../registration/launch.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { RowLanes } from './row-lanes.ts';
import type { RowPins } from './row-pins.ts';
import type { RowSource } from './waves.ts';

/**
 * Pinned rows that are read and wait while others go ahead of them: those of a region whose agents are busy must not keep the others
 * waiting, even if the fleet is sorted by region. About 40 MB.
 */
export const PINNED_ROWS_AHEAD_MAX = 100_000;

/** A row to register, without its place in time. */
export type RowToLaunch = Omit<Launch, 'sequence' | keyof Placement> & {
  /** Set when an earlier launch of it was possibly sent: its response time counts from there. */
  readonly firstIntendedAtMs: number | null;
  /** Its time since then counts as held. */
  readonly afterOutage: boolean;
};

/** What earlier tries of a registration cost, and its outcome must include. */
const CARRIED_COUNTS = [...COUNTED, 'launchesIncluded'] as const;

type CarriedCounts = Pick<RegistrationOutcome, (typeof CARRIED_COUNTS)[number]>;

/** Which launches are at the workers and not settled, and which came back from them to be launched again. */
export class LaunchLedger {
  /** Which workers may have a row; `null` = all. */
  readonly pins: RowPins | null;
  readonly #open = new Map<number, { readonly launch: Launch; readonly worker: number }>();
  #requeued: RowToLaunch[] = [];
  /** Read, but there was no worker with credit that may have it. */
  readonly #waiting = new RowLanes<RowToLaunch>();
  /** By round and row: registrations that may have been sent before a lost worker or an outage took the answer, and when each was first intended. */
  readonly #firstIntendedAtMs = new Map<string, number | null>();
  #suspects: { readonly worker: number; readonly outcome: RegistrationOutcome }[] = [];
  /** By round and row. */
  readonly #carried = new Map<string, CarriedCounts>();

  /** @param pins `null` = any worker may have any row */
  constructor(pins: RowPins | null = null) {
    this.pins = pins;
  }

  /** Rows that came back first, then new ones; none for which no worker has credit. */
  async take(count: number, source: RowSource, round: number): Promise<readonly RowToLaunch[]> {
    if (this.pins !== null) {
      const workers = this.pins.look();
      const again = this.#pickRequeued(count, (row) => workers.take(row));
      return [...again, ...(await this.#takeNew(count - again.length, source, round, (row) => workers.take(row)))];
    }
    const again = this.#requeued.splice(0, count);
    if (again.length === count) return again;
    const rows = await source.take(count - again.length);
    return [...again, ...rows.map((row) => newRow(row, round))];
  }

  /** One row to probe an outage: a new one while there are any, since those that came back may be the ones that cause it. */
  async takeProbe(source: RowSource, round: number): Promise<readonly RowToLaunch[]> {
    const workers = this.pins?.look() ?? null;
    const finds = (row: RowToLaunch): boolean => workers === null || workers.hasFreeSlotFor(row);
    const probe = await this.#takeNew(1, source, round, finds);
    return probe.length > 0 ? probe : this.#pickRequeued(1, finds);
  }

  /** Whether any row is left to be launched, now or once a worker can have it. */
  async hasRow(source: RowSource): Promise<boolean> {
    return this.#requeued.length + this.#waiting.size > 0 || (await source.take(1)).length > 0;
  }

  /** Nothing is at the workers, and nothing waits to be launched again. */
  get isEmpty(): boolean {
    return this.#open.size + this.#requeued.length + this.#waiting.size === 0;
  }

  /** Rows that wait for a worker, by the value that pins them. */
  get waiting(): ReadonlyMap<string, number> {
    const counts = new Map(this.#waiting.counts());
    for (const row of this.#requeued) {
      const value = this.pins?.valueOf(row) ?? '';
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  }

  #pickRequeued(count: number, take: (row: RowToLaunch) => boolean): readonly RowToLaunch[] {
    const picked: RowToLaunch[] = [];
    const left: RowToLaunch[] = [];
    for (const row of this.#requeued) (picked.length < count && take(row) ? picked : left).push(row);
    if (picked.length > 0) this.#requeued = left;
    return picked;
  }

  /** Reads on past rows that nobody can take. */
  async #takeNew(
    count: number,
    source: RowSource,
    round: number,
    take: (row: RowToLaunch) => boolean,
  ): Promise<readonly RowToLaunch[]> {
    const taken = [...this.#waiting.pick(count, take)];
    while (taken.length < count && this.#waiting.size < PINNED_ROWS_AHEAD_MAX) {
      const read = await source.take(count - taken.length);
      if (read.length === 0) break;
      for (const one of read) {
        const row = newRow(one, round);
        if (take(row)) taken.push(row);
        else this.#waiting.add(this.pins?.valueOf(row) ?? '', row);
      }
    }
    return taken;
  }

  released(worker: number, launches: readonly Launch[]): void {
    for (const launch of launches) this.#open.set(launch.row, { launch, worker });
  }

  /** @returns the launch that the outcome of this row belongs to */
  settle(row: number): Launch {
    const released = this.#open.get(row);
    if (released === undefined) throw new Error(`row ${row} was settled without having been released`);
    this.#open.delete(row);
    return released.launch;
  }

  /** Keeps an outcome until it is known what caused it; its launch stays open. */
  suspect(worker: number, outcome: RegistrationOutcome): void {
    this.#suspects.push({ worker, outcome });
  }

  /** Removes and returns the suspects that `isKnown` picks, by outcome and worker. */
  takeSuspects(isKnown: (outcome: RegistrationOutcome, worker: number) => boolean): readonly RegistrationOutcome[] {
    const known = this.#suspects.filter(({ outcome, worker }) => isKnown(outcome, worker));
    if (known.length > 0) this.#suspects = this.#suspects.filter((suspect) => !known.includes(suspect));
    return known.map(({ outcome }) => outcome);
  }

  /** The launches of a worker that are not settled. */
  launchesOf(worker: number): readonly Launch[] {
    const held = [...this.#open.values()].filter((released) => released.worker === worker);
    return held.map(({ launch }) => launch);
  }

  /** Its first start is still to come, unless an earlier launch was possibly sent: the time since then counts as held. */
  requeueUnsent(launch: Launch): void {
    const firstIntendedAtMs = this.#firstIntendedAtMs.get(registrationOf(launch)) ?? null;
    this.#requeued.push(rowOf(launch, { firstIntendedAtMs, afterOutage: firstIntendedAtMs !== null }));
  }

  /** An outage of the target ended it; the next outcome includes what this one cost. */
  requeueAfterOutage(launch: Launch, outcome: RegistrationOutcome): void {
    const included = this.withCarried(launch, outcome);
    if (outcome.registersSent === 0) {
      this.#carried.set(registrationOf(launch), included);
      this.requeueUnsent(launch);
      return;
    }
    this.#carried.set(registrationOf(launch), { ...included, launchesIncluded: included.launchesIncluded + 1 });
    const firstIntendedAtMs = launch.intendedAtMs ?? outcome.startedAtMs;
    this.#firstIntendedAtMs.set(registrationOf(launch), firstIntendedAtMs);
    this.#requeued.push(rowOf(launch, { firstIntendedAtMs, afterOutage: true }));
  }

  /** The outcome, with what earlier tries that an outage ended have cost. */
  withCarried(launch: Launch, outcome: RegistrationOutcome): RegistrationOutcome {
    const carried = this.#carried.get(registrationOf(launch));
    if (carried === undefined) return outcome;
    const sums = CARRIED_COUNTS.map((count) => [count, outcome[count] + carried[count]]);
    return { ...outcome, ...Object.fromEntries(sums) };
  }

  requeuePossiblySent(launch: Launch): void {
    this.#firstIntendedAtMs.set(registrationOf(launch), launch.intendedAtMs);
    this.#requeued.push(rowOf(launch, { firstIntendedAtMs: launch.intendedAtMs, afterOutage: false }));
  }

  wasPossiblySent(launch: Launch): boolean {
    return this.#firstIntendedAtMs.has(registrationOf(launch));
  }
}

function registrationOf({ round, row }: Launch): string {
  return `${round}/${row}`;
}

/** Names every member: for each device of a fleet, spreading would cost more than all else here. */
function newRow(row: FleetRow, round: number): RowToLaunch {
  return {
    row: row.row,
    round,
    registrationId: row.registrationId,
    group: row.group,
    expectedHub: row.expectedHub,
    otherValues: row.otherValues,
    deviceKey: row.deviceKey,
    certificateFile: row.certificateFile,
    keyFile: row.keyFile,
    payloadJson: row.payloadJson,
    firstIntendedAtMs: null,
    afterOutage: false,
  };
}

function rowOf(launch: Launch, again: Pick<RowToLaunch, 'firstIntendedAtMs' | 'afterOutage'>): RowToLaunch {
  const { sequence: _sequence, intendedAtMs: _intended, heldMs: _held, ...timed } = launch;
  const { notBeforeMs: _notBefore, permitUntilMs: _permitUntil, ...row } = timed;
  return { ...row, ...again };
}
