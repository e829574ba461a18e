import { isJsonObject } from '../../../dps/json-object.ts';
import { PAGING_HEADERS } from '../../../dps/service-api.ts';
import { type ApiHeaders, headerOf } from './api-message.ts';
import { invalid } from './json-body.ts';

/** What a page is asked for. */
export type PageRequest = {
  readonly itemsMax: number;
  /** The place after which it begins, as the page before told it; `null` = at the beginning. */
  readonly after: readonly number[] | null;
};

/** Seen on the real service. */
const PAGE_ITEMS_DEFAULT = 100;

/** @throws ApiRefusal 400 */
export function readPageRequest(headers: ApiHeaders, itemsMax: number): PageRequest {
  const asked = headerOf(headers, PAGING_HEADERS.itemCountMax) ?? String(Math.min(itemsMax, PAGE_ITEMS_DEFAULT));
  if (!/^[1-9]\d{0,9}$/.test(asked)) throw invalid(`${PAGING_HEADERS.itemCountMax} must be a number above 0`);
  const continuation = headerOf(headers, PAGING_HEADERS.continuation);
  return { itemsMax: Math.min(itemsMax, Number(asked)), after: continuation === null ? null : placeIn(continuation) };
}

/** @param lastPlace of the last item, if there are more; `null` = this is the last page */
export function pageHeaders(
  itemType: string,
  itemsMax: number,
  lastPlace: readonly number[] | null,
): Record<string, string> {
  const headers = { [PAGING_HEADERS.itemType]: itemType, [PAGING_HEADERS.itemCountMax]: String(itemsMax) };
  if (lastPlace === null) return headers;
  return { ...headers, [PAGING_HEADERS.continuation]: base64(JSON.stringify({ token: lastPlace })) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function placeIn(continuation: string): readonly number[] {
  const text = Buffer.from(continuation, 'base64').toString();
  try {
    const value: unknown = JSON.parse(text);
    const place = isJsonObject(value) ? value['token'] : null;
    if (Array.isArray(place) && place.every((part) => typeof part === 'number')) return place;
  } catch {}
  throw invalid(`${PAGING_HEADERS.continuation} is not from a page before`);
}
