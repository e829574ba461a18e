import { API_ERRORS, type ApiHeaders, ApiRefusal, headerOf } from './api-message.ts';

/** An etag as clients send it, without the quotes that some of them put around it; `null` = none is asked for. */
export function ifMatchIn(headers: ApiHeaders): string | null {
  const value = headerOf(headers, 'if-match')?.trim() ?? '';
  return value === '' ? null : value.replace(/^(?:W\/)?"(.*)"$/, '$1');
}

/** @param etag as it is now @throws ApiRefusal 412 */
export function requireMatch(ifMatch: string | null, etag: string | null): void {
  if (ifMatch === null || ifMatch === '*' || ifMatch === etag) return;
  throw etagMismatch('ETag is invalid.');
}

export function etagMismatch(message: string): ApiRefusal {
  return new ApiRefusal(API_ERRORS.etagMismatch, message);
}
