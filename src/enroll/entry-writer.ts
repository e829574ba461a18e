import { foldRegistrationId } from '../dps/registration-id.ts';
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
  /** When the row was first begun, by the clock of the service: where an answer was lost, what was created later is taken for ours. */
  readonly begunAtEpochMs: (row: Row) => number;
  /** Whether an earlier session, which may have been killed, may have written the row without recording it. */
  readonly wasBegunBefore: (row: Row) => boolean;
};

/** What is known of an entry before it is looked at. */
type Before = {
  /** Whether it is likely to exist. */
  readonly mayExist: boolean;
  /** Whether this command may have written it, without knowing. */
  readonly mayBeOurs: boolean;
};

/** An entry that was not written as asked: it exists, is gone, or was changed. */
type NotWritten = Pick<ServiceError, 'mayRepeat'>;

const GONE: NotWritten = { mayRepeat: false };

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
    const { client, collection, wasBegunBefore } = this.#options;
    if (rows.length < 2 || rows.length > BULK_ENTRIES_MAX || collection !== 'enrollments') {
      return this.#oneByOne(rows, (row) => ({ mayExist: false, mayBeOurs: wasBegunBefore(row) }));
    }
    const wanted = rows.flatMap((row) => ('registrationId' in row.wanted ? [row.wanted] : []));
    try {
      const { body, mayRepeat } = await client.bulk('create', wanted);
      if (!body.isSuccessful) {
        // Whether a bulk carries on after an error is not documented: what it does not name may have been created.
        const refused = new Set(body.errors?.map(({ registrationId = '' }) => foldRegistrationId(registrationId)));
        const mayBeOurs = (row: Row): boolean =>
          mayRepeat || wasBegunBefore(row) || !refused.has(foldRegistrationId(row.id));
        return await this.#oneByOne(rows, (row) => ({ mayExist: true, mayBeOurs: mayBeOurs(row) }));
      }
    } catch (error) {
      if (!(error instanceof ServiceError) || concernsEveryRequest(error)) throw error;
      const { mayRepeat } = error;
      return await this.#oneByOne(rows, (row) => ({
        mayExist: mayRepeat,
        mayBeOurs: mayRepeat || wasBegunBefore(row),
      }));
    }
    return Promise.all(rows.map((row) => this.#settle(row, () => this.#withKeys(ended(row, 'created')))));
  }

  /** Creates an entry, or finds out how the existing one compares. */
  create(row: WantedRow, before: Before): Promise<EndedRow> {
    return this.#settle(row, async () => {
      let { mayExist, mayBeOurs } = before;
      for (let race = 0; race < RACES_MAX; race++) {
        const created = mayExist ? { mayRepeat: false } : await this.#tryCreate(row);
        if ('state' in created) return await this.#withKeys(created);
        mayBeOurs ||= created.mayRepeat;
        const compared = await this.#compare(row, mayBeOurs);
        if ('state' in compared) return await this.#withKeys(compared);
        mayBeOurs ||= compared.mayRepeat;
        mayExist = false;
      }
      return { result: raced(row), keys: null };
    });
  }

  disable(row: Row): Promise<EndedRow> {
    const { client, collection, wasBegunBefore } = this.#options;
    return this.#settle(row, async () => {
      let mayBeOurs = wasBegunBefore(row);
      for (let race = 0; race < RACES_MAX; race++) {
        const found = await client.find(collection, row.id);
        if (found === null) return { result: ended(row, 'missing'), keys: null };
        const { etag = null, provisioningStatus } = found;
        if (provisioningStatus === 'disabled') {
          const isOurs = mayBeOurs && this.#isLater(row, found.lastUpdatedDateTimeUtc);
          return { result: ended(row, isOurs ? 'disabled' : 'already-disabled', { etag }), keys: null };
        }
        const written = await this.#overwrite(row.id, { ...found, provisioningStatus: 'disabled' }, found);
        if ('etag' in written) return { result: ended(row, 'disabled', { etag: written.etag }), keys: null };
        mayBeOurs ||= written.mayRepeat;
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
  async #oneByOne(rows: readonly WantedRow[], before: (row: Row) => Before): Promise<readonly EndedRow[]> {
    const ends = await Promise.allSettled(rows.map((row) => this.create(row, before(row))));
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
      if (error.isTransient) await client.find(collection, row.id).catch(throwIfAway);
      return { result: failed(row, error), keys: null };
    }
  }

  async #tryCreate(row: WantedRow): Promise<RowResult | NotWritten> {
    const { client, collection } = this.#options;
    try {
      const { body } = await client.put(collection, row.id, row.wanted, null);
      return ended(row, 'created', { etag: body.etag ?? null });
    } catch (error) {
      if (error instanceof ServiceError && error.status === 409) return error;
      throw error;
    }
  }

  async #compare(row: WantedRow, mayBeOurs: boolean): Promise<RowResult | NotWritten> {
    const { client, collection, updates } = this.#options;
    const found = await client.find(collection, row.id);
    if (found === null) return GONE;
    const attestation = row.wanted.attestation.symmetricKey
      ? await client.attestation(collection, row.id)
      : found.attestation;
    if (attestation === null) return GONE;
    const { etag = null } = found;
    const differences = differencesOf(row.wanted, found, attestation);
    if (differences.length === 0) return ended(row, mayBeOurs ? this.#howItCame(row, found) : 'exists-same', { etag });
    if (!updates) return ended(row, 'exists-different', { etag, differences });
    const written = await this.#overwrite(row.id, row.wanted, found);
    return 'etag' in written ? ended(row, 'updated', { etag: written.etag, differences }) : written;
  }

  /** An entry that is as it should be: made so by this command, at a try whose answer was lost or before a crash, or by somebody earlier. */
  #howItCame(row: Row, { createdDateTimeUtc, lastUpdatedDateTimeUtc }: EntryBody): RowResult['state'] {
    if (this.#isLater(row, createdDateTimeUtc)) return 'created';
    return this.#options.updates && this.#isLater(row, lastUpdatedDateTimeUtc) ? 'updated' : 'exists-same';
  }

  #isLater(row: Row, time: string | undefined): boolean {
    return Date.parse(time ?? '') >= this.#options.begunAtEpochMs(row);
  }

  /** Replaces what was read, and nothing else; without an ETag, nothing. */
  async #overwrite(id: string, entry: EntryBody, found: EntryBody): Promise<{ readonly etag: string } | NotWritten> {
    const { client, collection } = this.#options;
    const attestation = await this.#keepingKeys(id, entry);
    if (attestation === null || !found.etag) return GONE;
    const kept =
      'optionalDeviceInformation' in found ? { optionalDeviceInformation: found.optionalDeviceInformation } : {};
    try {
      const whole = { ...kept, ...entry, attestation } as EntryBody;
      const { body } = await client.put(collection, id, whole, found.etag);
      return { etag: body.etag ?? '' };
    } catch (error) {
      if (error instanceof ServiceError && (error.status === 412 || error.status === 404)) return error;
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

/** Any answer but a failure that may pass shows that the service is there. */
function throwIfAway(error: unknown): void {
  if (!(error instanceof ServiceError) || error.isTransient || concernsEveryRequest(error)) throw error;
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
