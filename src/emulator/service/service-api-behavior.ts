import type { z } from 'zod';
import { choice, mapping, orElse, trueOrFalse, wholeNumber } from './notation.ts';

/** A page of a million is never asked for; at most, one answer has some megabytes. */
const PAGE_ITEMS_LIMIT = 10_000;

/** How the service API behaves where nobody knows what the real one does. */
export const serviceApiBehaviorSchema = mapping({
  // The documentation mentions only 401, for a token that does not apply to the resource.
  missingPermission: orElse(choice('unauthorized', 'forbidden'), 'unauthorized').describe(
    'answer to a policy without the permission for the request: 401 (default), or 403',
  ),
  // The Azure CLI and Microsoft's SDKs never do this.
  missingEntry: orElse(choice('precondition-failed', 'not-found'), 'precondition-failed').describe(
    'answer to a PUT with If-Match when there is no such enrollment: 412 (default), or 404',
  ),
  // The specification marks `info` as read-only, and does not say whether the certificate comes with it.
  returnsCertificates: orElse(trueOrFalse, false).describe(
    'whether answers contain certificates besides what is known about them; default: false',
  ),
  // A documented sample updates an enrollment without its keys; the Azure CLI never does.
  keysOnUpdate: orElse(choice('keep', 'renew'), 'keep').describe(
    'what an update without keys does to the keys: keep them (default), or make new ones',
  ),
  // The limit is documented in operations.
  bulkCounts: orElse(choice('request', 'entries'), 'request').describe(
    'what a bulk operation takes from quotas.serviceOperations: one (default), or one for each entry',
  ),
  // Clients expect that there is a limit.
  pageItemsMax: orElse(wholeNumber(1, PAGE_ITEMS_LIMIT), 1_000).describe('items in a page at most; default: 1000'),
  // Entra tokens are signed by a key that the emulator does not have.
  bearerTokens: orElse(choice('refuse', 'accept'), 'refuse').describe(
    'reaction to a Bearer token (Entra ID): refuse it (default), or accept any, unverified, with every permission',
  ),
  // No capture of a PUT is known.
  etagHeader: orElse(trueOrFalse, false).describe('whether answers have an ETag header besides etag; default: false'),
});

export type ServiceApiBehavior = Readonly<z.output<typeof serviceApiBehaviorSchema>>;

export const SERVICE_API_BEHAVIOR_DEFAULT: ServiceApiBehavior = Object.freeze(serviceApiBehaviorSchema.parse({}));
