import { createHash } from 'node:crypto';
import { foldRegistrationId } from '../../src/dps/registration-id.ts';
import { isSignedWith, parseSasToken } from '../../src/dps/sas-token.ts';
import type {
  AttestationBody,
  BulkErrorBody,
  BulkMode,
  EnrollmentGroupBody,
  IndividualEnrollmentBody,
} from '../../src/dps/service-api.ts';
import type { ServiceConnection } from '../../src/dps/service-connection.ts';
import type { Exchange, ServiceReply, ServiceRequest } from '../../src/service-api/https-exchange.ts';
import type { Clock } from '../../src/time/clock.ts';
import { pause } from '../../src/time/clock.ts';

export const SERVICE_CONNECTION: ServiceConnection = {
  hostName: 'contoso-dps.azure-devices-provisioning.net',
  policyName: 'provisioningserviceowner',
  key: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
};

/** What happens to a request. `carried-out`: it is, and the answer is 500. `cut`: it is, and the connection is lost. */
export type Fate = 'answer' | 'throttle' | 'fail' | 'carried-out' | 'refuse-connection' | 'cut' | 'forbid';

type Entry = Omit<IndividualEnrollmentBody & EnrollmentGroupBody, 'registrationId' | 'enrollmentGroupId'>;

type Stored = { readonly entry: Entry; readonly keys: AttestationBody['symmetricKey'] | null };

type Options = {
  readonly clock: Clock;
  /** @param ordinal of the request, from 0 */
  readonly fateOf?: (request: ServiceRequest, ordinal: number) => Fate;
  readonly operationsPerMinute?: number;
  readonly answerMs?: number;
};

/** The enrollments of one DPS instance in memory, behind `Exchange`: facts of sheet 2, sections 4.2 to 4.9. */
export class EmulatedServiceApi {
  readonly #options: Options;
  readonly collections = { enrollments: new Map<string, Stored>(), enrollmentgroups: new Map<string, Stored>() };
  /** When each request arrived. */
  readonly arrivedMs: number[] = [];
  /** Each carried-out write: `create dev-1`. */
  readonly writes: string[] = [];
  #versions = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  readonly exchange: Exchange = async (request) => {
    const { clock, fateOf = () => 'answer', operationsPerMinute = 1_000, answerMs = 20 } = this.#options;
    const nowMs = clock.nowMs();
    const fate = fateOf(request, this.arrivedMs.length);
    this.arrivedMs.push(nowMs);
    await pause(clock, answerMs);
    if (fate === 'refuse-connection') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    if (fate === 'forbid' || !this.#isSigned(request)) return failure(401, 401_002, 'Unauthorized');
    const recent = this.arrivedMs.slice(-operationsPerMinute - 1).filter((atMs) => atMs > nowMs - 60_000).length;
    if (fate === 'throttle' || recent > operationsPerMinute)
      return { ...failure(429, 429_001, 'Throttled'), headers: { 'retry-after': '7' } };
    if (fate === 'fail') return failure(500, 500_000, 'Internal error');
    const reply = dated(this.#answer(request), clock.epochMs());
    if (fate === 'cut') throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    return fate === 'carried-out' ? failure(500, 500_000, 'Internal error') : reply;
  };

  /** As somebody else would, outside of the recorded writes. */
  plant(id: string, entry: Partial<IndividualEnrollmentBody>, keys: AttestationBody['symmetricKey'] = {}): void {
    const attestation = entry.attestation ?? { type: 'symmetricKey', symmetricKey: keys };
    this.#store(this.collections.enrollments, id, { attestation, ...entry });
  }

  find(id: string): (Entry & { readonly keys: Stored['keys'] }) | null {
    const stored = this.collections.enrollments.get(foldRegistrationId(id));
    return stored === undefined ? null : { ...stored.entry, keys: stored.keys };
  }

  #isSigned({ headers }: ServiceRequest): boolean {
    const token = parseSasToken(headers['authorization'] ?? '');
    return (
      token !== null &&
      token.resource === SERVICE_CONNECTION.hostName &&
      token.expiryEpochSeconds * 1_000 > this.#options.clock.epochMs() &&
      isSignedWith(token, SERVICE_CONNECTION.key)
    );
  }

