import type { GrantRecord } from '../journal/journal-record.ts';
import type { Credits } from '../load/credits.ts';
import { GRANTED_AHEAD_MS, type Placement, type Schedule } from '../load/schedule.ts';
import type { Launch } from '../registration/launch.ts';
import { type Clock, pause } from '../time/clock.ts';
import type { LaunchLedger, RowToLaunch } from './launch-ledger.ts';
import type { RowSource } from './waves.ts';

/** Grants are at least this far apart: the journal is synced at most ten times a second. */
const GRANT_INTERVAL_MS = 100;

export type DispatcherParts = {
  readonly clock: Clock;
  readonly source: RowSource;
  readonly schedule: Schedule;
  readonly credits: Credits;
  readonly ledger: LaunchLedger;
  readonly round: number;
  /** Launch number of the first row. */
  readonly firstSequence: number;
  /** Resolves when the grant is on disk; none of its rows may be sent before that. */
  readonly writeGrant: (grant: GrantRecord) => Promise<void>;
  readonly launch: (worker: number, launches: readonly Launch[]) => void;
  /** Takes back granted rows that were not launched. */
  readonly takeBack: (launches: readonly Launch[]) => void;
  readonly outage: LaunchGate;
  /** Called before launches are placed: a standstill delays the schedule, and must be noticed first. */
  readonly lookAtTime: () => void;
};

/** What an outage of the target leaves of the launches. */
export type LaunchGate = {
  /** Only probes may be launched. */
  readonly isOutage: boolean;
  /** Whether the next probe should be a new launch. */
  wantsRow(): boolean;
  probeStarted(): void;
  probeEnded(): void;
  /** How many of these launches may start now: fewer while the load ramps up after an outage. */
  launchable(count: number): number;
};

/** `exhausted`: no rows are left and all are settled; `over`: the schedule ended before that; `stopped`: by `stop()`. */
export type DispatchEnd = 'exhausted' | 'over' | 'stopped';

/** A row with its launch number. */
type NumberedRow = { readonly row: RowToLaunch; readonly sequence: number };

