import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSasToken, isSignedWith, parseSasToken, registrationResource } from '../../src/dps/sas-token.ts';
import { idScopes, registrationIds, symmetricKeys } from '../support/arbitraries.ts';

type Member = 'sr' | 'sig' | 'se' | 'skn';
type Shape = {
  readonly encode: (resource: string) => string;
  readonly order: readonly Member[];
  readonly policy: string;
};

/** `%XX` for everything but letters, digits and `-_.~`, after RFC 3986. */
function percentEncode(text: string, hex: 'upper' | 'lower' = 'upper'): string {
  const encoded = [...new TextEncoder().encode(text)].map((byte) => {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9\-_.~]/.test(character)) return character;
    const digits = byte.toString(16).padStart(2, '0');
    return `%${hex === 'upper' ? digits.toUpperCase() : digits}`;
  });
  return encoded.join('');
}

/** The tokens of Microsoft's own clients, which all differ. */
const SHAPES: Readonly<Record<string, Shape>> = {
  'C and C# 1': { encode: percentEncode, order: ['sr', 'sig', 'se', 'skn'], policy: 'registration' },
  Node: { encode: (resource) => resource, order: ['sr', 'sig', 'skn', 'se'], policy: 'registration' },
  Java: { encode: (resource) => resource, order: ['sr', 'sig', 'se', 'skn'], policy: '' },
  'Python and C# 2': { encode: percentEncode, order: ['sr', 'sig', 'se'], policy: '' },
  'Embedded C': {
    encode: (resource) => percentEncode(resource, 'lower'),
    order: ['sr', 'sig', 'se', 'skn'],
    policy: 'registration',
  },
  'IoT identity service': {
    encode: (resource) => percentEncode(resource.toLowerCase()),
    order: ['sr', 'sig', 'se', 'skn'],
    policy: 'registration',
  },
  'a user by hand': { encode: percentEncode, order: ['sr', 'skn', 'sig', 'se'], policy: 'registration' },
};

/** HMAC-SHA256 by the Web Crypto API. */
async function hmac(keyBytes: Uint8Array<ArrayBuffer>, text: string): Promise<string> {
  const key = await crypto.subtle.importKey('raw', keyBytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

async function tokenIn(shape: Shape, resource: string, deviceKey: string, expiry: number): Promise<string> {
  const sr = shape.encode(resource);
  const sig = percentEncode(await hmac(bytesOf(deviceKey), `${sr}\n${expiry}`));
  const values: Record<Member, string> = { sr, sig, se: String(expiry), skn: shape.policy };
  return `SharedAccessSignature ${shape.order.map((member) => `${member}=${values[member]}`).join('&')}`;
}

const expiries = fc.integer({ min: 0, max: 4_102_444_800 });

describe('a token in the shape of', () => {
  it.each(Object.entries(SHAPES))('%s is read and verified', async (_client, shape) => {
    await fc.assert(
      fc.asyncProperty(idScopes, registrationIds, symmetricKeys, expiries, async (scope, id, key, expiry) => {
        const resource = `${scope}/registrations/${id}`;
        const token = parseSasToken(await tokenIn(shape, resource, key, expiry));
        expect(token?.resource.toLowerCase()).toBe(resource.toLowerCase());
        expect(token?.expiryEpochSeconds).toBe(expiry);
        expect(token && isSignedWith(token, key)).toBe(true);
      }),
    );
  });
});

describe('the token that is built', () => {
  it('equals the one of an independent builder', async () => {
    const shape = SHAPES['C and C# 1'] as Shape;
    await fc.assert(
      fc.asyncProperty(idScopes, registrationIds, symmetricKeys, expiries, async (scope, id, key, expiry) => {
        const expected = await tokenIn(shape, registrationResource(scope, id), key, expiry);
        expect(buildSasToken(scope, id, key, expiry)).toBe(expected);
      }),
    );
  });

  it('fails with any other key, resource or expiry', () => {
    fc.assert(
      fc.property(
        idScopes,
        registrationIds,
        symmetricKeys,
        symmetricKeys,
        expiries,
        (scope, id, key, other, expiry) => {
          fc.pre(key !== other);
          const token = parseSasToken(buildSasToken(scope, id, key, expiry));
          if (token === null) throw new Error('not a token');
          expect(isSignedWith(token, other)).toBe(false);
          expect(isSignedWith({ ...token, resourceRaw: `${token.resourceRaw}x` }, key)).toBe(false);
          expect(isSignedWith({ ...token, expiryEpochSeconds: expiry + 1 }, key)).toBe(false);
        },
      ),
    );
  });
});

describe('malformed tokens', () => {
  it.each([
    '',
    'SharedAccessSignature ',
    'sr=a&sig=b&se=1',
    'SharedAccessSignature sr=a&sig=b',
    'SharedAccessSignature sr=a&se=1',
    'SharedAccessSignature sig=b&se=1',
    'SharedAccessSignature sr=a&sig=b&se=soon',
    'SharedAccessSignature sr=a&sig=b&se=-1',
    'SharedAccessSignature sr=a&sig=b&se=1.5',
    'SharedAccessSignature sr=a&sr=c&sig=b&se=1',
    'SharedAccessSignature sr=%zz&sig=b&se=1',
    'SharedAccessSignature sr=a&sig=%&se=1',
    'SharedAccessSignature sr=a&sig=b&se=1&skn',
  ])('%j', (text) => {
    expect(parseSasToken(text)).toBeNull();
  });

  it('of any text: none throws', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string().map((tail) => `SharedAccessSignature ${tail}`),
    );
    fc.assert(fc.property(texts, (text) => void parseSasToken(text)));
  });
});
