import type { KeyObject } from 'node:crypto';

/** Algorithms of new keys. Small devices can handle P-256, and a key takes a hundredth of the time of an RSA key. */
export const KEY_ALGORITHMS = ['p256', 'rsa2048'] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** Hashes of new signatures, in WebCrypto's words. */
export const SIGNATURE_HASHES = { sha256: 'SHA-256', sha384: 'SHA-384' } as const;

export type SignatureHash = keyof typeof SIGNATURE_HASHES;

/** The kind of a key: one of `KEY_ALGORITHMS`, or OpenSSL's name for it, with its size. */
export function keyKind({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  if (namedCurve === 'prime256v1') return 'p256';
  return namedCurve ?? `${asymmetricKeyType ?? 'unknown'}${modulusLength ?? ''}`;
}
