import { readFile } from 'node:fs/promises';
import { commonName, parseCertificate } from '../certificates/certificate-chain.ts';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import { deriveDeviceKey } from '../dps/device-key.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { buildSasToken } from '../dps/sas-token.ts';
import { type CertificateFiles, certificatePaths } from '../fleet/certificate-files.ts';
import { unreadableReason } from '../problem/operator-error.ts';
import type { Credentials } from '../registration/credentials.ts';
import type { Launch } from '../registration/launch.ts';
import type { Clock } from '../time/clock.ts';
import type { AttestationKeys, GroupKeys } from './attestation-keys.ts';

/** The part of a launch that credentials are made from. */
export type CredentialRow = Pick<
  Launch,
  'row' | 'registrationId' | 'group' | 'deviceKey' | 'certificateFile' | 'keyFile'
>;

/** Why a device cannot even attempt to register. */
export type CredentialRefusal = {
  /** `certificate-unreadable`: a file is missing or is not PEM. `certificate-mismatch`: it belongs to another device. */
  readonly code: 'certificate-unreadable' | 'certificate-mismatch';
  /** Another try may succeed: this machine failed to read the file, temporarily. */
  readonly passes: boolean;
  /** For people; quotes no key. */
  readonly message: string;
};

export type MadeCredentials = { readonly credentials: Credentials } | { readonly refusal: CredentialRefusal };

/** @throws Error for a row without the key or file that the survey requires. */
export type MakeCredentials = (row: CredentialRow) => Promise<MadeCredentials>;

/** Returns the function that makes the credentials of any row of a run. */
export function credentialsMaker(keys: AttestationKeys, idScope: string, clock: Clock): MakeCredentials {
  if (keys.kind === 'x509-files') return (row) => fileCredentials(keys.files, row);
  if (keys.kind === 'x509-issuer') {
    // The certificate library loads slowly, and most runs do not need it.
    const issue = import('./certificate-issuer.ts').then(({ deviceIssuer }) => deviceIssuer(keys, clock));
    return async ({ registrationId }) => ({ credentials: certificateCredentials(await (await issue)(registrationId)) });
  }
  return async (row) => {
    const made = symmetricKeyCredentials(keys, idScope, row);
    if ('reason' in made) throw new Error(`row ${row.row} ${made.reason}; the survey should have refused it`);
    return made;
  };
}

/** X.509 devices prove their identity in the TLS handshake and send no password. */
function certificateCredentials(clientCertificate: ClientCertificate): Credentials {
  return { keys: 1, password: () => null, clientCertificate };
}

/**
 * Reads a device's certificate and key. TLS finds out whether they match, and the service whether they are valid: an expired
 * certificate is presented as it is.
 */
export async function fileCredentials(files: CertificateFiles, row: CredentialRow): Promise<MadeCredentials> {
  const { certificateFile, keyFile } = certificatePaths(files, row);
  if (certificateFile === null || keyFile === null) {
    throw new Error(`row ${row.row} names no certificate or no key; the survey should have refused it`);
  }
  const [chain, key] = await Promise.all([readPem(certificateFile), readPem(keyFile)]);
  if ('refusal' in chain) return chain;
  if ('refusal' in key) return key;
  const reason = certificateRefusal(chain.pem, row.registrationId);
  if (reason !== null)
    return { refusal: { ...reason, passes: false, message: `${certificateFile}: ${reason.message}` } };
  return { credentials: certificateCredentials({ chainPem: chain.pem, privateKeyPem: key.pem }) };
}

/** Why the first certificate of `chainPem` cannot be presented as this device's. */
export function certificateRefusal(chainPem: string, registrationId: string): Omit<CredentialRefusal, 'passes'> | null {
  const certificate = parseCertificate(chainPem);
  if (certificate === null) return { code: 'certificate-unreadable', message: 'contains no PEM certificate' };
  const name = commonName(certificate);
  if (name !== null && foldRegistrationId(name) === foldRegistrationId(registrationId)) return null;
  const whose = name === null ? 'has no common name' : `is for ${JSON.stringify(name)}`;
  return { code: 'certificate-mismatch', message: `the certificate ${whose}, not for this device` };
}

