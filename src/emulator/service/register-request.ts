import { foldRegistrationId } from '../../dps/registration-id.ts';

export type RegisterRequest =
  /** `payload`: custom data for the allocation webhook, any JSON; `undefined` = none. */
  { readonly kind: 'readable'; readonly payload: unknown } | { readonly kind: 'refused'; readonly reason: string };

/**
 * Reads a register request's body. It may be empty, may lack the registration ID, and may carry `payload: null`: official
 * SDKs send all of these. A registration ID that contradicts the connection's is refused.
 */
export function readRegisterRequest(text: string, registrationId: string): RegisterRequest {
  if (text.trim() === '') return { kind: 'readable', payload: undefined };
  const body = parseObject(text);
  if (body === null) return { kind: 'refused', reason: 'the body is no JSON object' };
  if (body['csr'] !== undefined) return { kind: 'refused', reason: 'certificate signing is not emulated' };
  const payload = body['payload'] ?? undefined;
  const bodyId = body['registrationId'];
  if (bodyId === undefined || bodyId === null) return { kind: 'readable', payload };
  if (typeof bodyId === 'string' && foldRegistrationId(bodyId) === foldRegistrationId(registrationId)) {
    return { kind: 'readable', payload };
  }
  return { kind: 'refused', reason: "the body's registration ID differs from the connection's" };
}

/** The object that `text` is in JSON, or `null`. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}
