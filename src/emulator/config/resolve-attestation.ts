import type { X509Certificate } from 'node:crypto';
import type { YamlPath } from '../../problem/yaml-document.ts';
import type { Attestation } from '../service/dps-instance.ts';
import type { ConfigProblems } from './config-problems.ts';
import type { ConfigSources } from './config-sources.ts';
import type { GroupShape, IndividualShape } from './emulator-schema.ts';

type AttestationShape = GroupShape['attestation'] | IndividualShape['attestation'];
type X509Shape = NonNullable<AttestationShape['x509']>;

/** A CA certificate of the instance, by its name. */
export type CaCertificate = { readonly certificate: X509Certificate; readonly isVerified: boolean };

/** What attestations are made of. */
export type AttestationSources = {
  readonly sources: ConfigSources;
  readonly caCertificates: ReadonlyMap<string, CaCertificate>;
  readonly problems: ConfigProblems;
};

/** `null` when something is wrong with it, which has been noted. */
export function resolveAttestation(
  shape: AttestationShape,
  at: YamlPath,
  from: AttestationSources,
): Attestation | null {
  const { symmetricKey, x509 } = shape;
  if ((symmetricKey === undefined) === (x509 === undefined)) {
    from.problems.at(at, `${at.join('.')} must have one of symmetricKey and x509`, 'Keep one of them');
    return null;
  }
  if (symmetricKey !== undefined) return resolveKeys(symmetricKey, [...at, 'symmetricKey'], from);
  return x509 === undefined ? null : resolveCertificates(x509, [...at, 'x509'], from);
}

function resolveKeys(keys: object, at: YamlPath, { sources, problems }: AttestationSources): Attestation | null {
  const primaryKey = sources.key({ ...keys }, 'primaryKey', at);
  const secondaryKey = sources.key({ ...keys }, 'secondaryKey', at);
  if (primaryKey !== null) return { kind: 'symmetricKey', primaryKey, secondaryKey };
  if (!('primaryKeyFile' in keys || 'primaryKeyVariable' in keys)) {
    problems.at(at, `${at.join('.')} has no primary key`, 'Name it with primaryKeyFile or primaryKeyVariable');
  }
  return null;
}

function resolveCertificates(shape: X509Shape, at: YamlPath, from: AttestationSources): Attestation | null {
  const named = Object.entries(shape).filter(([, value]) => value !== undefined);
  const [kind, pair] = named[0] ?? [];
  if (named.length !== 1 || kind === undefined || pair === undefined) {
    const message = `${at.join('.')} must have one of clientCertificates, signingCertificates and caReferences`;
    from.problems.at(at, message, 'Keep one of them');
    return null;
  }
  const certificates = Object.entries<string | undefined>(pair).flatMap(([position, name]) => {
    if (name === undefined) return [];
    const place = [...at, kind, position];
    const certificate = kind === 'caReferences' ? referenced(name, place, from) : from.sources.certificate(name, place);
    return certificate === null ? [] : [certificate];
  });
  return { kind: 'x509', use: kind === 'clientCertificates' ? 'client' : 'signing', certificates };
}

/** A CA whose possession was not proved lets nobody in, as at the service. */
function referenced(
  name: string,
  at: YamlPath,
  { caCertificates, problems }: AttestationSources,
): X509Certificate | null {
  const found = caCertificates.get(name);
  if (found !== undefined) return found.isVerified ? found.certificate : null;
  const remedy = `The instance has ${[...caCertificates.keys()].join(', ') || 'no caCertificates'}`;
  problems.at(at, `no CA certificate is named ${JSON.stringify(name)}`, remedy);
  return null;
}
