import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RegistrationStateBody } from '../dps/payloads.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { fileSha256 } from '../files/checksum-list.ts';
import { LineLog, recoverLines } from '../files/line-log.ts';
import { LinesByOffset } from '../files/lines-by-offset.ts';
import { FingerprintMap } from '../fleet/fingerprint-map.ts';
import { textFingerprint } from '../fleet/fingerprint-table.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';
import type { Clock } from '../time/clock.ts';

/** What a reading is of: one of anything else is not continued. */
const HEADER = z.object({
  kind: z.literal('records'),
  /** By our clock, milliseconds since 1970. */
  beganAtEpochMs: z.number(),
  hostName: z.string(),
  /** SHA-256 of the run's journal. */
  journalSha256: z.string(),
});

export type RecordLogHeader = z.output<typeof HEADER>;

/** A group that was read: wholly, or until single requests are cheaper. */
export type GroupReading = {
  readonly kind: 'group';
  readonly group: string;
  readonly isComplete: boolean;
  /** Read of it; 0 also where there is no such group, which not every answer tells from an empty one. */
  readonly records: number;
};

/** `null` = the service has no record. */
type RecordLine = { readonly kind: 'record'; readonly id: string; readonly record: RegistrationStateBody | null };

type Line = RecordLogHeader | GroupReading | RecordLine;

/**
 * Registration records as they were read, on disk, so that an interrupted reading is continued. Memory holds a number for each record. A later
 * record of a device replaces an earlier one.
 */
export class RecordLog {
  readonly #file: string;
  readonly #log: LineLog;
  readonly #offsets: FingerprintMap;
  readonly #groups: Map<string, GroupReading>;
  #bytes: number;
  #reader: Promise<LinesByOffset> | null = null;
  readonly header: RecordLogHeader;

  private constructor(file: string, log: LineLog, found: Found & { readonly header: RecordLogHeader }) {
    this.#file = file;
    this.#log = log;
    this.#offsets = found.offsets;
    this.#groups = found.groups;
    this.#bytes = found.bytes;
    this.header = found.header;
  }

  /** Continues the log in the folder of a run if it is of the same journal and service, else begins it anew. */
  static async open(
    folder: string,
    name: string,
    { hostName, clock }: { readonly hostName: string; readonly clock: Clock },
  ): Promise<RecordLog> {
    const file = join(folder, name);
    const journalSha256 = await fileSha256(join(folder, JOURNAL_FILE));
    const header = { kind: 'records', beganAtEpochMs: clock.epochMs(), hostName, journalSha256 } as const;
    const found = await readLog(file, header);
    if (found.header !== null) return new RecordLog(file, await LineLog.open(file), { ...found, header: found.header });
    await rm(file, { force: true });
    const log = new RecordLog(file, await LineLog.open(file), { ...nothing(), header });
    await log.#append([header]);
    return log;
  }

  /** Devices of which something was read. */
  get size(): number {
    return this.#offsets.size;
  }

  get groups(): readonly GroupReading[] {
    return [...this.#groups.values()];
  }

  wasRead(registrationId: string): boolean {
    return this.#offsets.get(foldRegistrationId(registrationId)) !== null;
  }

  /** Resolves when they are on disk. */
  async add(records: readonly RegistrationStateBody[]): Promise<void> {
    await this.#append(records.map((record) => ({ kind: 'record', id: record.registrationId, record })));
  }

  async addMissing(registrationId: string): Promise<void> {
    await this.#append([{ kind: 'record', id: registrationId, record: null }]);
  }

  async addGroup(reading: GroupReading): Promise<void> {
    this.#groups.set(reading.group, reading);
    await this.#append([reading]);
  }

  /** What was read last of this device; `null` = the service has no record, or nothing was read. */
  async find(registrationId: string): Promise<RegistrationStateBody | null> {
    const id = foldRegistrationId(registrationId);
    const offset = this.#offsets.get(id);
    if (offset === null) return null;
    this.#reader ??= LinesByOffset.open(this.#file);
    const line = JSON.parse(await (await this.#reader).lineAt(offset)) as RecordLine;
    if (foldRegistrationId(line.id) !== id) throw new Error(`${line.id} and ${id} have the same fingerprint`);
    return line.record;
  }

  /** The last record of each device, in the order in which they were read. Nothing may be added meanwhile. */
  async *records(): AsyncGenerator<RegistrationStateBody> {
    const reader = await LinesByOffset.open(this.#file, 1);
    try {
      for (let offset = 0; offset < this.#bytes; ) {
        const text = await reader.lineAt(offset);
        const line = JSON.parse(text) as Line;
        const isLast = line.kind === 'record' && this.#offsets.get(foldRegistrationId(line.id)) === offset;
        if (isLast && line.record !== null) yield line.record;
        offset += Buffer.byteLength(text) + 1;
      }
    } finally {
      await reader.close();
    }
  }

  async close(): Promise<void> {
    await this.#log.close();
    await (await this.#reader)?.close();
    this.#reader = null;
  }

  /** Removes it: what it held has been used. */
  async discard(): Promise<void> {
    await this.close();
    await rm(this.#file, { force: true });
  }

  async #append(lines: readonly Line[]): Promise<void> {
    const texts = lines.map((line) => JSON.stringify(line));
    // Appends happen in the order of the calls, so the places are known before they have happened.
    for (const [index, line] of lines.entries()) {
      if (line.kind === 'record') this.#offsets.set(foldRegistrationId(line.id), this.#bytes);
      this.#bytes += Buffer.byteLength(texts[index] ?? '') + 1;
    }
    await this.#log.append(texts);
  }
}

type Found = { readonly offsets: FingerprintMap; readonly groups: Map<string, GroupReading>; bytes: number };

function nothing(): Found {
  return { offsets: new FingerprintMap(textFingerprint), groups: new Map(), bytes: 0 };
}

/** `header: null` = it is not a log of this run and service. */
async function readLog(
  file: string,
  wanted: RecordLogHeader,
): Promise<Found & { readonly header: RecordLogHeader | null }> {
  const found = nothing();
  let header: RecordLogHeader | null = null;
  await recoverLines(file, (text) => {
    const line = parsed(text);
    if (found.bytes === 0) header = headerOf(line, wanted);
    else if (line?.kind === 'record') found.offsets.set(foldRegistrationId(line.id), found.bytes);
    else if (line?.kind === 'group') found.groups.set(line.group, line);
    found.bytes += Buffer.byteLength(text) + 1;
  });
  return { ...found, header };
}

function headerOf(line: Line | null, wanted: RecordLogHeader): RecordLogHeader | null {
  const header = HEADER.safeParse(line);
  const isSame =
    header.success && header.data.hostName === wanted.hostName && header.data.journalSha256 === wanted.journalSha256;
  return isSame ? header.data : null;
}

function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
