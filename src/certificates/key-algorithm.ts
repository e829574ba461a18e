import type { KeyObject, webcrypto } from 'node:crypto';

/** Of new keys. P-256 is what small devices can do, and a hundred times quicker to make than RSA. */
export const KEY_ALGORITHMS = ['p256', 'rsa2048'] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

export const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;
export const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/** As WebCrypto's `generateKey` takes it. */
export const KEY_GENERATION: Readonly<
  Record<KeyAlgorithm, webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams>
> = {
  p256: P256,
  rsa2048: { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
};

/** The name of a key's kind: one of `KEY_ALGORITHMS`, or what OpenSSL calls it, with its size. */
export function keyKind({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  if (namedCurve === 'prime256v1') return 'p256';
  return namedCurve ?? `${asymmetricKeyType ?? 'unknown'}${modulusLength ?? ''}`;
}
