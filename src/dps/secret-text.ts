import { symmetricKeyProblem } from './device-key.ts';

/** Length from which base64 without padding counts as a key: 48 bytes. Shorter words and paths can look the same. */
const UNPADDED_KEY_CHARACTERS_MIN = 64;

/** Whether `text` is a secret itself: a symmetric key, an Azure token or connection string, a private key. */
export function isSecret(text: string): boolean {
  if (/SharedAccess(?:Key|Signature)|PRIVATE KEY/.test(text)) return true;
  const bare = text.trim();
  return symmetricKeyProblem(bare) === null && (bare.endsWith('=') || bare.length >= UNPADDED_KEY_CHARACTERS_MIN);
}