  #answer({ method, path, headers, body }: ServiceRequest): ServiceReply {
    const [, collectionName = '', id = '', action] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent);
    const collection = this.collections[collectionName.toLowerCase() as 'enrollments'];
    const parsed = body === null ? null : JSON.parse(body);
    if (method === 'POST' && id === '') return this.#bulk(parsed);
    if (method === 'POST' && id === 'query') return this.#query(collection, headers);
    const stored = collection.get(foldRegistrationId(id));
    if (method === 'POST' && action === 'attestationmechanism') {
      if (stored === undefined) return failure(404, 404_201, 'Enrollment not found');
      const { attestation } = stored.entry;
      return success({ ...attestation, ...(stored.keys === null ? {} : { symmetricKey: stored.keys }) });
    }
    if (method === 'GET')
      return stored === undefined ? failure(404, 404_201, 'Enrollment not found') : success(stored.entry);
    const etag = headers['if-match']?.replace(/^"(.*)"$/, '$1') ?? null;
    if (method === 'DELETE') return this.#delete(collection, id, etag);
    return this.#put(collection, id, parsed, etag);
  }

  #put(collection: Map<string, Stored>, id: string, entry: Entry, etag: string | null): ServiceReply {
    const stored = collection.get(foldRegistrationId(id));
    if (entry.iotHubs !== undefined && entry.allocationPolicy === undefined)
      return failure(400, 400_004, 'Enrollment allocationPolicy must be specified when iotHubs are specified.');
    if (stored !== undefined && etag === null) return failure(409, 409_000, 'Enrollment already exists');
    if (etag !== null && (stored === undefined || (etag !== '*' && stored.entry.etag !== etag)))
      return failure(412, 412_000, 'ETag is invalid');
    this.writes.push(`${stored === undefined ? 'create' : 'update'} ${id}`);
    const made = this.#store(collection, id, entry);
    return success(
      made.keys === null
        ? made.entry
        : { ...made.entry, attestation: { type: 'symmetricKey', symmetricKey: made.keys } },
    );
  }

  #delete(collection: Map<string, Stored>, id: string, etag: string | null): ServiceReply {
    const stored = collection.get(foldRegistrationId(id));
    if (stored === undefined) return failure(404, 404_201, 'Enrollment not found');
    if (etag !== null && etag !== '*' && stored.entry.etag !== etag) return failure(412, 412_000, 'ETag is invalid');
    this.writes.push(`delete ${id}`);
    collection.delete(foldRegistrationId(id));
    return { status: 204, headers: {}, text: '' };
  }

  #bulk({ mode, enrollments }: { mode: BulkMode; enrollments: readonly IndividualEnrollmentBody[] }): ServiceReply {
    if (enrollments.length > 10) return failure(400, 400_000, 'Bad Request');
    if (mode !== 'create') return failure(400, 400_000, 'Bad Request');
    const errors = enrollments.flatMap((entry): BulkErrorBody[] => {
      const reply = this.#put(this.collections.enrollments, entry.registrationId, entry as Entry, null);
      if (reply.status === 200) return [];
      const { errorCode, message } = JSON.parse(reply.text);
      return [{ registrationId: entry.registrationId, errorCode, errorStatus: message }];
    });
    return success({ isSuccessful: errors.length === 0, ...(errors.length === 0 ? {} : { errors }) });
  }

  #query(collection: Map<string, Stored>, headers: ServiceRequest['headers']): ServiceReply {
    const from = Number(headers['x-ms-continuation'] ?? '0');
    const to = from + Number(headers['x-ms-max-item-count'] ?? '100');
    const reply = success([...collection.values()].slice(from, to).map(({ entry }) => entry));
    return to < collection.size ? { ...reply, headers: { 'x-ms-continuation': String(to) } } : reply;
  }

  /** Fills in what the service fills in, and keeps the keys to itself. */
  #store(collection: Map<string, Stored>, id: string, { attestation, ...given }: Entry): Stored {
    const before = collection.get(foldRegistrationId(id));
    const keys = attestation.type === 'symmetricKey' ? (attestation.symmetricKey ?? {}) : null;
    const made = (role: 'primaryKey' | 'secondaryKey'): string =>
      keys?.[role] ?? before?.keys?.[role] ?? createHash('sha512').update(`${role} of ${id}`).digest('base64');
    this.#versions += 1;
    // The service writes seven digits.
    const nowUtc = new Date(this.#options.clock.epochMs()).toISOString().replace('Z', '4567Z');
    const stored: Stored = {
      keys: keys === null ? null : { primaryKey: made('primaryKey'), secondaryKey: made('secondaryKey') },
      entry: {
        capabilities: { iotEdge: false },
        provisioningStatus: 'enabled',
        reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
        allocationPolicy: 'hashed',
        ...given,
        createdDateTimeUtc: before?.entry.createdDateTimeUtc ?? nowUtc,
        lastUpdatedDateTimeUtc: nowUtc,
        attestation: keys === null ? attestation : { type: 'symmetricKey' },
        etag: `etag-${this.#versions}`,
      },
    };
    collection.set(foldRegistrationId(id), stored);
    return stored;
  }
}

function dated(reply: ServiceReply, epochMs: number): ServiceReply {
  return { ...reply, headers: { ...reply.headers, date: new Date(epochMs).toUTCString() } };
}

function success(value: unknown): ServiceReply {
  return { status: 200, headers: {}, text: JSON.stringify(value) };
}

function failure(status: number, errorCode: number, message: string): ServiceReply {
  return { status, headers: {}, text: JSON.stringify({ errorCode, trackingId: 'track-1', message }) };
}
