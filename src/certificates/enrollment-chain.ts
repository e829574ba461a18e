import type { X509Certificate } from 'node:crypto';
import { type ValidityKind, validityKind } from './validity.ts';

/** Longest chain that is followed; real ones have two to four certificates. */
const LINKS_MAX = 10;

/**
 * Follows a device's certificate up to a CA of its enrollment, through the certificates that the device presents (RFC 5280, 6.1: names,
 * signatures, validity and the CA flag).
 *
 * @param presented the device's certificate, then its intermediates, in any order
 * @param anchors the CAs of the enrollment groups, of which any will do
 * @returns why the chain does not lead there, a clause that names the missing or broken link; `null` = it does
 */
export function chainProblem(
  presented: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  nowMs: number,
): string | null {
  const [leaf, ...intermediates] = presented;
  if (leaf === undefined) return 'there is no certificate';
  let current = leaf;
  for (let link = 0; link < LINKS_MAX; link += 1) {
    const anchor = anchors.find((ca) => hasIssued(ca, current) || ca.fingerprint256 === current.fingerprint256);
    if (anchor !== undefined) return authorityProblem(anchor, nowMs);
    const issuer = intermediates.find((ca) => ca !== current && hasIssued(ca, current));
    if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) {
      return missingLink(current, [...anchors, ...intermediates]);
    }
    const broken = authorityProblem(issuer, nowMs);
    if (broken !== null) return broken;
    current = issuer;
  }
  return `its chain has more than ${LINKS_MAX} certificates`;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function missingLink(current: X509Certificate, known: readonly X509Certificate[]): string {
  const issuer = nameOf(current.issuer);
  if (current.issuer === current.subject) {
    return `its chain ends at ${issuer}, which signed itself and is not the CA of the enrollment`;
  }
  const isNamesake = known.some(({ subject }) => subject === current.issuer);
  return isNamesake
    ? `the signature on ${nameOf(current.subject)} is not by the given ${issuer}: another CA has the same name`
    : `the link from ${nameOf(current.subject)} to its issuer ${issuer} is missing`;
}

const STATES: Readonly<Record<ValidityKind, string | null>> = {
  current: null,
  expired: 'has expired',
  'not-yet-valid': 'is not valid yet',
};

/** Why a certificate cannot vouch for others now, a clause; `null` = it can. */
export function authorityProblem(authority: X509Certificate, nowMs: number): string | null {
  const name = nameOf(authority.subject);
  if (!authority.ca) return `${name} is not a CA certificate`;
  const state = STATES[validityKind(authority, nowMs)];
  return state === null ? null : `the CA certificate ${name} ${state}`;
}

/** `CN=Line A, O=Example` */
function nameOf(distinguishedName: string): string {
  return distinguishedName.split('\n').join(', ');
}
