import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { ClientCertificate } from './client-certificate.ts';
import type { TlsChoices } from './tls-choices.ts';

/** What Node's contexts can do beyond their documentation, on Node 20 to 26. */
type NativeContext = { addCACert?(pem: string): void; close?(): void };

/**
 * A context for one device, which shows its certificate.
 *
 * Where roots are added to the system's, parsing all of them anew costs 10 to 30 ms a context: instead the added ones are put
 * beside the system's, which all contexts share.
 *
 * @param caPems roots that are added, or that stand alone.
 * @throws what `tls.createSecureContext` throws for a certificate or key that it cannot read, or that do not fit.
 */
export function openDeviceContext(
  { chainPem, privateKeyPem }: ClientCertificate,
  caPems: readonly string[],
  { caOnly, versionMin: minVersion, versionMax: maxVersion }: TlsChoices,
): SecureContext {
  const options = { minVersion, maxVersion, cert: chainPem, key: privateKeyPem };
  if (caPems.length === 0) return createSecureContext(options);
  if (caOnly) return createSecureContext({ ...options, ca: [...caPems] });
  const context = createSecureContext(options);
  const native: NativeContext = context.context;
  if (native.addCACert === undefined) return createSecureContext({ ...options, ca: [...rootCertificates, ...caPems] });
  for (const pem of caPems) native.addCACert(pem);
  return context;
}

/**
 * Frees the memory of a context that no connection uses any more. Left to the garbage collector, which does not see how large
 * it is outside the heap, contexts pile up by the thousand (nodejs/node issue 66002).
 */
export function closeDeviceContext(context: SecureContext): void {
  const native: NativeContext = context.context;
  native.close?.();
}
