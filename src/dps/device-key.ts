import { createHmac } from 'node:crypto';

/** Customers may supply keys of 16 to 64 bytes; the service generates keys of 64 bytes. */
const KEY_BYTES_MIN = 16;
export const KEY_BYTES_MAX = 64;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Why `key` is not a symmetric key, as the end of a sentence that never quotes the key; `null` if it is one. */
export function symmetricKeyProblem(key: string): string | null {
  if (key === '') return 'is empty';
  if (!BASE64.test(key)) return 'is not base64 (4-character groups of A-Z a-z 0-9 + / with = padding)';
  const bytes = Buffer.from(key, 'base64').length;
  if (bytes < KEY_BYTES_MIN || bytes > KEY_BYTES_MAX) {
    return `decodes to ${bytes} bytes; keys have ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes`;
  }
  return null;
}

/**
 * The device's key in a symmetric-key enrollment group, base64:
 * `base64(HMAC-SHA256(key = base64Decode(groupKey), message = UTF-8(registrationId)))`.
 * This uses the registration ID's bytes unchanged; whether the service folds its case first is unverified.
 */
export function deriveDeviceKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId, 'utf8').digest('base64');
}

/** Base64 without padding counts as a key from this length (48 bytes); shorter words and paths can look like base64. */
const UNPADDED_KEY_CHARACTERS_MIN = 64;

/** Of 64 random characters of base64, all but one in 50,000 have a digit, a capital and a small letter; most paths that long do not. */
function isUnpaddedKey(text: string): boolean {
  return text.length >= UNPADDED_KEY_CHARACTERS_MIN && [/\d/, /[A-Z]/, /[a-z]/].every((kind) => kind.test(text));
}

/** Returns whether `text` is itself a secret: a symmetric key, an Azure token or connection string, or a private key. */
export function isSecret(text: string): boolean {
  if (/SharedAccess(?:Key|Signature)|PRIVATE KEY/.test(text)) return true;
  const bare = text.trim();
  return symmetricKeyProblem(bare) === null && (bare.endsWith('=') || isUnpaddedKey(bare));
}
