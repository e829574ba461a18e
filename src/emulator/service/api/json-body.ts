import { isJsonObject, type JsonObject } from '../../../dps/json-object.ts';
import { API_ERRORS, ApiRefusal, type ApiRequest, headerOf } from './api-message.ts';

/** Twins may be ten levels deep. Without a limit, a small body of brackets would overflow the stack where it is written again. */
const LEVELS_MAX = 50;

/** `application/json`, in UTF-8 if it says how it is encoded. */
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

/** The body of a request as a JSON object. @throws ApiRefusal 415, or 400 */
export function jsonBody({ headers, body }: ApiRequest): JsonObject {
  const type = headerOf(headers, 'content-type');
  if (type !== null && !JSON_TYPE.test(type)) {
    throw new ApiRefusal(API_ERRORS.unsupportedBody, 'The body must be application/json in UTF-8.');
  }
  const value = parsed(body);
  if (!isJsonObject(value)) throw unreadable('the body is not a JSON object');
  if (isDeeperThan(value, LEVELS_MAX)) throw unreadable(`the body has more than ${LEVELS_MAX} levels`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable('the body is not JSON');
  }
}

export function unreadable(reason: string): ApiRefusal {
  return new ApiRefusal(API_ERRORS.unreadable, `Deserialization error: ${reason}.`);
}

export function invalid(reason: string): ApiRefusal {
  return new ApiRefusal(API_ERRORS.badRequest, `Bad Request: ${reason}.`);
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
