import { parseObject } from '../../dps/json-object.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';

export type RegisterRequest =
  /** `payload`: custom data for the allocation webhook, any JSON; `undefined` = none. */
  { readonly kind: 'readable'; readonly payload: unknown } | { readonly kind: 'refused'; readonly reason: string };

/**
 * Reads the body of a register request. It may be empty, lack the registration ID, or contain `payload: null`: official SDKs
 * send all of these. A registration ID that differs from the connection's is refused.
 */
export function readRegisterRequest(text: string, registrationId: string): RegisterRequest {
  if (text.trim() === '') return { kind: 'readable', payload: undefined };
  const body = parseObject(text);
  if (body === null) return { kind: 'refused', reason: 'the body is not a JSON object' };
  if (body['csr'] !== undefined) return { kind: 'refused', reason: 'certificate signing is not emulated' };
  const payload = body['payload'] ?? undefined;
  const bodyId = body['registrationId'];
  if (bodyId === undefined || bodyId === null) return { kind: 'readable', payload };
  if (typeof bodyId === 'string' && foldRegistrationId(bodyId) === foldRegistrationId(registrationId)) {
    return { kind: 'readable', payload };
  }
  return { kind: 'refused', reason: "the body's registration ID differs from the connection's" };
}
