import { BULK_ENTRIES_MAX } from '../dps/service-api.ts';
import type { Collection, ServiceClient } from '../service-api/service-client.ts';
import { ServiceError } from '../service-api/service-error.ts';
import { concernsEveryRequest } from '../service-api/service-problem.ts';
import { differencesOf, type EntryBody } from './compare-entries.ts';
import { type EndedRow, ended, failed, type Keys, keysOf, type Row, type WantedRow } from './entry-outcome.ts';
import type { RowResult } from './row-result.ts';

/** Times that one entry is read again because somebody changes it at the same time. */
const RACES_MAX = 5;

export type EntryWriterOptions = {
  readonly client: ServiceClient;
  readonly collection: Collection;
  /** Whether to overwrite what differs. */
  readonly updates: boolean;
  /** Whether to read the keys of each entry that is as it should be. */
  readonly readsKeys: boolean;
  /** When the command began, by the clock of the service: what was created later, this command created, even if the answer was lost. */
  readonly beganAtEpochMs: number;
};

/**
 * Brings entries into the state that rows ask for. Never overwrites blindly: creates only what does not exist, and updates only what it has
 * just read, by ETag. Ends each row in one known state; throws `ServiceError` only when the service is away or refuses the credentials.
 */
export class EntryWriter {
  readonly #options: EntryWriterOptions;

  constructor(options: EntryWriterOptions) {
    this.#options = options;
  }

  /** Creates up to ten enrollments at once; where that does not succeed as a whole, looks at each. */
  async createTen(rows: readonly WantedRow[]): Promise<readonly EndedRow[]> {
    const { client, collection } = this.#options;
    if (rows.length < 2 || rows.length > BULK_ENTRIES_MAX || collection !== 'enrollments') {
      return this.#oneByOne(rows, false);
    }
    const wanted = rows.flatMap((row) => ('registrationId' in row.wanted ? [row.wanted] : []));
    try {
      const { body } = await client.bulk('create', wanted);
      // Which codes a bulk gives, and whether it carries on after an error, is not documented.
      if (!body.isSuccessful) return await this.#oneByOne(rows, true);
    } catch (error) {
      if (!(error instanceof ServiceError) || concernsEveryRequest(error)) throw error;
      return await this.#oneByOne(rows, true);
    }
    return Promise.all(rows.map((row) => this.#settle(row, () => this.#withKeys(ended(row, 'created')))));
  }

  /** Creates an entry, or finds out how the existing one compares. @param mayExist whether to look first */
  create(row: WantedRow, mayExist = false): Promise<EndedRow> {
    return this.#settle(row, async () => {
      for (let race = 0; race < RACES_MAX; race++) {
        const created = race === 0 && mayExist ? null : await this.#tryCreate(row);
        const result = created ?? (await this.#compare(row));
        if (result !== null) return await this.#withKeys(result);
      }
      return { result: raced(row), keys: null };
    });
  }

  disable(row: Row): Promise<EndedRow> {
    return this.#settle(row, async () => {
      const { client, collection } = this.#options;
      for (let race = 0; race < RACES_MAX; race++) {
        const found = await client.find(collection, row.id);
        if (found === null) return { result: ended(row, 'missing'), keys: null };
        if (found.provisioningStatus === 'disabled') return { result: this.#disabledBefore(row, found), keys: null };
        const etag = await this.#overwrite(row.id, { ...found, provisioningStatus: 'disabled' }, found);
        if (etag !== null) return { result: ended(row, 'disabled', { etag }), keys: null };
      }
      return { result: raced(row), keys: null };
    });
  }

