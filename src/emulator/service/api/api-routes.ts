import type { ApiOperation } from './api-call.ts';
import { API_ERRORS, ApiRefusal } from './api-message.ts';
import { enrollmentOperations } from './enrollment-operations.ts';
import { invalid } from './json-body.ts';
import { REGISTRATION_OPERATIONS } from './registration-operations.ts';

/*
 * /enrollments[/{registrationId}[/attestationmechanism]]           /registrations/{registrationId}
 * /enrollmentGroups[/{enrollmentGroupId}[/attestationmechanism]]   /registrations/{enrollmentGroupId}/query
 * /enrollments/query   /enrollmentGroups/query
 *
 * The case of the fixed names does not matter, and a slash may follow: Microsoft's SDKs differ in both.
 */

/** By method, the operations of one path. */
type Methods = Readonly<Record<string, ApiOperation>>;

export type Route = {
  /** Empty = the path has none. */
  readonly id: string;
  readonly methods: Methods;
};

type Collection = { readonly all: Methods; readonly one: Methods; readonly actions: Readonly<Record<string, Methods>> };

function collectionOf(kind: 'individual' | 'group'): Collection {
  const { get, put, delete: remove, bulk, query, attestation } = enrollmentOperations(kind);
  return {
    all: { POST: bulk },
    // A POST to an enrollment of this name does not exist, so the name may be given to one.
    one: { GET: get, PUT: put, DELETE: remove },
    actions: { query: { POST: query }, attestationmechanism: { POST: attestation } },
  };
}

const COLLECTIONS: ReadonlyMap<string, Collection> = new Map([
  ['enrollments', collectionOf('individual')],
  ['enrollmentgroups', collectionOf('group')],
  [
    'registrations',
    {
      all: {},
      one: { GET: REGISTRATION_OPERATIONS.get, DELETE: REGISTRATION_OPERATIONS.delete },
      actions: { query: { POST: REGISTRATION_OPERATIONS.ofGroup } },
    },
  ],
]);

/** The decoded segments of a path, without a slash at the end. @throws ApiRefusal 400 */
export function segmentsOf(path: string): readonly string[] {
  try {
    return path.replace(/^\//, '').replace(/\/$/, '').split('/').map(decodeURIComponent);
  } catch {
    throw invalid('the path is not percent-encoded');
  }
}

/** @throws ApiRefusal 404 */
export function routeOf([name = '', id = '', action = '', ...rest]: readonly string[], method: string): Route {
  const collection = COLLECTIONS.get(name.toLowerCase());
  if (collection === undefined || rest.length > 0) throw noSuchResource();
  const { all, one, actions } = collection;
  if (id === '') {
    if (action !== '') throw noSuchResource();
    return { id, methods: all };
  }
  // The query of a collection has the place of an ID, that of a group the one after it.
  const isQuery = method === 'POST' && id.toLowerCase() === 'query' && all['POST'] !== undefined;
  if (action === '') return { id: isQuery ? '' : id, methods: isQuery ? (actions['query'] ?? {}) : one };
  const isInPlace = (action.toLowerCase() === 'query') === (all['POST'] === undefined);
  const methods = isInPlace && Object.hasOwn(actions, action.toLowerCase()) ? actions[action.toLowerCase()] : undefined;
  if (methods === undefined) throw noSuchResource();
  return { id, methods };
}

/** @throws ApiRefusal 405 */
export function operationOf({ methods }: Route, method: string): ApiOperation {
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (operation !== undefined) return operation;
  const allow = Object.keys(methods).join(', ');
  const message = allow === '' ? 'The path has no ID.' : `This resource has ${allow} only.`;
  throw new ApiRefusal(API_ERRORS.methodNotAllowed, message, { allow });
}

function noSuchResource(): ApiRefusal {
  return new ApiRefusal(API_ERRORS.noSuchResource, 'There is no such resource.');
}
