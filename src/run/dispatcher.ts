import type { GrantRecord } from '../journal/journal-record.ts';
import type { Credits } from '../load/credits.ts';
import { GRANTED_AHEAD_MS, type Placement, type Schedule } from '../load/schedule.ts';
import type { Launch } from '../registration/launch.ts';
import type { Clock } from '../time/clock.ts';
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
    const { clock, ledger, round, schedule, source } = this.#parts;
    while (!this.#stopped) {
      this.#parts.lookAtTime();
      const over = schedule.isOver(clock.nowMs());
      const count = over ? 1 : this.#releasable();
      if (count > 0) {
        const isProbe = this.#parts.outage.isOutage;
        const rows = await (isProbe ? ledger.takeProbe(source, round) : ledger.take(count, source, round));
        if (rows.length > 0 && over) return 'over';
        if (rows.length > 0 && isProbe) this.#parts.outage.probeStarted();
        if (rows.length > 0) await this.#release(rows, isProbe);
        // Rows at the workers may come back to be launched again.
        else if (ledger.isEmpty) return 'exhausted';
      }
      await this.#sleep(GRANT_INTERVAL_MS);
    }
    return 'stopped';
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
    const dealt = comesTooLate ? 0 : this.#parts.credits.dealable(rows.length);
    this.#deal(rows.slice(0, dealt).map((row, index) => this.#launchOf(row, sequence + index)));
    const left = rows.slice(dealt).map((row, index) => unlaunched(row, sequence + dealt + index));
    if (left.length > 0) this.#parts.takeBack(left);
    if (left.length > 0 && isProbe) this.#parts.outage.probeEnded();
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
    for (const launch of launches) {
      const worker = this.#parts.credits.deal();
      const dealt = byWorker.get(worker);
      if (dealt) dealt.push(launch);
      else byWorker.set(worker, [launch]);
    }
    for (const [worker, dealt] of byWorker) {
      this.#parts.ledger.released(worker, dealt);
      this.#parts.launch(worker, dealt);
    }
  }

  #sleep(durationMs: number): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      clock.wakeAt(clock.nowMs() + durationMs, resolve);
    });
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