  delete(row: Row): Promise<EndedRow> {
    const { client, collection } = this.#options;
    return this.#settle(row, async () => {
      const wasThere = await client.delete(collection, row.id, null);
      return { result: ended(row, wasThere ? 'deleted' : 'missing'), keys: null };
    });
  }

  /** @throws the first error, after all have ended */
  async #oneByOne(rows: readonly WantedRow[], mayExist: boolean): Promise<readonly EndedRow[]> {
    const ends = await Promise.allSettled(rows.map((row) => this.create(row, mayExist)));
    return ends.map((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
  }

  /** A failure of one row is its result. If it lasted for all tries, the entry must at least be readable: else the service is away. */
  async #settle(row: Row, work: () => Promise<EndedRow>): Promise<EndedRow> {
    const { client, collection } = this.#options;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ServiceError) || concernsEveryRequest(error)) throw error;
      if (error.isTransient) await client.find(collection, row.id);
      return { result: failed(row, error), keys: null };
    }
  }

  /** `null` = the entry exists. */
  async #tryCreate(row: WantedRow): Promise<RowResult | null> {
    const { client, collection } = this.#options;
    try {
      const { body } = await client.put(collection, row.id, row.wanted, null);
      return ended(row, 'created', { etag: body.etag ?? null });
    } catch (error) {
      if (error instanceof ServiceError && error.status === 409) return null;
      throw error;
    }
  }

  /** `null` = somebody deleted or changed the entry meanwhile. */
  async #compare(row: WantedRow): Promise<RowResult | null> {
    const { client, collection, updates } = this.#options;
    const found = await client.find(collection, row.id);
    if (found === null) return null;
    const attestation = row.wanted.attestation.symmetricKey
      ? await client.attestation(collection, row.id)
      : found.attestation;
    if (attestation === null) return null;
    const differences = differencesOf(row.wanted, found, attestation);
    if (differences.length === 0) return ended(row, this.#howItCame(found), { etag: found.etag ?? null });
    if (!updates) return ended(row, 'exists-different', { etag: found.etag ?? null, differences });
    const etag = await this.#overwrite(row.id, row.wanted, found);
    return etag === null ? null : ended(row, 'updated', { etag, differences });
  }

  /** An entry that is as it should be: made so by this command, at a try whose answer was lost or before a crash, or by somebody earlier. */
  #howItCame({ createdDateTimeUtc, lastUpdatedDateTimeUtc }: EntryBody): RowResult['state'] {
    const { beganAtEpochMs, updates } = this.#options;
    const isLater = (time: string | undefined): boolean => Date.parse(time ?? '') >= beganAtEpochMs;
    if (isLater(createdDateTimeUtc)) return 'created';
    return updates && isLater(lastUpdatedDateTimeUtc) ? 'updated' : 'exists-same';
  }

  #disabledBefore(row: Row, { etag, lastUpdatedDateTimeUtc = '' }: EntryBody): RowResult {
    const isOurs = Date.parse(lastUpdatedDateTimeUtc) >= this.#options.beganAtEpochMs;
    return ended(row, isOurs ? 'disabled' : 'already-disabled', { etag: etag ?? null });
  }

  /** Replaces what was read, and nothing else. @returns the new ETag; `null` = it was changed, and is to be read again */
  async #overwrite(id: string, entry: EntryBody, found: EntryBody): Promise<string | null> {
    const { client, collection } = this.#options;
    const attestation = await this.#keepingKeys(id, entry);
    if (attestation === null) return null;
    const kept =
      'optionalDeviceInformation' in found ? { optionalDeviceInformation: found.optionalDeviceInformation } : {};
    try {
      const { body } = await client.put(
        collection,
        id,
        { ...kept, ...entry, attestation } as EntryBody,
        found.etag ?? '*',
      );
      return body.etag ?? '';
    } catch (error) {
      if (error instanceof ServiceError && (error.status === 412 || error.status === 404)) return null;
      throw error;
    }
  }

  /** With the keys that the entry has, where it should not get others: nobody knows whether the service keeps those that are left out. */
  async #keepingKeys(id: string, { attestation }: EntryBody): Promise<EntryBody['attestation'] | null> {
    if (attestation.type !== 'symmetricKey') return attestation;
    const { client, collection } = this.#options;
    const current = await client.attestation(collection, id);
    if (current === null) return null;
    const { primaryKey, secondaryKey } = attestation.symmetricKey ?? {};
    return {
      type: 'symmetricKey',
      symmetricKey: {
        primaryKey: primaryKey ?? current.symmetricKey?.primaryKey ?? null,
        secondaryKey: secondaryKey ?? current.symmetricKey?.secondaryKey ?? null,
      },
    };
  }

  async #withKeys(result: RowResult): Promise<EndedRow> {
    const { client, collection, readsKeys } = this.#options;
    if (!readsKeys || result.state === 'exists-different') return { result, keys: null };
    const attestation = await client.attestation(collection, result.id);
    const keys: Keys | null = attestation === null ? null : keysOf(attestation);
    if (keys !== null) return { result, keys };
    const message = 'the service gives no keys for this entry';
    const failure = { status: 200, code: null, message, remedy: 'Look at the attestation of the entry in the portal' };
    return { result: ended(result, 'failed', { failure }), keys: null };
  }
}

function raced(row: Row): RowResult {
  const failure = {
    status: 412,
    code: null,
    message: `somebody changed the entry ${RACES_MAX} times while it was compared`,
    remedy: 'Find out who else changes it, then resume',
  };
  return ended(row, 'failed', { failure, isPassing: true });
}