/** Releases rows to the workers, as many as schedule and credits allow, each after its grant is on disk. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  #sequence: number;
  #stopped = false;
  #slotsFreeSinceMs: number;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#sequence = parts.firstSequence;
    this.#slotsFreeSinceMs = parts.clock.nowMs();
  }

  /** Launch number of the next row. */
  get sequence(): number {
    return this.#sequence;
  }

  /** No row is released after this call. */
  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<DispatchEnd> {
    const { clock, ledger, schedule, source } = this.#parts;
    while (!this.#stopped) {
      this.#parts.lookAtTime();
      const isOver = schedule.isOver(clock.nowMs());
      if (isOver && (await ledger.hasRow(source))) return 'over';
      const isIdle = isOver || (await this.#releaseNext()) === 'no-row';
      // Rows at the workers may come back to be launched again.
      if (isIdle && ledger.isEmpty) return 'exhausted';
      await pause(clock, GRANT_INTERVAL_MS);
    }
    return 'stopped';
  }

  async #releaseNext(): Promise<'released' | 'no-row' | 'not-yet'> {
    const { ledger, outage, round, source } = this.#parts;
    const count = this.#releasable();
    if (count === 0) return 'not-yet';
    const isProbe = outage.isOutage;
    const rows = await (isProbe ? ledger.takeProbe(source, round) : ledger.take(count, source, round));
    if (rows.length === 0) return 'no-row';
    if (isProbe) outage.probeStarted();
    await this.#release(rows, isProbe);
    return 'released';
  }

  #releasable(): number {
    const { clock, credits, outage, schedule } = this.#parts;
    const nowMs = clock.nowMs();
    // A probe that waits for a slot would keep all others from probing: what fills the slots may itself wait for the outage to end.
    if (outage.isOutage) return outage.wantsRow() && credits.hasFreeSlot ? 1 : 0;
    const placeable = schedule.placeable(nowMs, nowMs + GRANTED_AHEAD_MS);
    const { available } = credits;
    if (available < placeable) this.#slotsFreeSinceMs = nowMs;
    return outage.launchable(Math.min(available, placeable));
  }

  async #release(rows: readonly RowToLaunch[], isProbe: boolean): Promise<void> {
    const { clock, round, schedule, writeGrant } = this.#parts;
    const sequence = this.#sequence;
    await writeGrant({
      kind: 'grant',
      atMs: clock.nowMs(),
      round,
      sequence,
      rows: rowRanges(rows.map(({ row }) => row)),
    });
    // Even after `stop()`: granted rows must be settled, and a stopped worker hands them back as not started.
    this.#sequence += rows.length;
    this.#parts.lookAtTime();
    // If an outage began during the sync, only probes may go to the service now, one at a time.
    const comesTooLate = schedule.isPaused && !isProbe && !this.#stopped;
    const numbered = rows.map((row, index) => ({ row, sequence: sequence + index }));
    const { dealt, left } = comesTooLate ? { dealt: [], left: numbered } : this.#dealable(numbered);
    this.#deal(dealt.map(({ row, sequence: number }) => this.#launchOf(row, number)));
    if (left.length > 0) this.#parts.takeBack(left.map(({ row, sequence: number }) => unlaunched(row, number)));
    if (left.length > 0 && isProbe) this.#parts.outage.probeEnded();
  }

  /** Workers may have gone, or have less credit, since the rows were taken. */
  #dealable(rows: readonly NumberedRow[]): {
    readonly dealt: readonly NumberedRow[];
    readonly left: readonly NumberedRow[];
  } {
    const { credits, ledger } = this.#parts;
    if (ledger.pins === null) {
      const count = credits.dealable(rows.length);
      return { dealt: rows.slice(0, count), left: rows.slice(count) };
    }
    const workers = ledger.pins.look();
    const dealt = rows.filter(({ row }) => workers.take(row));
    const chosen = new Set(dealt);
    return { dealt, left: rows.filter((row) => !chosen.has(row)) };
  }

  /** Places the launch only after the grant is on disk: a slow disk must not make its permit lapse. */
  #launchOf(row: RowToLaunch, sequence: number): Launch {
    const { clock, schedule } = this.#parts;
    const { firstIntendedAtMs, afterOutage } = row;
    const nowMs = clock.nowMs();
    const placement = schedule.isPaused
      ? schedule.placeProbe(nowMs)
      : schedule.place(nowMs, this.#slotsFreeSinceMs, firstIntendedAtMs);
    if (!afterOutage || firstIntendedAtMs === null) return launchOf(row, sequence, placement);
    const heldMs = Math.max(0, (placement.notBeforeMs ?? nowMs) - firstIntendedAtMs);
    return launchOf(row, sequence, { ...placement, intendedAtMs: firstIntendedAtMs, heldMs });
  }

  #deal(launches: readonly Launch[]): void {
    const byWorker = new Map<number, Launch[]>();
    const pinned = this.#parts.ledger.pins?.look() ?? null;
    for (const launch of launches) {
      const worker = this.#parts.credits.deal(pinned === null ? null : pinned.mayHave(launch));
      const dealt = byWorker.get(worker);
      if (dealt) dealt.push(launch);
      else byWorker.set(worker, [launch]);
    }
    for (const [worker, dealt] of byWorker) {
      this.#parts.ledger.released(worker, dealt);
      this.#parts.launch(worker, dealt);
    }
  }
}

function unlaunched(row: RowToLaunch, sequence: number): Launch {
  return launchOf(row, sequence, { intendedAtMs: null, heldMs: 0, notBeforeMs: null, permitUntilMs: null });
}

/** Names every member: for each device of a fleet, spreading would cost more than all else here. */
function launchOf(
  row: RowToLaunch,
  sequence: number,
  { intendedAtMs, heldMs, notBeforeMs, permitUntilMs }: Placement,
): Launch {
  return {
    row: row.row,
    round: row.round,
    sequence,
    registrationId: row.registrationId,
    group: row.group,
    expectedHub: row.expectedHub,
    otherValues: row.otherValues,
    deviceKey: row.deviceKey,
    certificateFile: row.certificateFile,
    keyFile: row.keyFile,
    payloadJson: row.payloadJson,
    intendedAtMs,
    heldMs,
    notBeforeMs,
    permitUntilMs,
  };
}

/** Rows as ranges of consecutive ones, first and last inclusive, as a grant names them. */
export function rowRanges(rows: readonly number[]): readonly (readonly [first: number, last: number])[] {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const current = ranges.at(-1);
    if (current && current[1] + 1 === row) current[1] = row;
    else ranges.push([row, row]);
  }
  return ranges;
}
