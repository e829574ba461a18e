import type { X509Certificate } from 'node:crypto';
import { symmetricKeyProblem } from '../../../dps/device-key.ts';
import { isJsonObject, type JsonObject, withoutNulls } from '../../../dps/json-object.ts';
import type { AttestationBody, X509AttestationBody, X509CertificatesBody } from '../../../dps/service-api.ts';
import type {
  Attestation,
  Enrollment,
  InstanceSettings,
  SymmetricKeyAttestation,
  X509Attestation,
} from '../dps-instance.ts';
import { keptText } from '../kept-text.ts';
import { certificateBody, certificateIn, thumbprint } from './certificate-body.ts';
import { invalid, unreadable } from './json-body.ts';

/** What an attestation is read for. */
export type AttestationContext = {
  readonly kind: Enrollment['kind'];
  /** Of the enrollment that is replaced; `null` = there is none. */
  readonly previous: Attestation | null;
  readonly uploadedCas: InstanceSettings['uploadedCas'];
  /** Whether keys that are left out stay as they were. */
  readonly keepsKeys: boolean;
  /** Returns a new symmetric key. */
  readonly newKey: () => string;
};

const RANKS = ['primary', 'secondary'] as const;
const X509_FORMS = ['clientCertificates', 'signingCertificates', 'caReferences'] as const;

/** @throws ApiRefusal */
export function readAttestation(body: unknown, context: AttestationContext): Attestation {
  if (!isJsonObject(body)) throw invalid('attestation is required');
  const { type, symmetricKey, x509, tpm } = withoutNulls(body);
  if (type === 'symmetricKey') return readKeys(membersOf(symmetricKey ?? {}, 'symmetricKey'), context);
  if (type === 'x509') return readX509(membersOf(x509, 'x509'), context);
  if (type === 'tpm' && context.kind === 'individual') return readTpm(membersOf(tpm, 'tpm'));
  const types = context.kind === 'individual' ? 'symmetricKey, x509 or tpm' : 'symmetricKey or x509';
  throw invalid(`attestation.type must be ${types}`);
}

/** @param withSecrets whether symmetric keys are included */
export function attestationBody(
  attestation: Attestation,
  { withSecrets, withCertificates }: { readonly withSecrets: boolean; readonly withCertificates: boolean },
): AttestationBody {
  if (attestation.kind === 'x509') return { type: 'x509', x509: x509Body(attestation, withCertificates) };
  if (attestation.kind === 'tpm') {
    const { endorsementKey, storageRootKey } = attestation;
    return { type: 'tpm', tpm: { endorsementKey, ...(storageRootKey === null ? {} : { storageRootKey }) } };
  }
  if (!withSecrets) return { type: 'symmetricKey' };
  const { primaryKey, secondaryKey } = attestation;
  return { type: 'symmetricKey', symmetricKey: { primaryKey, ...(secondaryKey === null ? {} : { secondaryKey }) } };
}

function membersOf(value: unknown, name: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(`attestation.${name} is required`);
  return withoutNulls(value);
}

/** Whatever is left out stays as it was, or is made. */
function readKeys(keys: JsonObject, { previous, keepsKeys, newKey }: AttestationContext): SymmetricKeyAttestation {
  const known = keepsKeys && previous?.kind === 'symmetricKey' ? previous : null;
  const keyOf = (rank: 'primaryKey' | 'secondaryKey'): string => {
    const key = keys[rank];
    if (key === undefined) return known?.[rank] ?? newKey();
    const problem = typeof key === 'string' ? symmetricKeyProblem(key) : 'is not text';
    if (typeof key === 'string' && problem === null) return key;
    throw invalid(`attestation.symmetricKey.${rank} ${problem}`);
  };
  return { kind: 'symmetricKey', primaryKey: keyOf('primaryKey'), secondaryKey: keyOf('secondaryKey') };
}

function readTpm({ endorsementKey, storageRootKey }: JsonObject): Attestation {
  const isKey = (key: unknown): key is string => typeof key === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(key);
  if (!isKey(endorsementKey)) throw invalid('attestation.tpm.endorsementKey must be base64');
  if (storageRootKey === undefined) return { kind: 'tpm', endorsementKey, storageRootKey: null };
  if (!isKey(storageRootKey)) throw invalid('attestation.tpm.storageRootKey must be base64');
  return { kind: 'tpm', endorsementKey, storageRootKey };
}

function readX509(x509: JsonObject, context: AttestationContext): X509Attestation {
  const forms = X509_FORMS.filter((form) => x509[form] !== undefined);
  const [form] = forms;
  if (form === undefined || forms.length > 1)
    throw invalid(`attestation.x509 must have one of ${X509_FORMS.join(', ')}`);
  if (form === 'clientCertificates' && context.kind === 'group') {
    throw invalid('attestation.x509.clientCertificates belongs to individual enrollments');
  }
  const named = membersOf(x509[form], `x509.${form}`);
  const ranks = RANKS.filter((rank) => named[rank] !== undefined);
  if (ranks[0] !== 'primary') throw invalid(`attestation.x509.${form} has no primary`);
  if (form === 'caReferences')
    return referenced(
      ranks.map((rank) => named[rank]),
      context,
    );
  const certificates = ranks.map((rank) => readCertificate(named[rank], `attestation.x509.${form}.${rank}`, context));
  return { kind: 'x509', use: form === 'clientCertificates' ? 'client' : 'signing', certificates };
}

/** Clients that change something else send back what they got: what is known about a certificate, without the certificate. */
function readCertificate(body: unknown, name: string, { previous }: AttestationContext): X509Certificate {
  if (!isJsonObject(body)) throw unreadable(`${name} is not an object`);
  const { certificate: text, info } = withoutNulls(body);
  if (typeof text === 'string' && text !== '') {
    const certificate = certificateIn(text);
    if (certificate !== null) return certificate;
    throw invalid(`${name}.certificate must be a certificate in PEM or base64`);
  }
  const named = isJsonObject(info) ? info['sha256Thumbprint'] : undefined;
  const known = previous?.kind === 'x509' ? previous.certificates : [];
  const same = known.find(({ fingerprint256 }) => thumbprint(fingerprint256) === String(named).toUpperCase());
  if (same !== undefined) return same;
  throw invalid(`${name}.certificate is required`);
}

/** A CA whose possession was not proved lets nobody in. */
function referenced(names: readonly unknown[], { uploadedCas }: AttestationContext): X509Attestation {
  const caReferences = names.map((name) => {
    if (typeof name === 'string' && Object.hasOwn(uploadedCas, name)) return name;
    const shown = JSON.stringify(keptText(String(name)));
    throw invalid(`attestation.x509.caReferences names ${shown}, which is no uploaded CA certificate`);
  });
  const certificates = caReferences.flatMap((name) => uploadedCas[name] ?? []);
  return { kind: 'x509', use: 'signing', certificates, caReferences };
}

function x509Body(
  { use, certificates, caReferences }: X509Attestation,
  withCertificates: boolean,
): X509AttestationBody {
  if (caReferences !== undefined) {
    const [primary = '', secondary] = caReferences;
    return { caReferences: { primary, ...(secondary === undefined ? {} : { secondary }) } };
  }
  const [primary, secondary] = certificates.map((each) => certificateBody(each, withCertificates));
  const pair: X509CertificatesBody = {
    ...(primary === undefined ? {} : { primary }),
    ...(secondary === undefined ? {} : { secondary }),
  };
  return use === 'client' ? { clientCertificates: pair } : { signingCertificates: pair };
}
