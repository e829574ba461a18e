import type { Removed } from '../run-folder/cleanup-file.ts';
import { ServiceError } from '../service-api/service-error.ts';
import { concernsEveryRequest } from '../service-api/service-problem.ts';

/** HTTP status of a request whose ETag is not that of the entry. */
const CHANGED = 412;

/**
 * Deletes one entry of the service, and says how that ended.
 *
 * @param remove returns whether there was one
 * @throws ServiceError when the service is away or refuses the credentials
 */
export async function deleteEntry(
  entry: Pick<Removed, 'what' | 'id'>,
  remove: () => Promise<boolean>,
): Promise<Removed> {
  try {
    return { ...entry, state: (await remove()) ? 'deleted' : 'gone', detail: null };
  } catch (error) {
    if (!(error instanceof ServiceError) || concernsEveryRequest(error)) throw error;
    if (error.status === CHANGED) return { ...entry, state: 'kept', detail: 'changed since' };
    return { ...entry, state: 'failed', detail: error.message };
  }
}
