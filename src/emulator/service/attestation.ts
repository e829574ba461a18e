import type { X509Certificate } from 'node:crypto';
import { deriveDeviceKey } from '../../dps/device-key.ts';
import { ERROR_CODES } from '../../dps/error-codes.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { isSignedWith, type SasToken } from '../../dps/sas-token.ts';
import { type ConnectedDevice, isNamed, type PresentedCredentials } from './connect-check.ts';
import type {
  EnrollmentGroup,
  IndividualEnrollment,
  SymmetricKeyAttestation,
  X509Attestation,
} from './dps-instance.ts';
import type { StoredEnrollment } from './enrollment-store.ts';
import type { InstanceState } from './instance-state.ts';
import type { ServiceBehavior } from './service-behavior.ts';

/** The enrollment that decides about the device (possibly a disabled one), or why there is none. */
export type AttestationVerdict =
  | { readonly kind: 'attested'; readonly stored: StoredEnrollment }
  /** The token matches no enrollment. */
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'refused'; readonly errorCode: number; readonly reason: string };

const NO_KEY = 'no enrollment has the key that signed the token';

/** If there is an individual enrollment, it alone decides; otherwise a group does. */
export function attest(
  device: ConnectedDevice,
  nowMs: number,
  derivationCase: ServiceBehavior['derivationCase'],
): AttestationVerdict {
  const { credentials, instance, registrationId } = device;
  const leaf = credentials.kind === 'certificates' ? credentials.chain[0] : undefined;
  if (leaf !== undefined && !isNamed(leaf, registrationId))
    return invalid('its common name is not the registration ID');
  const individual = instance.enrollments.individuals.get(registrationId);
  if (individual !== null) return attestIndividual(credentials, individual, nowMs);
  if (credentials.kind === 'certificates') return attestByGroupCertificate(credentials.chain, instance, nowMs);
  const derivedFrom = derivationCase === 'lower' ? foldRegistrationId(registrationId) : registrationId;
  return attestByGroupKey(credentials.token, derivedFrom, instance);
}

function attestIndividual(
  credentials: PresentedCredentials,
  stored: StoredEnrollment<IndividualEnrollment>,
  nowMs: number,
): AttestationVerdict {
  const { attestation, provisioningStatus } = stored.enrollment;
  const attested: AttestationVerdict = { kind: 'attested', stored };
  // The documented way to block one device of a group is a disabled entry, which decides by the registration ID alone.
  if (provisioningStatus === 'disabled') return attested;
  if (credentials.kind === 'token' && attestation.kind === 'symmetricKey') {
    return keysOf(attestation).some((key) => isSignedWith(credentials.token, key)) ? attested : unauthorized(NO_KEY);
  }
  if (credentials.kind === 'certificates' && attestation.kind === 'x509') {
    return hasCertificate(attestation, credentials.chain, nowMs) ? attested : invalid('not the enrolled certificate');
  }
  const reason = `the individual enrollment requires ${attestation.kind}`;
  return credentials.kind === 'token' ? unauthorized(reason) : invalid(reason);
}

/** The request does not name the group, so each group's key is tried, enabled groups first. */
function attestByGroupKey(token: SasToken, derivedFrom: string, { enrollments }: InstanceState): AttestationVerdict {
  const fits = ({ attestation }: EnrollmentGroup): boolean =>
    attestation.kind === 'symmetricKey' &&
    keysOf(attestation).some((groupKey) => isSignedWith(token, deriveDeviceKey(groupKey, derivedFrom)));
  const groups = enrollments.groups.list();
  const stored =
    groups.find(({ enrollment }) => enrollment.provisioningStatus === 'enabled' && fits(enrollment)) ??
    groups.find(({ enrollment }) => enrollment.provisioningStatus === 'disabled' && fits(enrollment));
  return stored === undefined ? { kind: 'unknown', reason: NO_KEY } : { kind: 'attested', stored };
}

/** The group whose certificate is nearest to the device's own decides, even if it is disabled. */
function attestByGroupCertificate(
  presented: readonly X509Certificate[],
  { settings, enrollments }: InstanceState,
  nowMs: number,
): AttestationVerdict {
  const { caCertificates } = settings;
  const path = pathOf(presented, nowMs);
  if (path.length === 0) return invalid('expired, or not yet valid');
  const isOfKnownCa = path.some((certificate) => isSignedByOneOf(certificate, caCertificates, nowMs));
  if (caCertificates.length > 0 && !isOfKnownCa)
    return invalid('the chain does not lead to a verified CA of the instance');
  for (const certificate of path) {
    const isOf = ({ attestation }: EnrollmentGroup): boolean =>
      attestation.kind === 'x509' && isSignedByOneOf(certificate, attestation.certificates, nowMs);
    const stored = enrollments.groups.list().find(({ enrollment }) => isOf(enrollment));
    if (stored !== undefined) return { kind: 'attested', stored };
  }
  if (!isOfKnownCa) return invalid('unknown CA');
  const reason = 'no enrollment for a certificate of a known CA';
  return { kind: 'refused', errorCode: ERROR_CODES.enrollmentNotFound, reason };
}

/** The primary key, and the secondary one if there is any. */
export function keysOf({ primaryKey, secondaryKey }: Omit<SymmetricKeyAttestation, 'kind'>): readonly string[] {
  return secondaryKey === null ? [primaryKey] : [primaryKey, secondaryKey];
}

/** Whether one of the certificates signed the device's own, or one above it in the presented chain, and all are valid now. */
export function isSignedUnder(
  presented: readonly X509Certificate[],
  certificates: readonly X509Certificate[],
  nowMs: number,
): boolean {
  return pathOf(presented, nowMs).some((certificate) => isSignedByOneOf(certificate, certificates, nowMs));
}

function hasCertificate(
  { use, certificates }: X509Attestation,
  presented: readonly X509Certificate[],
  nowMs: number,
): boolean {
  if (use === 'signing') return isSignedUnder(presented, certificates, nowMs);
  const [leaf] = pathOf(presented, nowMs);
  return certificates.some(({ fingerprint256 }) => leaf?.fingerprint256 === fingerprint256);
}

function isSignedByOneOf(certificate: X509Certificate, signers: readonly X509Certificate[], nowMs: number): boolean {
  return signers.some((signer) => isCurrent(signer, nowMs) && isSignedBy(certificate, signer));
}

function unauthorized(reason: string): AttestationVerdict {
  return { kind: 'refused', errorCode: ERROR_CODES.unauthorized, reason };
}

function invalid(reason: string): AttestationVerdict {
  return { kind: 'refused', errorCode: ERROR_CODES.invalidCertificate, reason: `certificate: ${reason}` };
}

export function isCurrent(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}

/** Returns whether `issuer` is a CA that signed `certificate`. */
function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/**
 * The chain from the device's own certificate up, as far as the presented certificates lead: each is signed by the next.
 * Ends before a certificate that is outside its validity period.
 */
function pathOf(presented: readonly X509Certificate[], nowMs: number): readonly X509Certificate[] {
  const [leaf, ...rest] = presented;
  if (leaf === undefined || !isCurrent(leaf, nowMs)) return [];
  const path = [leaf];
  const unused = new Set(rest);
  for (let last = leaf; ; ) {
    const issuer = [...unused].find((candidate) => isSignedByOneOf(last, [candidate], nowMs));
    if (issuer === undefined) return path;
    unused.delete(issuer);
    path.push(issuer);
    last = issuer;
  }
}
