import type { KeyObject } from 'node:crypto';

/** Algorithms of new keys. Small devices can handle P-256, and a key takes a hundredth of the time of an RSA key. */
export const KEY_ALGORITHMS = ['p256', 'rsa2048'] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** The kind of a key: one of `KEY_ALGORITHMS`, or OpenSSL's name for it, with its size. */
export function keyKind({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  if (namedCurve === 'prime256v1') return 'p256';
  return namedCurve ?? `${asymmetricKeyType ?? 'unknown'}${modulusLength ?? ''}`;
}