/** Shortages of this machine that have nothing to do with the file: descriptors, memory, an unresponsive disk. */
const PASSING_ERRORS = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'ETIMEDOUT'];

async function readPem(file: string): Promise<{ readonly pem: string } | { readonly refusal: CredentialRefusal }> {
  try {
    return { pem: await readFile(file, 'utf8') };
  } catch (error) {
    const passes = PASSING_ERRORS.includes((error as NodeJS.ErrnoException).code ?? '');
    const message = `${file}: ${unreadableReason(error).message}`;
    return { refusal: { code: 'certificate-unreadable', passes, message } };
  }
}

/** Lifetime of a token: the value most official SDKs use, and longer than any sensible registration deadline. */
const TOKEN_LIFE_SECONDS = 3600;

/** Keys that make tokens. */
export type SymmetricKeys = Extract<AttestationKeys, { readonly kind: 'group-key' | 'device-key' }>;

export type SymmetricKeyCredentials =
  | { readonly credentials: Credentials }
  /** Why the row has no credentials, as the end of a sentence that begins with the row. */
  | { readonly reason: string };

/**
 * Uses a row's own key if it has one. Otherwise derives its keys from the primary and secondary keys of its group, or from the
 * default group keys.
 */
export function symmetricKeyCredentials(
  keys: SymmetricKeys,
  idScope: string,
  launch: Pick<Launch, 'registrationId' | 'group' | 'deviceKey'>,
): SymmetricKeyCredentials {
  const { registrationId, group } = launch;
  const deviceKeys = deviceKeysOf(keys, launch);
  if (deviceKeys.length === 0) return { reason: missingKeyReason(keys, group) };
  const password = (epochMs: number, key: number): string => {
    const chosen = deviceKeys[key];
    if (chosen === undefined) throw new Error(`the device has ${deviceKeys.length} keys, not ${key + 1}`);
    return buildSasToken(idScope, registrationId, chosen, Math.floor(epochMs / 1000) + TOKEN_LIFE_SECONDS);
  };
  return { credentials: { keys: deviceKeys.length, password, clientCertificate: null } };
}

/** A row's own key, or else its primary and secondary keys, derived; empty = it has none. */
export function deviceKeysOf(
  keys: SymmetricKeys,
  { registrationId, group, deviceKey }: Pick<Launch, 'registrationId' | 'group' | 'deviceKey'>,
): readonly string[] {
  return deviceKey === null ? derivedKeys(keys, registrationId, group) : [deviceKey];
}

/** Primary and secondary keys of the same enrollment group; empty without a primary key. */
function derivedKeys(keys: SymmetricKeys, registrationId: string, group: string | null): readonly string[] {
  if (keys.kind === 'device-key') return [];
  // Object.hasOwn: a group may be called `constructor`.
  const isNamed = group !== null && Object.hasOwn(keys.groups, group);
  const keyIn = ({ defaultKey, groups }: GroupKeys): string | null => {
    if (!isNamed) return defaultKey;
    return Object.hasOwn(groups, group) ? (groups[group] ?? null) : null;
  };
  const primary = keyIn(keys);
  if (primary === null) return [];
  return [primary, keyIn(keys.secondary)]
    .filter((groupKey) => groupKey !== null)
    .map((groupKey) => deriveDeviceKey(groupKey, registrationId));
}

function missingKeyReason(keys: SymmetricKeys, group: string | null): string {
  if (keys.kind === 'device-key') return 'has no device_key';
  const groupReason =
    group === null ? 'no default group key is given' : `no key is given for its group ${JSON.stringify(group)}`;
  return `has no device_key, and ${groupReason}`;
}
