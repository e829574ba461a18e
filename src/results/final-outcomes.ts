import type { FleetRow } from '../fleet/fleet-row.ts';
import { JournalRecordReader, PAGES_MAX } from '../journal/journal-reader.ts';
import type { JournalRecord } from '../journal/journal-record.ts';
import type { PlacedSession } from '../journal/settlement-index.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { notStartedOutcome } from '../registration/unsent-outcomes.ts';
import type { JournalSurvey, PlacedJournal } from './survey-journals.ts';

export type FinalOutcome = {
  readonly outcome: RegistrationOutcome;
  /** Wall clock at 0 of the clock of the outcome's times. */
  readonly clockEpochMs: number;
  /** Of the run in which it took place; `null` = not told. */
  readonly region: string | null;
};

/**
 * Every registration of one run, or of several, in the order of the fleet, then of rounds, as the journal leaves it: the last outcome; else
 * `unknown` when it was released to a worker; else `not-started`.
 * @param fleetRows names those without an outcome, opened at the first of them; `null` = they have no name
 */
export async function* finalOutcomes(
  { sessions, clocks, index }: JournalSurvey,
  lines: JoinedLines,
  fleetRows: (() => AsyncIterable<FleetRow>) | null,
): AsyncGenerator<FinalOutcome> {
  const fleet = fleetRows === null ? null : new FleetCursor(fleetRows);
  try {
    for (let row = 0; row < index.rows; row += 1) {
      for (let round = 1; round <= index.rounds; round += 1) {
        const offset = index.outcomeOffset(row, round);
        if (offset === null) {
          const fleetRow = fleet === null ? null : await fleet.rowAt(row);
          const outcome = withoutOutcome(row, round, fleetRow ?? unnamedRow(sessions), index.isOpen(row, round));
          yield { outcome, clockEpochMs: 0, region: null };
        } else {
          const outcome = await outcomeAt(lines, offset);
          const marked = index.isPossiblyTwice(row, round) ? { ...outcome, possiblyTwice: true } : outcome;
          const clockEpochMs = placedBefore(clocks, offset)?.epochAtZeroMs ?? 0;
          yield { outcome: marked, clockEpochMs, region: placedBefore(sessions, offset)?.session.region ?? null };
        }
      }
    }
  } finally {
    await fleet?.close();
  }
}

async function outcomeAt(lines: JoinedLines, offset: number): Promise<RegistrationOutcome> {
  const record = await lines.recordAt(offset);
  if (record.kind !== 'outcome') throw new Error(`the journal was changed at byte ${offset} while it was read`);
  return record;
}

type NamedRow = Pick<FleetRow, 'registrationId' | 'group' | 'expectedHub' | 'otherValues'>;

function unnamedRow([first]: readonly PlacedSession[]): NamedRow {
  const otherValues = first?.session.fleet.otherColumns.map(() => '') ?? [];
  return { registrationId: '', group: null, expectedHub: null, otherValues };
}

function withoutOutcome(row: number, round: number, named: NamedRow, open: boolean): RegistrationOutcome {
  const { registrationId, group, expectedHub, otherValues } = named;
  const outcome = notStartedOutcome({
    row,
    round,
    sequence: null,
    registrationId,
    group,
    expectedHub,
    otherValues,
    intendedAtMs: null,
    heldMs: 0,
  });
  return open ? { ...outcome, result: 'unknown', possiblyTwice: true } : outcome;
}

function placedBefore<Placed extends { readonly offset: number }>(
  places: readonly Placed[],
  offset: number,
): Placed | undefined {
  return places.findLast((placed) => placed.offset < offset);
}

/** Reads forward to the rows that are asked for, in their order. */
class FleetCursor {
  readonly #open: () => AsyncIterable<FleetRow>;
  #rows: AsyncIterator<FleetRow> | null = null;
  #current: FleetRow | null = null;

  constructor(open: () => AsyncIterable<FleetRow>) {
    this.#open = open;
  }

  async rowAt(row: number): Promise<FleetRow> {
    this.#rows ??= this.#open()[Symbol.asyncIterator]();
    while (this.#current === null || this.#current.row < row) {
      const next = await this.#rows.next();
      if (next.done) throw new Error(`the fleet ends before row ${row}`);
      this.#current = next.value;
    }
    return this.#current;
  }

  async close(): Promise<void> {
    await this.#rows?.return?.();
  }
}

type Part = { readonly offset: number; readonly lines: JournalRecordReader };

/** Single records of several journals, by their offsets in the whole; holds as many pages in memory as one journal's lines. */
export class JoinedLines {
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  static async open(journals: readonly Pick<PlacedJournal, 'file' | 'offset'>[]): Promise<JoinedLines> {
    const parts: Part[] = [];
    const pagesMax = Math.max(1, Math.floor(PAGES_MAX / journals.length));
    try {
      for (const { file, offset } of journals)
        parts.push({ offset, lines: await JournalRecordReader.open(file, pagesMax) });
    } catch (error) {
      await closeAll(parts);
      throw error;
    }
    return new JoinedLines(parts);
  }

  async recordAt(offset: number): Promise<JournalRecord> {
    const part = this.#parts.findLast((one) => one.offset <= offset);
    if (part === undefined) throw new Error(`no journal reaches byte ${offset}`);
    return await part.lines.recordAt(offset - part.offset);
  }

  async close(): Promise<void> {
    await closeAll(this.#parts);
  }
}

async function closeAll(parts: readonly Part[]): Promise<void> {
  for (const { lines } of parts) await lines.close();
}
