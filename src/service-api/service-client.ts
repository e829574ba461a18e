import type { RegistrationStateBody } from '../dps/payloads.ts';
import {
  type AttestationBody,
  type BulkMode,
  type BulkResultBody,
  type EnrollmentGroupBody,
  type IndividualEnrollmentBody,
  PAGING_HEADERS,
} from '../dps/service-api.ts';
import { ServiceError } from './service-error.ts';
import type { Answered, ServiceRequests } from './service-requests.ts';

/** The two collections of enrollments, each with the bodies of its entries. */
type Enrollments = {
  readonly enrollments: IndividualEnrollmentBody;
  readonly enrollmentGroups: EnrollmentGroupBody;
};

export type Collection = keyof Enrollments;

/** What a write answered, and whether an earlier try of it may have been carried out. */
export type Written<Body> = { readonly body: Body; readonly mayRepeat: boolean };

/** As many as the service is assumed to give at most. */
const PAGE_ITEMS = 1_000;

/** Enrollments and registration records of one DPS instance. Every method throws `ServiceError`. */
export class ServiceClient {
  readonly #requests: ServiceRequests;

  constructor(requests: ServiceRequests) {
    this.#requests = requests;
  }

  /** `null` = not enrolled. */
  find<Of extends Collection>(collection: Of, id: string): Promise<Enrollments[Of] | null> {
    return orNull(async () => bodyOf<Enrollments[Of]>(await this.#send('GET', `/${collection}/${part(id)}`)));
  }

  /** @param etag of the entry to overwrite, `*` = whichever it has; `null` = only if there is none (409) */
  async put<Of extends Collection>(
    collection: Of,
    id: string,
    entry: Enrollments[Of],
    etag: string | null,
  ): Promise<Written<Enrollments[Of]>> {
    const answer = await this.#send('PUT', `/${collection}/${part(id)}`, entry, ifMatch(etag));
    return { body: bodyOf(answer), mayRepeat: answer.mayRepeat };
  }

  /** @param etag that the entry must have; `null` = any. @returns whether there was one */
  delete(collection: Collection, id: string, etag: string | null): Promise<boolean> {
    return this.#delete(`/${collection}/${part(id)}`, etag);
  }

  /** Up to ten individual enrollments; those without an error were carried out. */
  async bulk(mode: BulkMode, enrollments: readonly IndividualEnrollmentBody[]): Promise<Written<BulkResultBody>> {
    const answer = await this.#send('POST', '/enrollments', { mode, enrollments });
    return { body: bodyOf(answer), mayRepeat: answer.mayRepeat };
  }

  /** With the keys, which no other answer has; `null` = not enrolled. */
  attestation(collection: Collection, id: string): Promise<AttestationBody | null> {
    const path = `/${collection}/${part(id)}/attestationmechanism`;
    return orNull(async () => bodyOf<AttestationBody>(await this.#send('POST', path)));
  }

  /** Every entry, page by page. */
  all<Of extends Collection>(collection: Of): AsyncIterable<readonly Enrollments[Of][]> {
    return this.#pages(`/${collection}/query`, { query: 'SELECT *' });
  }

  /** `null` = the device never registered. */
  registration(registrationId: string): Promise<RegistrationStateBody | null> {
    const path = `/registrations/${part(registrationId)}`;
    return orNull(async () => bodyOf<RegistrationStateBody>(await this.#send('GET', path)));
  }

  /** The registration records of a group, page by page. */
  registrationsOfGroup(groupId: string): AsyncIterable<readonly RegistrationStateBody[]> {
    return this.#pages(`/registrations/${part(groupId)}/query`, { query: 'SELECT *' });
  }

  /** Its identity at the hub stays. @param etag that the record must have; `null` = any. @returns whether there was a record */
  deleteRegistration(registrationId: string, etag: string | null = null): Promise<boolean> {
    return this.#delete(`/registrations/${part(registrationId)}`, etag);
  }

  async #delete(path: string, etag: string | null): Promise<boolean> {
    try {
      await this.#send('DELETE', path, null, ifMatch(etag));
      return true;
    } catch (error) {
      // An earlier try may have deleted it.
      if (error instanceof ServiceError && error.status === 404) return error.mayRepeat;
      throw error;
    }
  }

  async *#pages<Item>(path: string, body: object): AsyncIterable<readonly Item[]> {
    let continuation: string | null = null;
    do {
      const headers: Record<string, string> = { [PAGING_HEADERS.itemCountMax]: String(PAGE_ITEMS) };
      if (continuation !== null) headers[PAGING_HEADERS.continuation] = continuation;
      const answer: Answered = await this.#send('POST', path, body, headers);
      yield bodyOf<readonly Item[]>(answer);
      const next = answer.headers[PAGING_HEADERS.continuation];
      continuation = typeof next === 'string' && next !== '' ? next : null;
    } while (continuation !== null);
  }

  #send(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body: object | null = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered> {
    return this.#requests.send({ method, path, body: body === null ? null : JSON.stringify(body) }, headers);
  }
}

function part(id: string): string {
  return encodeURIComponent(id);
}

function ifMatch(etag: string | null): Readonly<Record<string, string>> {
  return etag === null ? {} : { 'if-match': etag };
}

/** Without an answer of JSON, something else than the service has answered. */
function bodyOf<Body>({ text, status }: Answered): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    const message = `the answer ${status} is not JSON; is this the service API of a DPS instance?`;
    throw new ServiceError(message, {
      status,
      errorCode: null,
      retryAfterMs: null,
      mayRepeat: true,
      isTransient: false,
    });
  }
}

async function orNull<Value>(found: () => Promise<Value>): Promise<Value | null> {
  try {
    return await found();
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return null;
    throw error;
  }
}
