import { JournalLines, PAGES_MAX } from '../journal/journal-lines.ts';
import type { JournalRecord } from '../journal/journal-record.ts';
import type { PlacedJournal } from './survey-journal.ts';

type Part = { readonly offset: number; readonly lines: JournalLines };

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
      for (const { file, offset } of journals) parts.push({ offset, lines: await JournalLines.open(file, pagesMax) });
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
