import { dirname } from 'node:path';
import { type Problem, problem } from '../problem/operator-error.ts';
import { type GatheredSettings, givenOrigins, listGiven } from './gather-settings.ts';
import { describeOrigin, problemAt } from './origin.ts';
import type { AttestationChoice, CertificateSource } from './scenario.ts';
import type { SettingName } from './settings.ts';

const FOLDER_SETTINGS: readonly SettingName[] = ['certDir', 'certPattern', 'keyPattern'];
const ISSUER_SETTINGS: readonly SettingName[] = ['issuerCertFile', 'issuerKeyFile'];

const CERTIFICATE_SETTINGS: readonly SettingName[] = [...FOLDER_SETTINGS, ...ISSUER_SETTINGS];

/** Settings of certificates that mean nothing with this attestation. */
export function foreignCertificateSettings(attestation: AttestationChoice): readonly SettingName[] {
  if (attestation.kind !== 'x509' || ['rows', 'throw-away'].includes(attestation.certificates.from))
    return CERTIFICATE_SETTINGS;
  return attestation.certificates.from === 'folder' ? ISSUER_SETTINGS : FOLDER_SETTINGS;
}

/** Where each device's certificate comes from: a folder, an issuer, or else the columns of the CSV. */
export function resolveCertificates(settings: GatheredSettings, problems: Problem[]): CertificateSource {
  const { values, origins } = settings;
  const [ofFolder, ofIssuer] = [FOLDER_SETTINGS, ISSUER_SETTINGS].map((names) => givenOrigins(origins, names));
  if (ofFolder?.length && ofIssuer?.length) {
    const message = `two sources of certificates: ${listGiven(origins, FOLDER_SETTINGS)} and ${listGiven(origins, ISSUER_SETTINGS)}`;
    problems.push(problem(message, 'Remove one of them'));
  }
  if (ofIssuer?.length) return issuerSource(settings, problems);
  const { certDir: folder, certPattern, keyPattern } = values;
  if (folder !== null) {
    return { from: 'folder', folder, certificatePattern: certPattern ?? '', keyPattern: keyPattern ?? '' };
  }
  if (values.throwAway) return { from: 'throw-away' };
  if (ofFolder?.length) {
    const message = `${listGiven(origins, FOLDER_SETTINGS)}: a pattern names files in a folder, and none is given`;
    problems.push(problem(message, 'Add --cert-dir DIR'));
  }
  return { from: 'rows', folder: dirname(values.fleet ?? '') };
}

function issuerSource({ values, origins }: GatheredSettings, problems: Problem[]): CertificateSource {
  const { issuerCertFile: certificateFile, issuerKeyFile: keyFile } = values;
  if (certificateFile === null || keyFile === null) {
    const message = `${listGiven(origins, ISSUER_SETTINGS)}: an issuer needs both its certificate and its key`;
    problems.push(problem(message, 'Give --issuer-cert-file FILE and --issuer-key-file FILE'));
  }
  return { from: 'issuer', certificateFile: certificateFile ?? '', keyFile: keyFile ?? '' };
}

/** Certificates with an attestation of another kind are a mistake, not a wish. */
export function complainOfUselessCertificates({ values, origins }: GatheredSettings, problems: Problem[]): void {
  const given = givenOrigins(origins, CERTIFICATE_SETTINGS);
  const [first] = given;
  if (first === undefined) return;
  const message = `${given.map(describeOrigin).join(', ')}: a certificate has no use with attestation ${values.attestation}`;
  problems.push(problemAt(first, message, 'Use --attestation x509, or remove it'));
}
