import { PAGES_MAX } from '../files/lines-by-offset.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { type AgentLabels, NO_LABELS, REGION_LABEL } from '../journal/agent-record.ts';
import { JournalRecordReader } from '../journal/journal-reader.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { notStartedOutcome } from '../registration/unsent-outcomes.ts';
import type { JournalSurvey, PlacedJournal } from './survey-journals.ts';

export type FinalOutcome = {
  readonly outcome: RegistrationOutcome;
  /** Wall clock at 0 of the clock that the outcome's times use. */
  readonly clockEpochMs: number;
  /** Where the registration took place: the label `region` of its agent, else the region of the run; `null` = not given. */
  readonly region: string | null;
  /** Of its agent; empty without one. */
  readonly agentLabels: AgentLabels;
};

/**
 * The second of two readings: every registration of one run, or of several, in the order of the fleet, then of rounds. Its outcome
 * is the last one in the journal, else `unknown` if it was released to a worker, else `not-started`.
 *
 * @param fleetRows names registrations without an outcome, opened when first needed; `null` = they stay unnamed
 */
export async function* finalOutcomes(
  survey: JournalSurvey,
  fleetRows: (() => AsyncIterable<FleetRow>) | null,
): AsyncGenerator<FinalOutcome> {
  const { clocks, index } = survey;
  const journals = await JoinedJournals.open(survey.journals);
  const fleet = fleetRows === null ? null : new FleetCursor(fleetRows);
  try {
    for (let row = 0; row < index.rows; row += 1) {
      for (let round = 1; round <= index.rounds; round += 1) {
        const offset = index.outcomeOffset(row, round);
        if (offset === null) {
          const named = fleet === null ? unnamedRow(survey) : await fleet.rowAt(row);
          const outcome = withoutOutcome(row, round, named, index.isOpen(row, round));
          yield { outcome, clockEpochMs: 0, region: null, agentLabels: NO_LABELS };
        } else {
          const found = await journals.outcomeAt(offset);
          const outcome = index.isPossiblyTwice(row, round) ? { ...found, possiblyTwice: true } : found;
          const clockEpochMs = placedBefore(clocks, offset)?.epochAtZeroMs ?? 0;
          yield { outcome, clockEpochMs, ...placeOf(survey, outcome, offset) };
        }
      }
    }
  } finally {
    await fleet?.close();
    await journals.close();
  }
}

/** @param offset of the outcome */
function placeOf(
  { sessions, placedAgents }: JournalSurvey,
  { agent }: RegistrationOutcome,
  offset: number,
): Pick<FinalOutcome, 'region' | 'agentLabels'> {
  const record = agent === null ? undefined : placedBefore(placedAgents, offset)?.records.get(agent);
  const agentLabels = record?.labels ?? NO_LABELS;
  const region = agentLabels[REGION_LABEL] ?? placedBefore(sessions, offset)?.session.region ?? null;
  return { region, agentLabels };
}

type NamedRow = Pick<FleetRow, 'registrationId' | 'group' | 'expectedHub' | 'otherValues'>;

function unnamedRow({ first }: JournalSurvey): NamedRow {
  return { registrationId: '', group: null, expectedHub: null, otherValues: first.fleet.otherColumns.map(() => '') };
}

function withoutOutcome(row: number, round: number, named: NamedRow, open: boolean): RegistrationOutcome {
  const outcome = notStartedOutcome({ ...named, row, round, sequence: null, intendedAtMs: null, heldMs: 0 });
  return open ? { ...outcome, result: 'unknown', possiblyTwice: true } : outcome;
}

function placedBefore<Placed extends { readonly offset: number }>(
  places: readonly Placed[],
  offset: number,
): Placed | undefined {
  return places.findLast((placed) => placed.offset < offset);
}

/** Reads forward to the requested rows, which must be requested in order. */
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

type Part = { readonly offset: number; readonly records: JournalRecordReader };

/** Single outcomes of several journals, by their offset in the whole. Caches as many pages as one journal's reader. */
class JoinedJournals {
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  static async open(journals: readonly PlacedJournal[]): Promise<JoinedJournals> {
    const parts: Part[] = [];
    const joined = new JoinedJournals(parts);
    const pagesMax = Math.max(1, Math.floor(PAGES_MAX / journals.length));
    try {
      for (const { file, offset } of journals) {
        parts.push({ offset, records: await JournalRecordReader.open(file, pagesMax) });
      }
    } catch (error) {
      await joined.close();
      throw error;
    }
    return joined;
  }

  async outcomeAt(offset: number): Promise<RegistrationOutcome> {
    const part = this.#parts.findLast((one) => one.offset <= offset);
    const record = await part?.records.recordAt(offset - part.offset);
    if (record?.kind !== 'outcome') throw new Error(`the journal was changed at byte ${offset} while it was read`);
    return record;
  }

  async close(): Promise<void> {
    for (const { records } of this.#parts) await records.close();
  }
}
