import { once } from 'node:events';
import { rootCertificates } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientCertificate } from '../../src/conversation/client-certificate.ts';
import { TLS_CHOICES_DEFAULT, tlsSockets } from '../../src/mqtt/tls-sockets.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { createTestCa, impostors, type TestCa } from '../support/test-certificates.ts';
import { startTlsWitness } from '../support/tls-witness.ts';

let addedPem: string;
let impostorOf: (rootPem: string) => TestCa;
let device: ClientCertificate;

beforeAll(async () => {
  addedPem = (await createTestCa('added root')).certPem;
  impostorOf = await impostors();
  const { certificatePem, privateKeyPem } = await deviceCertificate('dev-1', await authority('Root'));
  device = { chainPem: certificatePem, privateKeyPem };
});

/** The code of the error with which a client refuses a server whose certificate names `rootPem` as its issuer, but is not signed by it. */
async function refusalCode(
  rootPem: string,
  caOnly: boolean,
  certificate: ClientCertificate | null = null,
): Promise<string> {
  // A server that knows the root would send it along, and every client would check the signature against it.
  const server = await startTlsWitness(await impostorOf(rootPem).issue(), { ca: addedPem });
  const endpoint = { host: '127.0.0.1', port: server.port, caPems: [addedPem], addresses: null };
  const open = tlsSockets(endpoint, { ...TLS_CHOICES_DEFAULT, caOnly });
  const refused = await once(open(certificate).resume(), 'close').then(
    () => 'none',
    ({ code }: NodeJS.ErrnoException) => code ?? 'unknown',
  );
  await server.close();
  return refused;
}

/**
 * Nobody here can sign as a root that Node ships. But OpenSSL checks a signature only against a root that it trusts: where the issuer
 * is none of those, it refuses the server because it cannot find the issuer.
 */
describe('where a root is added', () => {
  it('each root that Node ships is still trusted', async () => {
    const codes = new Map<string, number>();
    for (const rootPem of rootCertificates) {
      const code = await refusalCode(rootPem, false);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect([...codes]).toEqual([['CERT_SIGNATURE_FAILURE', rootCertificates.length]]);
  });

  it('they are trusted by a device with a certificate, too', async () => {
    expect(await refusalCode(String(rootCertificates[0]), false, device)).toBe('CERT_SIGNATURE_FAILURE');
  });

  it.each([
    ['without'],
    ['with'],
  ])('none of them is trusted when the root replaces them, %s a certificate', async (has) => {
    const certificate = has === 'with' ? device : null;
    const code = await refusalCode(String(rootCertificates[0]), true, certificate);
    expect(code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});
