import { existsSync } from 'node:fs';
import type { LinesByOffset } from '../files/lines-by-offset.ts';
import {
  decodeHubRecord,
  type HubCheckRecord,
  type HubEndRecord,
  type HubJournalRecord,
  type HubSessionRecord,
} from './hub-check-record.ts';
import { JournalFormatError, parseObject } from './journal-line.ts';
import { readJournalLines } from './journal-reader.ts';
import { FieldError } from './json-field.ts';

/** What is kept of the last check of a device; its line has the rest. */
export type PlacedHubCheck = Pick<HubCheckRecord, 'hub' | 'result'> & { readonly offset: number };

/** The hub checks of a run so far. */
export type HubCheckSurvey = {
  readonly file: string;
  /** Of the last session. */
  readonly session: HubSessionRecord;
  /** `null` = the last session was killed. */
  readonly end: HubEndRecord | null;
  /** The last check of each row, of those that checked the same as the last session. */
  readonly checks: ReadonlyMap<number, PlacedHubCheck>;
  /** Length of the whole lines; anything after them is cut off. */
  readonly bytes: number;
};

/** Reads the hub checks of a run; `null` = there are none. @throws OperatorError when the file is damaged */
export async function surveyHubChecks(file: string): Promise<HubCheckSurvey | null> {
  if (!existsSync(file)) return null;
  const checks = new Map<number, PlacedHubCheck>();
  let session: HubSessionRecord | null = null;
  let end: HubEndRecord | null = null;
  const hubs = new Map<string, string>();
  const { bytes } = await readJournalLines(file, (line, offset) => {
    const record = decodeHubLine(line);
    switch (record.kind) {
      case 'hub-session':
        if (session !== null && session.check !== record.check) checks.clear();
        [session, end] = [record, null];
        for (const { hub } of record.hubs) hubs.set(hub, hub);
        break;
      case 'hub-check':
        // One text for all devices of a hub.
        checks.set(record.row, { hub: hubs.get(record.hub) ?? record.hub, result: record.result, offset });
        break;
      case 'hub-end':
        end = record;
        break;
    }
  });
  // It was killed before it wrote anything.
  return session === null ? null : { file, session, end, checks, bytes };
}

/** The check whose line begins at `offset`. */
export async function hubCheckAt(reader: Pick<LinesByOffset, 'lineAt'>, offset: number): Promise<HubCheckRecord> {
  const record = decodeHubLine(await reader.lineAt(offset));
  if (record.kind !== 'hub-check')
    throw new Error(`the hub checks were changed at byte ${offset} while they were read`);
  return record;
}

function decodeHubLine(line: string): HubJournalRecord {
  try {
    const record = decodeHubRecord(parseObject(line));
    if (record !== null) return record;
  } catch (error) {
    if (error instanceof FieldError)
      throw new JournalFormatError(`is not a valid record of hub checks: ${error.message}`);
    throw error;
  }
  throw new JournalFormatError('has no known record kind');
}
